-- Begins an execution that has failed or was cancelled again, from the node that failed: results of nodes that have
-- finished stay. Not `allow-oom`.
--
-- KEYS  1 queue
-- ARGV  1 base  2 id
-- Reply "retried"; "gone"; "revision-gone" where its workflow's revision is no longer stored; or "not <state>"
local base, id = ARGV[1], ARGV[2]
local x = base .. ':x:' .. id
local facts = redis.call('HMGET', x, 'state', 'workflow', 'revision', 'bytes', 'error')
local state, workflow, revision, bytes = facts[1], facts[2], facts[3], facts[4]
if not state then return 'gone' end
if state ~= 'failed' and state ~= 'cancelled' then return 'not ' .. state end
local use = workflow .. ':' .. revision
if redis.call('EXISTS', base .. ':revision:' .. use) == 0 then return 'revision-gone' end

local removals = { 'ended', 'error' }
local known, failure = pcall(cjson.decode, facts[5] or '')
local failed = known and type(failure) == 'table' and failure.node_id
for _, field in ipairs(redis.call('HKEYS', x)) do
  local kind, node = string.match(field, '^(%a):(.*)$')
  if kind == 'w' or kind == 'a' or (kind == 'n' and node == failed) then
    removals[#removals + 1] = field
  end
end
redis.call('HINCRBY', base .. ':revision-uses', use, 1)
redis.call('PERSIST', base .. ':revision:' .. use)
redis.call('PERSIST', x)
redis.call('ZREM', base .. ':ended', id .. ' ' .. bytes .. ' ' .. workflow)
redis.call('HINCRBY', base .. ':stats', 'ended_bytes', -tonumber(bytes))
redis.call('HDEL', x, unpack(removals))
redis.call('HSET', x, 'state', 'queued')
-- A claim of the run before, should there still be one, is told by its number.
local run = redis.call('HINCRBY', x, 'run', 1)
redis.call('LPUSH', KEYS[1], id .. ' ' .. use .. ' ' .. run)
return 'retried'
