#!lua flags=allow-oom
-- Ends parked deliveries that are named, because their owner is erased.
--
-- KEYS  1 parked  2 parked items  3 events  4 refs  5 stats
-- ARGV  1 base, then the deliveries
-- Reply how many were parked
local parked, parkedItems, events, refs, stats = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
-- Reads every key that it writes: a key of a wrong type must fail here, for a script that fails later keeps
-- what it wrote.
redis.call('ZCARD', parked)
for _, hash in ipairs({ parkedItems, events, refs, stats }) do redis.call('HLEN', hash) end
local dropped = 0
for i = 2, #ARGV do
  local delivery = ARGV[i]
  local item = redis.call('HGET', parkedItems, delivery)
  if redis.call('ZREM', parked, delivery) == 1 then dropped = dropped + 1 end
  unindexParked(ARGV[1], delivery)
  if item then
    redis.call('HDEL', parkedItems, delivery)
    redis.call('HINCRBY', stats, 'parked_bytes', -parkedSize(item, events))
    local event = sharedEventOf(item)
    if event then releaseEvent(events, refs, event) end
  end
end
writeParkedCounts(ARGV[1])
return dropped
