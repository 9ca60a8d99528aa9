-- Keeps what became of attempts: newest first, trimmed, with a TTL.
--
-- KEYS  the logs, one for each owner
-- ARGV  1 entries kept  2 TTL in ms, then for each key: how many entries, and they, the oldest first
-- Reply how many logs were written
local at = 3
for _, key in ipairs(KEYS) do
  local n = tonumber(ARGV[at])
  redis.call('LPUSH', key, unpack(ARGV, at + 1, at + n))
  redis.call('LTRIM', key, 0, tonumber(ARGV[1]) - 1)
  redis.call('PEXPIRE', key, ARGV[2])
  at = at + 1 + n
end
return #KEYS
