-- Adds entries to the lists of owners' last attempts: newest first, trimmed, with a TTL.
--
-- KEYS  the lists: owners' logs and owners' stored bodies; in Cluster they are in several slots (keys.ts)
-- ARGV  1 max entries of a list  2 TTL in ms, then for each key: the number of its entries, and the entries,
--       the oldest first
-- Reply the lists that could not be written: the key of a log is public, and may have another type
local at, failed, max = 3, {}, tonumber(ARGV[1])
for _, key in ipairs(KEYS) do
  local n = tonumber(ARGV[at])
  local length = redis.pcall('LPUSH', key, unpack(ARGV, at + 1, at + n))
  if type(length) ~= 'number' then
    failed[#failed + 1] = key
  else
    if length > max then redis.call('LTRIM', key, 0, max - 1) end
    redis.call('PEXPIRE', key, ARGV[2])
  end
  at = at + 1 + n
end
return failed
