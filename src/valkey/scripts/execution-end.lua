-- Library of the scripts that end executions: what is kept of one that has ended, and for how long.

local function isEnded(state)
  return state == 'finished' or state == 'failed' or state == 'cancelled'
end

-- The sweep removes it after the TTL; Valkey does so much later, where no process runs any more.
local SWEEP_SLACK = 86400000

-- Returns the member of the sorted set of ended executions; the sweep reads it.
local function endedMember(id, bytes, workflow)
  return id .. ' ' .. bytes .. ' ' .. workflow
end

-- A revision that no execution uses goes after the TTL of those that have ended, unless it is the newest one.
local function keepRevision(base, workflow, revision, ttl)
  if redis.call('HGET', base .. ':newest-revisions', workflow) ~= revision then
    redis.call('PEXPIRE', base .. ':revision:' .. workflow .. ':' .. revision, ttl)
  end
end

-- Ends an execution that has not ended: its revision is needed by one less, and who waits is notified.
local function endExecution(base, id, state, failure, now, ttl)
  local x = base .. ':x:' .. id
  local facts = redis.call('HMGET', x, 'workflow', 'revision', 'bytes', 'replica')
  local workflow, revision, bytes = facts[1] or '', facts[2] or '', tonumber(facts[3] or 0)
  local use = workflow .. ':' .. revision
  redis.call('HSET', x, 'state', state, 'ended', now, 'error', failure)
  redis.call('ZADD', base .. ':ended', now, endedMember(id, bytes, workflow))
  redis.call('HINCRBY', base .. ':stats', 'ended_bytes', bytes)
  if redis.call('HINCRBY', base .. ':revision-uses', use, -1) <= 0 then
    redis.call('HDEL', base .. ':revision-uses', use)
    keepRevision(base, workflow, revision, ttl)
  end
  redis.call('PEXPIRE', x, ttl + SWEEP_SLACK)
  -- An ACL may deny the channel: who waits then looks.
  if facts[4] and facts[4] ~= '' then redis.pcall('PUBLISH', base .. ':endings:' .. facts[4], id) end
end
