-- Library of the scripts that end executions: what is kept of one that has ended, and for how long.

local function isEnded(state)
  return state == 'finished' or state == 'failed' or state == 'cancelled'
end

-- The sweep removes it after the TTL; Valkey does so much later, where no process runs any more.
local SWEEP_SLACK = 86400000

-- Ends an execution that has not ended: its revision is needed by one less, and who waits is notified.
local function endExecution(base, id, state, failure, now, ttl)
  local x = base .. ':x:' .. id
  local facts = redis.call('HMGET', x, 'workflow', 'revision', 'bytes', 'replica')
  local workflow, revision, bytes = facts[1] or '', facts[2] or '', tonumber(facts[3] or 0)
  local use = workflow .. ':' .. revision
  redis.call('HSET', x, 'state', state, 'ended', now, 'error', failure)
  redis.call('ZADD', base .. ':ended', now, id .. ' ' .. bytes .. ' ' .. workflow)
  redis.call('HINCRBY', base .. ':stats', 'ended_bytes', bytes)
  if redis.call('HINCRBY', base .. ':revision-uses', use, -1) <= 0 then
    redis.call('HDEL', base .. ':revision-uses', use)
    if redis.call('HGET', base .. ':newest-revisions', workflow) ~= revision then
      redis.call('PEXPIRE', base .. ':revision:' .. use, ttl)
    end
  end
  redis.call('PEXPIRE', x, ttl + SWEEP_SLACK)
  -- An ACL may deny the channel: who waits then looks.
  if facts[4] and facts[4] ~= '' then redis.pcall('PUBLISH', base .. ':endings:' .. facts[4], id) end
end
