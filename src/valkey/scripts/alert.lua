-- Stores an alert and publishes it.
--
-- KEYS  1 alerts; the channel has the same name
-- ARGV  1 max alerts  2 TTL in ms  3 the alert
-- Reply how many subscribers received it
redis.call('LPUSH', KEYS[1], ARGV[3])
redis.call('LTRIM', KEYS[1], 0, tonumber(ARGV[1]) - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('PUBLISH', KEYS[1], ARGV[3])
