-- Pushes a task for users' programs, unless too many wait. RPUSH: they take with BLPOP, the oldest first.
--
-- KEYS  1 list of the task's name
-- ARGV  1 most tasks on it  2 task
-- Reply 1, or 0 where there are too many
if redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[2])
return 1
