-- Keeps what became of attempts: newest first, trimmed, with a TTL.
--
-- KEYS  the lists: an owner's log, an owner's kept bodies
-- ARGV  1 entries kept  2 TTL in ms, then for each key: how many entries, and they, the oldest first
-- Reply the lists that could not be written: a log's key is public, and may hold something else
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
