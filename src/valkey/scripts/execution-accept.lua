-- Stores executions and puts their ids on the list of what is to run. Not `allow-oom`: at the memory limit the
-- sender gets an error and sends again.
--
-- KEYS  1 queue
-- ARGV  1 base  2 how long idempotency keys are kept, in ms
--       3… of each: id, workflow, revision, mode, "1" if it is a test, the process that waits or "", query, headers,
--       body, key of its idempotency key or "", fingerprint
-- Reply {of each "new", or "again <id>" or "reused <id>" where its idempotency key was seen}
local base, seenFor = ARGV[1], ARGV[2]
local now = serverNow()
local replies, elements, uses = {}, {}, {}

local function seenBefore(key, fingerprint)
  local seen = key ~= '' and redis.call('GET', key)
  if not seen then return nil end
  local id, first = string.match(seen, '^(%S+) (.*)$')
  return (first == fingerprint and 'again ' or 'reused ') .. (id or '')
end

for i = 3, #ARGV, 11 do
  local id, workflow, revision, mode, test, replica, query, headers, body, key, fingerprint =
    unpack(ARGV, i, i + 10)
  local seen = seenBefore(key, fingerprint)
  replies[#replies + 1] = seen or 'new'
  if not seen then
    local bytes = #query + #headers + #body
    redis.call('HSET', base .. ':x:' .. id, 'workflow', workflow, 'revision', revision, 'mode', mode,
      'test', test, 'replica', replica, 'query', query, 'headers', headers, 'body', body,
      'state', 'queued', 'run', 1, 'bytes', bytes, 'at', now)
    redis.call('ZADD', base .. ':all', now, id)
    redis.call('ZADD', base .. ':of:' .. workflow, now, id)
    if key ~= '' then redis.call('SET', key, id .. ' ' .. fingerprint, 'PX', seenFor) end
    local use = workflow .. ':' .. revision
    uses[use] = (uses[use] or 0) + 1
    elements[#elements + 1] = id .. ' ' .. use .. ' 1'
  end
end
for use, n in pairs(uses) do
  redis.call('HINCRBY', base .. ':revision-uses', use, n)
  redis.call('PERSIST', base .. ':revision:' .. use)
end
-- Last: what is on the list is whole.
for i = 1, #elements, 1000 do
  redis.call('LPUSH', KEYS[1], unpack(elements, i, math.min(i + 999, #elements)))
end
return replies
