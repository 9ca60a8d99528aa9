-- Keeps the sessions of `fluxhook listen`, and the requests that wait in each. Every key has a TTL. The
-- number of sessions is limited per owner and in total, and the bytes of their requests per session, per
-- owner and in total.
--
-- KEYS  1 session  2 requests
--       3 live: sorted set, session id → server time at which it ends
--       4 budget: hash, `owner <id>` and `bytes <id>` of each session, `sessions <owner>` and
--         `bytes <owner>` of each owner, `bytes` of all sessions
--       5 webhooks: hash, session id → its temporary webhook
-- ARGV  1 verb  2 session id  3 how long a request is kept, in ms  4 ms of silence after which a client
--       counts as away  5 TTL of the session, in ms, then
--       "create"    who made it, owner, webhook id or '', max sessions of the owner, max in total
--                   → {"created"}, {"too-many-of-owner"}, {"too-many"}
--       "push"      max requests, max bytes of the session, of its owner, in total, TTL of the key for
--                   the answer, head, body, channel
--                   → {"full"} or {"pushed", id, 1 if the client is connected}
--       "poll"      start after this id, max requests, max bytes
--                   → {"requests", how many have expired so far, then id, head, body of each}
--       "answer"    id, the answer, its TTL, channel → {"taken"} or {"nobody"}
--       "take"      id → {"answered", the answer}, {"not-yet"}, {"away"}
--       "withdraw"  id → {"withdrawn"}
--       "expire"    → {"expired"}: requests that were kept for too long are removed
--       "remove"    → {"removed"}
-- Reply as above, or {"ended"}: the session does not exist (any more)
local session, requests, live, budget, webhooks = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local verb, name = ARGV[1], ARGV[2]
local keptMs, awayMs, ttlMs = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
-- About what a request takes up in addition to its bytes. It counts, so that many empty requests are
-- bounded too.
local OVERHEAD = 512

local now = serverNow()

local function amount(field) return tonumber(redis.call('HGET', budget, field) or '') or 0 end
local function add(field, change)
  if redis.call('HINCRBY', budget, field, change) <= 0 then redis.call('HDEL', budget, field) end
end

-- The keys of all sessions have this prefix.
local base = session:sub(1, #session - #name)
local function bodyOf(id, at) return (at or session) .. ':body:' .. id end
local function answerTo(id) return session .. ':answer:' .. id end

-- Ends a session and removes its requests, so that its place and its bytes are free at once.
local function remove(other)
  local key = base .. other
  local stream = key .. ':requests'
  local from = '-'
  repeat
    local page = redis.call('XRANGE', stream, from, '+', 'COUNT', 100)
    for _, entry in ipairs(page) do
      redis.call('UNLINK', bodyOf(entry[1], key))
      from = '(' .. entry[1]
    end
  until #page < 100
  redis.call('UNLINK', key, stream)
  redis.call('ZREM', live, other)
  local owner = redis.call('HGET', budget, 'owner ' .. other)
  if not owner then return end
  local bytes = amount('bytes ' .. other)
  add('sessions ' .. owner, -1)
  add('bytes ' .. owner, -bytes)
  add('bytes', -bytes)
  redis.call('HDEL', budget, 'owner ' .. other, 'bytes ' .. other)
end

-- Removes a few at a time; the next call continues.
local function removeEnded(count)
  local ended = redis.call('ZRANGE', live, '-inf', now, 'BYSCORE', 'LIMIT', 0, count)
  for _, other in ipairs(ended) do remove(other) end
end

-- Extends the TTLs. The budget outlives every session that it counts.
local function keepAlive()
  redis.call('PEXPIRE', session, ttlMs)
  redis.call('ZADD', live, now + ttlMs, name)
  redis.call('PEXPIRE', live, ttlMs * 2)
  redis.call('PEXPIRE', budget, ttlMs * 2)
end

if verb == 'create' then
  local madeBy, owner, webhook = ARGV[6], ARGV[7], ARGV[8]
  removeEnded(25)
  if amount('sessions ' .. owner) >= tonumber(ARGV[9]) then return { 'too-many-of-owner' } end
  if redis.call('ZCARD', live) >= tonumber(ARGV[10]) then return { 'too-many' } end
  -- The client counts as connected from now on, so that a request that comes before its first poll waits
  -- for the answer.
  redis.call('HSET', session, 'made_by', madeBy, 'webhook_id', webhook, 'seen', now, 'expired', 0)
  redis.call('HSET', budget, 'owner ' .. name, owner)
  add('sessions ' .. owner, 1)
  keepAlive()
  if webhook ~= '' then redis.call('HSET', webhooks, name, webhook) end
  return { 'created' }
end

if verb == 'remove' then
  remove(name)
  redis.call('HDEL', webhooks, name)
  return { 'removed' }
end

if verb == 'push' or verb == 'expire' then removeEnded(5) end

if redis.call('EXISTS', session) == 0 then return { 'ended' } end

-- If the ACL denies the channel, callers that wait read Valkey after some time.
local function wakeUp(channel, what) redis.pcall('PUBLISH', channel, what) end
local function isAway()
  return now - (tonumber(redis.call('HGET', session, 'seen') or '') or 0) >= awayMs
end

local function count(size)
  local owner = redis.call('HGET', budget, 'owner ' .. name)
  if not owner then return end
  add('bytes ' .. name, size)
  add('bytes ' .. owner, size)
  add('bytes', size)
end

local function forget(entry)
  redis.call('XDEL', requests, entry[1])
  redis.call('UNLINK', bodyOf(entry[1]))
  count(-(tonumber(entry[2][2]) or 0))
end

local function forgetId(id)
  local found = redis.call('XRANGE', requests, id, id)
  if found[1] then forget(found[1]) end
end

local function forgetExpired()
  repeat
    local old = redis.call('XRANGE', requests, '-', '(' .. (now - keptMs), 'COUNT', 100)
    for _, entry in ipairs(old) do forget(entry) end
    if #old > 0 then redis.call('HINCRBY', session, 'expired', #old) end
  until #old < 100
end

if verb == 'push' then
  local head, body = ARGV[11], ARGV[12]
  forgetExpired()
  local size = #head + #body + OVERHEAD
  local owner = redis.call('HGET', budget, 'owner ' .. name) or ''
  if redis.call('XLEN', requests) >= tonumber(ARGV[6]) then return { 'full' } end
  if amount('bytes ' .. name) + size > tonumber(ARGV[7]) then return { 'full' } end
  if amount('bytes ' .. owner) + size > tonumber(ARGV[8]) then return { 'full' } end
  if amount('bytes') + size > tonumber(ARGV[9]) then return { 'full' } end
  -- The first write: at the memory limit Valkey refuses it, and the script has written nothing.
  local id = redis.call('XADD', requests, '*', 'size', size, 'head', head)
  -- A request can only be pushed to a live session, so the requests outlive their session.
  redis.call('PEXPIRE', requests, ttlMs)
  redis.call('SET', bodyOf(id), body, 'PX', keptMs * 2)
  count(size)
  wakeUp(ARGV[13], name)
  if isAway() then return { 'pushed', id, 0 } end
  redis.call('SET', answerTo(id), '', 'PX', ARGV[10])
  return { 'pushed', id, 1 }
end

if verb == 'poll' then
  redis.call('HSET', session, 'seen', now)
  keepAlive()
  forgetExpired()
  local reply = { 'requests', tonumber(redis.call('HGET', session, 'expired') or '') or 0 }
  local bytes = 0
  if ARGV[7] == '0' then return reply end
  for _, entry in ipairs(redis.call('XRANGE', requests, '(' .. ARGV[6], '+', 'COUNT', ARGV[7])) do
    bytes = bytes + (tonumber(entry[2][2]) or 0)
    -- The first one is returned whatever its size.
    if #reply > 2 and bytes > tonumber(ARGV[8]) then break end
    table.insert(reply, entry[1])
    table.insert(reply, entry[2][4] or '')
    table.insert(reply, redis.call('GET', bodyOf(entry[1])) or '')
  end
  return reply
end

if verb == 'expire' then
  forgetExpired()
  return { 'expired' }
end

local id = ARGV[6]

if verb == 'answer' then
  forgetId(id)
  -- Stored only if a caller waits for it.
  if redis.call('EXISTS', answerTo(id)) == 0 then return { 'nobody' } end
  redis.call('SET', answerTo(id), ARGV[7], 'PX', ARGV[8])
  wakeUp(ARGV[9], name .. ' ' .. id)
  return { 'taken' }
end

if verb == 'take' then
  local answer = redis.call('GET', answerTo(id))
  if answer and answer ~= '' then
    redis.call('DEL', answerTo(id))
    return { 'answered', answer }
  end
  if not isAway() then return { 'not-yet' } end
  redis.call('DEL', answerTo(id))
  return { 'away' }
end

forgetId(id)
redis.call('DEL', answerTo(id))
return { 'withdrawn' }
