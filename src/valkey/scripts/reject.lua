#!lua flags=allow-oom
-- Stores rejected elements, newest first. If a cap is exceeded, the oldest are dropped.
--
-- KEYS  1 rejected  2 its size in bytes
-- ARGV  1 max entries  2 max bytes  3 TTL in ms, then the records, the oldest first
-- Reply how many were dropped
local max, maxBytes = tonumber(ARGV[1]), tonumber(ARGV[2])
local bytes = tonumber(redis.call('GET', KEYS[2]) or 0)
redis.call('LLEN', KEYS[1])
-- The list is public: another program that empties it does not reset the size.
if redis.call('EXISTS', KEYS[1]) == 0 then bytes = 0 end
for i = 4, #ARGV do
  redis.call('LPUSH', KEYS[1], ARGV[i])
  bytes = bytes + #ARGV[i]
end
local fallen, length = 0, redis.call('LLEN', KEYS[1])
-- The newest stays whatever its size.
while length > max or (bytes > maxBytes and length > 1) do
  local oldest = redis.call('RPOP', KEYS[1])
  bytes = bytes - #oldest
  length = length - 1
  fallen = fallen + 1
end
redis.call('SET', KEYS[2], bytes, 'PX', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return fallen
