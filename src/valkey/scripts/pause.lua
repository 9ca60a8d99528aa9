-- Pauses a webhook whose receiver asked for it: no worker sends to it until the pause ends.
--
-- KEYS  1 paused
-- ARGV  1 webhook  2 length of the pause in ms
local now = serverNow()
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], 'GT', now + tonumber(ARGV[2]), ARGV[1])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[1], last[2])
return 1
