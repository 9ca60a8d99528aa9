-- Keeps an alert and tells who listens.
--
-- KEYS  1 alerts, also the name of the channel
-- ARGV  1 alerts kept  2 TTL in ms  3 the alert
-- Reply how many were told
redis.call('LPUSH', KEYS[1], ARGV[3])
redis.call('LTRIM', KEYS[1], 0, tonumber(ARGV[1]) - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('PUBLISH', KEYS[1], ARGV[3])
