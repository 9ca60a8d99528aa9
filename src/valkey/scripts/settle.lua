#!lua flags=allow-oom
-- Ends claims for the worker that holds them; takeover.lua ends those of a dead worker, and execution-advance.lua
-- that of an execution with the execution. Each entry moves one item from the claim to where it belongs next, in one
-- step (guarantee 1). An entry whose claim this worker no longer holds (taken over, settled before, reply lost and
-- sent again) changes nothing.
--
-- KEYS  1 queue  2 claims  3 ready  4 schedule  5 scheduled  6 lanes  7 events  8 refs  9 parked
--       10 parked items  11 stats
-- ARGV  1 base, then entries of a verb, a claim, and what the verb takes:
--       "ended"  how they ended (delivered, nobody, …); here the claim is many, with spaces between,
--                of items that carry their own bytes, so that nothing of them has to be read
--       "done"   how it ended, for any item
--       "retry"  delivery, delay in ms, header
--       "park"   delivery, header, its entry in the index of parked deliveries
--       "lane"   webhook, header, "first" where it is taken before all others or "last"
--       "fan"    the event and a header for each delivery, joined by line feeds
--       "back"   header, or "" for an element that goes back to the list as it came
--       "wait"   execution, delay in ms, header, field of the execution: as "retry", but it runs next where the
--                execution does not wait (it was cancelled), or where the field is there by now: a task's answer
--                may be faster than this
--       "counts" how many webhooks of the event were filtered, and of how many the filter failed: counted
--                with the entry that follows, for the same claim, where that claim was still held
--       A claim "" stands for an element that only the worker's memory holds
--       (FLUXHOOK_CLAIM=blpop); its bytes then follow.
-- Reply {for each entry but "counts", in their order, "1" or "0" in one text: whether it was still held; "!" where
--        it could not be settled, why the first such could not}
--
-- A script that fails half-way keeps what it wrote, so no entry may fail between two writes of which a
-- repetition would do harm. In each: first what may be repeated, last the one write that may not, and
-- after it nothing but the end of the claim. An entry that fails changes no other.
local queue, claims, ready, schedule, scheduled = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local lanes, events, refs, parked, parkedItems = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local stats, base = KEYS[11], ARGV[1]

local now = serverNow()
local ended, held, parkedBytes, untaken, problem = {}, {}, 0, 0, nil

local function count(kind) ended[kind] = (ended[kind] or 0) + 1 end

-- What cannot be read is all bytes: it may end like anything else.
local function split(item)
  local crashes, kind, at = splitItem(item)
  if not at then return '0', 'e', item end
  return crashes, kind, string.sub(item, at)
end

local function release(kind, event)
  if kind ~= 'r' then return end
  -- Fails here if `events` is of another type, and not after the first write.
  redis.call('HLEN', events)
  releaseEvent(events, refs, event)
end

local function settle(verb, claim, at, crashes, kind, rest)
  local first, second, third = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if verb == 'done' then
    release(kind, rest)
    count(first)
  elseif verb == 'retry' then
    redis.call('ZADD', schedule, now + tonumber(second), first)
    redis.call('HSET', scheduled, first, newItem('0', kind, third, rest))
  elseif verb == 'park' then
    local item = newItem('0', kind, second, rest)
    redis.call('ZADD', parked, now, first)
    redis.call('HSET', parkedItems, first, item)
    indexParked(base, first, now, third)
    parkedBytes = parkedBytes + parkedSize(item, events)
    count('parked')
  elseif verb == 'lane' then
    redis.call('ZADD', lanes, 'NX', now, first)
    redis.call(third == 'first' and 'RPUSH' or 'LPUSH', base .. ':lane:' .. first,
      newItem(crashes, kind, second, rest))
  elseif verb == 'wait' then
    local x = base .. ':x:' .. first
    if redis.call('HGET', x, 'state') ~= 'waiting' or redis.call('HEXISTS', x, ARGV[at + 3]) == 1 then
      redis.call('RPUSH', ready, newItem('0', kind, third, rest))
    else
      redis.call('ZADD', schedule, now + tonumber(second), first)
      redis.call('HSET', scheduled, first, newItem('0', kind, third, rest))
    end
  elseif verb == 'back' then
    if first == '' then
      -- BLPOP takes from the left, so what it took goes back there.
      redis.call(claim == '' and 'LPUSH' or 'RPUSH', queue, rest)
      if claim ~= '' then untaken = untaken + 1 end
    else
      redis.call('RPUSH', ready, newItem(crashes, kind, first, rest))
    end
  end
end

-- Guarantee 3: one delivery for each webhook, before the first request; the bytes once.
local function fan(at, crashes, rest)
  local event = ARGV[at]:match('^([^\n]*)\n')
  local n = select(2, ARGV[at]:gsub('\n', '\n'))
  redis.call('HSET', events, event, rest)
  redis.call('HSET', refs, event, n)
  for header in ARGV[at]:sub(#event + 2):gmatch('[^\n]+') do
    redis.call('LPUSH', ready, newItem(crashes, 'r', header, event))
  end
end

-- Whether the claim was still held.
local function settleOne(verb, claim, at, item)
  item = item or redis.call('HGET', claims, claim)
  if not item then return 0 end
  local crashes, kind, rest = split(item)
  if verb == 'fan' then fan(at, crashes, rest) else settle(verb, claim, at, crashes, kind, rest) end
  -- Last: where anything failed before, the claim must not be gone.
  if claim ~= '' then redis.call('HDEL', claims, claim) end
  return 1
end

local kinds = { 'list', 'hash', 'list', 'zset', 'hash', 'zset', 'hash', 'hash', 'zset', 'hash', 'hash' }

-- An error of Valkey's does not say which key it is about.
local function describe(failure, lane)
  local found = {}
  local function look(key, kind) found[#found + 1] = wrongType(kind, key) end
  for i, kind in ipairs(kinds) do look(KEYS[i], kind) end
  if lane then look(base .. ':lane:' .. lane, 'list') end
  if #found > 0 then return 'WRONGTYPE ' .. table.concat(found, '; ') end
  return type(failure) == 'table' and failure.err or tostring(failure)
end

local arguments = { ended = 1, done = 1, retry = 3, park = 3, lane = 3, fan = 1, back = 1, counts = 2,
  wait = 4 }
local filtered, filterErrors = 0, 0
local i = 2
while i <= #ARGV do
  local verb, claim, at = ARGV[i], ARGV[i + 1], i + 2
  i = at + arguments[verb]
  if verb == 'ended' then
    local n = 0
    for one in claim:gmatch('%d+') do
      local was = redis.pcall('HDEL', claims, one)
      if type(was) == 'number' then
        n = n + was
        held[#held + 1] = was
      else
        problem = problem or describe(was)
        held[#held + 1] = '!'
      end
    end
    if n > 0 then ended[ARGV[at]] = (ended[ARGV[at]] or 0) + n end
  elseif verb == 'counts' then
    filtered, filterErrors = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  else
    local item
    if claim == '' then
      item = '0 e {}\n' .. ARGV[i]
      i = i + 1
    end
    local isSettled, was = pcall(settleOne, verb, claim, at, item)
    if not isSettled then
      problem = problem or describe(was, verb == 'lane' and ARGV[at])
      was = '!'
    end
    if was == 1 and filtered > 0 then ended.filtered = (ended.filtered or 0) + filtered end
    if was == 1 and filterErrors > 0 then
      ended['filter-error'] = (ended['filter-error'] or 0) + filterErrors
    end
    filtered, filterErrors = 0, 0
    held[#held + 1] = was
  end
end

writeParkedCounts(base)
-- Counts of what has happened: without them a delivery is as well settled as with them.
local function add(field, n)
  local was = redis.pcall('HINCRBY', stats, field, n)
  if type(was) ~= 'number' then problem = problem or describe(was) end
end
for kind, n in pairs(ended) do add(kind, n) end
if untaken > 0 then add('taken', -untaken) end
if parkedBytes > 0 then
  add('parked_bytes', parkedBytes)
  redis.call('PERSIST', stats)
end
return { table.concat(held), problem or '' }
