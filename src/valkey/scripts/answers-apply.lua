#!lua flags=allow-oom
-- Takes answers off their list and stores each with its execution in the same step; an execution that waits for
-- one runs next. Several processes may do this with the same answers: the first one takes each.
--
-- KEYS  1 answers  2 ready  3 schedule  4 scheduled  5 stats
-- ARGV  1 base  2… of each: the answer as it is on the list, execution, node, attempt, what to store or "" where
--       the answer is not valid, "error" or "output"
-- Reply {of each "stored"; "dropped" where nothing waits for it (any more); "taken" by another process}
local base = ARGV[1]
local replies, dropped = {}, 0

local function apply(id, node, attempt, value, kind)
  local x = base .. ':x:' .. id
  if value == '' or isEnded(redis.call('HGET', x, 'state') or 'finished') then return 'dropped' end
  local waits = redis.call('HGET', x, 'w:' .. node)
  if not waits or redis.call('HEXISTS', x, 'n:' .. node) == 1 then return 'dropped' end
  -- The output of an earlier attempt counts, its error does not: a later attempt is under way.
  if kind == 'error' and string.match(waits, '^%a+ (%d+) ') ~= attempt then return 'dropped' end
  if redis.call('HSETNX', x, 'a:' .. node, value) == 0 then return 'dropped' end
  local item = redis.call('HGET', KEYS[4], id)
  if item then
    redis.call('RPUSH', KEYS[2], item)
    redis.call('ZREM', KEYS[3], id)
    redis.call('HDEL', KEYS[4], id)
  end
  return 'stored'
end

for i = 2, #ARGV, 6 do
  local reply = 'taken'
  if redis.call('LREM', KEYS[1], 1, ARGV[i]) > 0 then
    reply = apply(unpack(ARGV, i + 1, i + 5))
  end
  if reply == 'dropped' then dropped = dropped + 1 end
  replies[#replies + 1] = reply
end
if dropped > 0 then redis.pcall('HINCRBY', KEYS[5], 'answers_dropped', dropped) end
return replies
