#!lua flags=allow-oom
-- Ends parked deliveries that are older than their TTL, then the oldest that exceed the caps.
--
-- KEYS  1 parked  2 parked items  3 events  4 refs  5 stats
-- ARGV  1 max deliveries  2 max bytes  3 TTL in ms  4 base  5 max to end for each of the two reasons
-- Reply {how many expired, how many exceeded a cap, how many are left}
local parked, parkedItems, events, refs, stats = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local max = tonumber(ARGV[5])
local now = serverNow()
-- Reads every key that it writes: a key of a wrong type must fail here, for a script that fails later keeps
-- what it wrote.
redis.call('ZCARD', parked)
for _, hash in ipairs({ parkedItems, events, refs }) do redis.call('HLEN', hash) end
local bytes = tonumber(redis.call('HGET', stats, 'parked_bytes') or 0)

local function drop(delivery)
  local item = redis.call('HGET', parkedItems, delivery)
  redis.call('ZREM', parked, delivery)
  unindexParked(ARGV[4], delivery)
  if not item then return end
  redis.call('HDEL', parkedItems, delivery)
  local size = parkedSize(item, events)
  redis.call('HINCRBY', stats, 'parked_bytes', -size)
  bytes = bytes - size
  local event = sharedEventOf(item)
  if event then releaseEvent(events, refs, event) end
end

local expired = redis.call('ZRANGEBYSCORE', parked, '-inf', now - tonumber(ARGV[3]), 'LIMIT', 0, max)
for _, delivery in ipairs(expired) do drop(delivery) end

local fallen, left = 0, redis.call('ZCARD', parked)
while left > 0 and fallen < max and (left > tonumber(ARGV[1]) or bytes > tonumber(ARGV[2])) do
  drop(redis.call('ZRANGE', parked, 0, 0)[1])
  fallen = fallen + 1
  left = left - 1
end
writeParkedCounts(ARGV[4])
if #expired > 0 then redis.call('HINCRBY', stats, 'expired', #expired) end
if fallen > 0 then redis.call('HINCRBY', stats, 'dropped', fallen) end
-- The stats must live as long as the deliveries that `parked_bytes` counts.
if left == 0 then redis.call('PEXPIRE', stats, ARGV[3]) else redis.call('PERSIST', stats) end
return { #expired, fallen, left }
