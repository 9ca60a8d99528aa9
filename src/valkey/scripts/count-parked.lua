-- Counts the parked deliveries of the queue, an owner or a webhook, by reason and event type.
--
-- KEYS  1 the counts  2 the sorted set that they count, or the index if they count the whole queue
-- ARGV  1 max counts in the reply
-- Reply {total, {reason and event type joined by a line feed, count, …}}, or {total} if there are more
--       counts than that
local isIndex = redis.call('TYPE', KEYS[2]).ok == 'hash'
local wrong = wrongTypeError('hash', KEYS[1]) or (not isIndex and wrongTypeError('zset', KEYS[2]))
if wrong then return wrong end
local size = redis.call(isIndex and 'HLEN' or 'ZCARD', KEYS[2])
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[1]) then return { size } end
return { size, redis.call('HGETALL', KEYS[1]) }
