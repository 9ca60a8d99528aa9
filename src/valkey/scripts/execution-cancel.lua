#!lua flags=allow-oom
-- Cancels an execution that has not ended. A worker that runs it learns so when it stores its next result.
--
-- KEYS  1 stats
-- ARGV  1 base  2 id  3 how long an ended execution is kept, in ms
-- Reply "cancelled"; "gone"; or "ended <state>"
local base, id = ARGV[1], ARGV[2]
local state = redis.call('HGET', base .. ':x:' .. id, 'state')
if not state then return 'gone' end
if isEnded(state) then return 'ended ' .. state end
endExecution(base, id, 'cancelled', '', serverNow(), tonumber(ARGV[3]))
redis.call('ZREM', base .. ':schedule', id)
redis.call('HDEL', base .. ':scheduled', id)
return 'cancelled'
