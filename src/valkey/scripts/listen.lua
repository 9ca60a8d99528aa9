-- The requests that wait in one session of `fluxhook listen`. Every key of it has a TTL, the requests
-- have a cap in number and bytes.
--
-- KEYS  1 session  2 requests
-- ARGV  1 verb  2 how long a request is kept, in ms  3 when a silent client is away, in ms, then
--       "push"      most requests, most bytes, TTL of the answer's place, TTL of the requests, head,
--                   body, channel, session's id
--                   → {"full"} or {"pushed", id, 1 where the client is there}
--       "poll"      after which id, most requests, most bytes, TTL of the session
--                   → {"requests", how many have expired so far, then id, head, body of each}
--       "answer"    id, the answer, its TTL, channel, session's id → {"taken"} or {"nobody"}
--       "take"      id → {"answered", the answer}, {"not-yet"}, {"away"}
--       "withdraw"  id → {"withdrawn"}
-- Reply as above, or {"gone"}: there is no such session (any more)
local session, requests = KEYS[1], KEYS[2]
local verb, keptMs, awayMs = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

if redis.call('EXISTS', session) == 0 then return { 'gone' } end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

-- Where the ACL denies the channel, whoever waits looks by himself.
local function ring(channel, name) redis.pcall('PUBLISH', channel, name) end
local function bodyOf(id) return session .. ':body:' .. id end
local function answerTo(id) return session .. ':answer:' .. id end
local function isAway() return now - tonumber(redis.call('HGET', session, 'seen')) >= awayMs end

local function forget(entry)
  redis.call('XDEL', requests, entry[1])
  redis.call('DEL', bodyOf(entry[1]))
  redis.call('HINCRBY', session, 'bytes', -tonumber(entry[2][2]))
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
  local head, body = ARGV[8], ARGV[9]
  forgetExpired()
  local size = #head + #body
  if redis.call('XLEN', requests) >= tonumber(ARGV[4]) then return { 'full' } end
  if tonumber(redis.call('HGET', session, 'bytes')) + size > tonumber(ARGV[5]) then
    return { 'full' }
  end
  -- First of all: at the memory limit it is refused, and nothing was written.
  local id = redis.call('XADD', requests, '*', 'size', size, 'head', head)
  redis.call('PEXPIRE', requests, ARGV[7])
  redis.call('SET', bodyOf(id), body, 'PX', keptMs * 2)
  redis.call('HINCRBY', session, 'bytes', size)
  ring(ARGV[10], ARGV[11])
  if isAway() then return { 'pushed', id, 0 } end
  redis.call('SET', answerTo(id), '', 'PX', ARGV[6])
  return { 'pushed', id, 1 }
end

if verb == 'poll' then
  redis.call('HSET', session, 'seen', now)
  redis.call('PEXPIRE', session, ARGV[7])
  forgetExpired()
  local reply = { 'requests', tonumber(redis.call('HGET', session, 'expired')) }
  local bytes = 0
  if ARGV[5] == '0' then return reply end
  for _, entry in ipairs(redis.call('XRANGE', requests, '(' .. ARGV[4], '+', 'COUNT', ARGV[5])) do
    bytes = bytes + tonumber(entry[2][2])
    -- One always goes, whatever its size.
    if #reply > 2 and bytes > tonumber(ARGV[6]) then break end
    table.insert(reply, entry[1])
    table.insert(reply, entry[2][4])
    table.insert(reply, redis.call('GET', bodyOf(entry[1])) or '')
  end
  return reply
end

local id = ARGV[4]

if verb == 'answer' then
  forgetId(id)
  -- Kept only where somebody waits for it.
  if redis.call('EXISTS', answerTo(id)) == 0 then return { 'nobody' } end
  redis.call('SET', answerTo(id), ARGV[5], 'PX', ARGV[6])
  ring(ARGV[7], ARGV[8] .. ' ' .. id)
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
