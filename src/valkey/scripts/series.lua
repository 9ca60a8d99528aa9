#!lua flags=allow-oom
-- Adds what one process has counted to the steps of the series, so that replicas sum by themselves. Runs at the
-- memory limit too: what it writes is bounded, and its counts would be wrong without.
--
-- KEYS  1 number of the process's last write  2… one hash for each resolution
-- ARGV  1 number of this write  2 how long that number is kept, in ms  3… how long each hash is kept, in ms;
--       then how many counts follow, a field and what to add for each; then fields of gauges, each with a value
--       that the field is at least
-- Reply 1; 0 where this write was made before and its reply was lost
if redis.call('GET', KEYS[1]) == ARGV[1] then return 0 end
local hashes = #KEYS - 1
-- Nothing may fail between two writes, or a repetition would count twice.
for i = 2, #KEYS do
  local wrong = wrongTypeError('hash', KEYS[i])
  if wrong then return wrong end
end
local first = 3 + hashes
local counts = tonumber(ARGV[first])
local firstGauge = first + 1 + 2 * counts
for i = 1, hashes do
  local key = KEYS[i + 1]
  for at = first + 1, firstGauge - 1, 2 do redis.call('HINCRBY', key, ARGV[at], ARGV[at + 1]) end
  for at = firstGauge, #ARGV, 2 do
    local known = tonumber(redis.call('HGET', key, ARGV[at]) or -1)
    if tonumber(ARGV[at + 1]) > known then redis.call('HSET', key, ARGV[at], ARGV[at + 1]) end
  end
  redis.call('PEXPIRE', key, ARGV[2 + i])
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
