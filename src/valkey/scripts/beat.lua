#!lua flags=allow-oom
-- Records a worker's heartbeat, by the server's clock.
--
-- KEYS  1 workers  2 exists while somebody looks at the stream of attempts  3 worker
--       4 schedule  5 queue  6 next  7 ready  8 lanes
-- ARGV  1 worker id  2 "1": join  3 lease in ms  4 what the worker says of itself, or ""
-- Reply {1 if the worker is known, 0 if it was declared dead and must join again,
--        {worker whose lease has run out, …}, 1 if somebody looks, 1 if there may be something to claim}
local now = serverNow()
if ARGV[2] ~= '1' and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return { 0, {}, 0, 0 } end
redis.call('ZADD', KEYS[1], now, ARGV[1])
if ARGV[4] ~= '' then redis.pcall('HSET', KEYS[3], 'info', ARGV[4]) end
local dead = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[3]), 'LIMIT', 0, 16)
-- Other processes and the API put work there without a word to this worker. A key of another type counts too: the
-- claim reports it.
local waiting = redis.call('EXISTS', KEYS[5], KEYS[6], KEYS[7], KEYS[8]) > 0
if not waiting then
  local due = redis.pcall('ZCOUNT', KEYS[4], '-inf', now)
  waiting = due ~= 0
end
return { 1, dead, redis.call('EXISTS', KEYS[2]), waiting and 1 or 0 }
