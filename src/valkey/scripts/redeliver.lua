#!lua flags=allow-oom
-- Runs deliveries again: a scheduled one becomes due now, a parked one becomes a new delivery. A delivery that
-- is no longer either is left alone.
--
-- KEYS  1 schedule  2 scheduled  3 parked  4 parked items  5 ready  6 stats  7 events
-- ARGV  1 base, then two for each delivery: its name, and the header of the new delivery, or "" to run it only
--       if it is scheduled
-- Reply for each what it was: "scheduled", "parked" or "none"
local now = serverNow()
-- Reads every key that it writes: a key of a wrong type must fail here, for a script that fails later keeps
-- what it wrote.
redis.call('ZCARD', KEYS[1])
redis.call('ZCARD', KEYS[3])
redis.call('LLEN', KEYS[5])
for _, hash in ipairs({ KEYS[2], KEYS[4], KEYS[6], KEYS[7] }) do redis.call('HLEN', hash) end
local reply = {}
for i = 2, #ARGV, 2 do
  local delivery, header = ARGV[i], ARGV[i + 1]
  local became = 'none'
  if redis.call('ZSCORE', KEYS[1], delivery) then
    redis.call('ZADD', KEYS[1], 'LT', now, delivery)
    became = 'scheduled'
  elseif header ~= '' then
    local item = redis.call('HGET', KEYS[4], delivery)
    local _, kind, at = splitItem(item or '')
    if at then
      redis.call('LPUSH', KEYS[5], newItem(0, kind, header, string.sub(item, at)))
      redis.call('HDEL', KEYS[4], delivery)
      redis.call('ZREM', KEYS[3], delivery)
      unindexParked(ARGV[1], delivery)
      redis.call('HINCRBY', KEYS[6], 'parked_bytes', -parkedSize(item, KEYS[7]))
      became = 'parked'
    end
  end
  reply[#reply + 1] = became
end
writeParkedCounts(ARGV[1])
return reply
