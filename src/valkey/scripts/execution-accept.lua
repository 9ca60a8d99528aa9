-- Stores executions. Those that are still to run are put on the list; those that ran before they were stored enter
-- with their end. Not `allow-oom`: at the memory limit the sender gets an error and sends again.
--
-- KEYS  1 queue
-- ARGV  1 base  2 how long idempotency keys are kept, in ms  3 how long an ended execution is kept, in ms
--       4… of each: id, workflow, revision, mode, headers, body, state: "queued" or the one in which it has ended, key
--       of its idempotency key and fingerprint or "", how many arguments follow, pairs of another field and its value
-- Reply {of each that was not stored, since its idempotency key was seen: which it is, from 1, and "again <id>", or
--        "reused <id>" where the fingerprint was another one}
local base, seenFor, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
local now = serverNow()
local replies, elements, uses, seenNow = {}, {}, {}, {}
local all, ofWorkflow, ended, states, endedUses, endedBytes = {}, {}, {}, {}, {}, 0

local function seenBefore(key, fingerprint)
  local seen = seenNow[key] or redis.call('GET', key)
  if not seen then return nil end
  local id, first = string.match(seen, '^(%S+) (.*)$')
  return (first == fingerprint and 'again ' or 'reused ') .. (id or '')
end

local i, nth = 4, 0
while i <= #ARGV do
  local id, workflow, revision, mode, headers, body, state, key, fingerprint = unpack(ARGV, i, i + 8)
  i, nth = i + 8, nth + 1
  if key ~= '' then i = i + 1 end
  local at, to = i + 1, i + tonumber(ARGV[i])
  i = to + 1
  local seen = key ~= '' and seenBefore(key, fingerprint)
  if seen then
    replies[#replies + 1] = nth
    replies[#replies + 1] = seen
  else
    local x, use = base .. ':x:' .. id, workflow .. ':' .. revision
    local bytes = #headers + #body
    for value = at + 1, to, 2 do bytes = bytes + #ARGV[value] end
    if state == 'queued' then
      redis.call('HSET', x, 'workflow', workflow, 'revision', revision, 'mode', mode, 'headers', headers,
        'body', body, 'state', state, 'run', 1, 'bytes', bytes, 'at', now, unpack(ARGV, at, to))
      uses[use] = (uses[use] or 0) + 1
      elements[#elements + 1] = id .. ' ' .. use .. ' 1'
    else
      redis.call('HSET', x, 'workflow', workflow, 'revision', revision, 'mode', mode, 'headers', headers,
        'body', body, 'state', state, 'run', 1, 'bytes', bytes, 'at', now, 'started', now, 'ended', now,
        unpack(ARGV, at, to))
      redis.call('PEXPIRE', x, ttl + SWEEP_SLACK)
      ended[#ended + 1] = now
      ended[#ended + 1] = endedMember(id, bytes, workflow)
      states[state] = (states[state] or 0) + 1
      endedBytes = endedBytes + bytes
      endedUses[use] = endedUses[use] or { workflow, revision }
    end
    local of = ofWorkflow[workflow]
    if not of then
      of = {}
      ofWorkflow[workflow] = of
    end
    all[#all + 1] = now
    all[#all + 1] = id
    of[#of + 1] = now
    of[#of + 1] = id
    if key ~= '' then
      seenNow[key] = id .. ' ' .. fingerprint
      redis.call('SET', key, seenNow[key], 'PX', seenFor)
    end
  end
end

local function each(command, key, values)
  for from = 1, #values, 1000 do
    redis.call(command, key, unpack(values, from, math.min(from + 999, #values)))
  end
end
each('ZADD', base .. ':all', all)
for workflow, of in pairs(ofWorkflow) do each('ZADD', base .. ':of:' .. workflow, of) end
for state, n in pairs(states) do redis.call('HINCRBY', base .. ':stats', state, n) end
if endedBytes > 0 then redis.call('HINCRBY', base .. ':stats', 'ended_bytes', endedBytes) end
for use, of in pairs(endedUses) do
  if redis.call('HEXISTS', base .. ':revision-uses', use) == 0 then keepRevision(base, of[1], of[2], ttl) end
end
each('ZADD', base .. ':ended', ended)
for use, n in pairs(uses) do
  redis.call('HINCRBY', base .. ':revision-uses', use, n)
  redis.call('PERSIST', base .. ':revision:' .. use)
end
-- Last: what is on the list is whole.
each('LPUSH', KEYS[1], elements)
return replies
