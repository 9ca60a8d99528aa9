#!lua flags=allow-oom
-- Stores what executions have come to, each fenced by the claim: a worker that no longer holds it changes nothing.
-- The first result of a node stays. An execution that has ended ends its claim in the same step (guarantee 1). Runs
-- at the memory limit too: what was accepted goes on.
--
-- KEYS  1 stats
-- ARGV  1 base  2 how long an ended execution is kept, in ms
--       3… of each: worker, claim, id, its run, its state from now on, when it was begun, its error or "", how many fields
--       follow, pairs of field and value, how many fields to remove follow, their names
-- Reply {of each "ok"; "lost" where the claim is not held, or the execution was begun again since; "gone" where there
--        is no such execution; or the state in which it had ended before: then its claim is still held}
local base, ttl = ARGV[1], tonumber(ARGV[2])
local now = serverNow()
local ended = {}

local function advance(worker, claim, id, run, state, started, failure, sets, removals)
  local x = base .. ':x:' .. id
  local stored = redis.call('HMGET', x, 'state', 'run')
  local before = stored[1]
  -- Cancelled and begun again while this run was under way: the new run alone goes on.
  if before and stored[2] ~= run then return 'lost' end
  if before and isEnded(before) then return before end
  local claims = base .. ':claims:' .. worker
  if redis.call('HEXISTS', claims, claim) == 0 then return 'lost' end
  if not before then return 'gone' end
  local bytes = 0
  for i = 1, #sets, 2 do
    local field, value = sets[i], sets[i + 1]
    if string.sub(field, 1, 2) ~= 'n:' then
      redis.call('HSET', x, field, value)
    elseif redis.call('HSETNX', x, field, value) == 1 then
      bytes = bytes + #value
    end
  end
  redis.call('HSETNX', x, 'started', started)
  if bytes > 0 then redis.call('HINCRBY', x, 'bytes', bytes) end
  if #removals > 0 then redis.call('HDEL', x, unpack(removals)) end
  if isEnded(state) then
    endExecution(base, id, state, failure, now, ttl)
    redis.call('HDEL', claims, claim)
    ended[state] = (ended[state] or 0) + 1
  elseif state ~= before then
    redis.call('HSET', x, 'state', state)
  end
  return 'ok'
end

local replies, i = {}, 3
while i <= #ARGV do
  local worker, claim, id, run, state, started, failure, count = unpack(ARGV, i, i + 7)
  i = i + 8
  local sets, removals = {}, {}
  for _ = 1, 2 * tonumber(count) do
    sets[#sets + 1] = ARGV[i]
    i = i + 1
  end
  local gone = tonumber(ARGV[i])
  i = i + 1
  for _ = 1, gone do
    removals[#removals + 1] = ARGV[i]
    i = i + 1
  end
  replies[#replies + 1] = advance(worker, claim, id, run, state, started, failure, sets, removals)
end
for state, n in pairs(ended) do redis.call('HINCRBY', KEYS[1], state, n) end
return replies
