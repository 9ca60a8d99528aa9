#!lua flags=allow-oom
-- Ends claims: the only place where one ends. Each entry moves one item from the claim to where it
-- belongs next, in one step (guarantee 1). Fenced: an entry whose claim this worker no longer holds
-- (taken over, settled before, reply lost and sent again) changes nothing.
--
-- KEYS  1 queue  2 claims  3 ready  4 schedule  5 scheduled  6 lanes  7 events  8 refs  9 parked
--       10 parked items  11 stats
-- ARGV  1 base, then entries of a verb, a claim, and what the verb takes:
--       "ended"  how they ended (delivered, nobody, …); here the claim is many, with spaces between,
--                of items that carry their own bytes, so that nothing of them has to be read
--       "done"   how it ended, for any item
--       "retry"  delivery, delay in ms, header
--       "park"   delivery, header, its entry in the index of parked deliveries
--       "lane"   webhook, header
--       "fan"    the event and a header for each delivery, joined by line feeds
--       "back"   header, or "" for an element that goes back to the list as it came
--       A claim "" stands for an element that only the worker's memory holds
--       (FLUXHOOK_CLAIM=blpop); its bytes then follow.
-- Reply for each claim, in their order, "1" or "0" in one text: whether it was still held
local queue, claims, ready, schedule, scheduled = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local lanes, events, refs, parked, parkedItems = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local stats, base = KEYS[11], ARGV[1]

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local ended, held = {}, {}

local function count(kind) ended[kind] = (ended[kind] or 0) + 1 end

local function split(item)
  local crashes, kind, at = string.match(item, '^(%d+) ([er]) [^\n]*\n()')
  return crashes, kind, string.sub(item, at)
end

-- A fanned-out event's bytes go with the last delivery that needs them.
local function release(kind, event)
  if kind == 'r' and redis.call('HINCRBY', refs, event, -1) <= 0 then
    redis.call('HDEL', refs, event)
    redis.call('HDEL', events, event)
  end
end

local function settle(verb, claim, at, crashes, kind, rest)
  local first, second, third = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if verb == 'done' then
    release(kind, rest)
    count(first)
  elseif verb == 'retry' then
    redis.call('HSET', scheduled, first, '0 ' .. kind .. ' ' .. third .. '\n' .. rest)
    redis.call('ZADD', schedule, now + tonumber(second), first)
  elseif verb == 'park' then
    local item = '0 ' .. kind .. ' ' .. second .. '\n' .. rest
    redis.call('HSET', parkedItems, first, item)
    redis.call('ZADD', parked, now, first)
    indexParked(base, first, now, third)
    -- A shared event counts with each of its deliveries: the cap bounds, also when only one is left.
    local size = #item + (kind == 'r' and redis.call('HSTRLEN', events, rest) or 0)
    redis.call('HINCRBY', stats, 'parked_bytes', size)
    redis.call('PERSIST', stats)
    count('parked')
  elseif verb == 'lane' then
    redis.call('LPUSH', base .. ':lane:' .. first,
      crashes .. ' ' .. kind .. ' ' .. second .. '\n' .. rest)
    redis.call('ZADD', lanes, 'NX', now, first)
  elseif verb == 'back' then
    if first == '' then
      -- BLPOP takes from the left, so what it took goes back there.
      redis.call(claim == '' and 'LPUSH' or 'RPUSH', queue, rest)
      if claim ~= '' then redis.call('HINCRBY', stats, 'taken', -1) end
    else
      redis.call('RPUSH', ready, crashes .. ' ' .. kind .. ' ' .. first .. '\n' .. rest)
    end
  end
end

local arguments = { ended = 1, done = 1, retry = 3, park = 3, lane = 2, fan = 1, back = 1 }
local i = 2
while i <= #ARGV do
  local verb, claim, at = ARGV[i], ARGV[i + 1], i + 2
  i = at + arguments[verb]
  local item
  if verb == 'ended' then
    local n = 0
    for one in claim:gmatch('%d+') do
      local was = redis.call('HDEL', claims, one)
      n = n + was
      held[#held + 1] = was
    end
    if n > 0 then ended[ARGV[at]] = (ended[ARGV[at]] or 0) + n end
  elseif claim == '' then
    item = '0 e {}\n' .. ARGV[i]
    i = i + 1
  else
    item = redis.call('HGET', claims, claim)
  end
  if item then
    local crashes, kind, rest = split(item)
    if verb == 'fan' then
      -- Guarantee 3: one delivery for each webhook, before the first request; the bytes once.
      local event = ARGV[at]:match('^([^\n]*)\n')
      local n = 0
      redis.call('HSET', events, event, rest)
      for header in ARGV[at]:sub(#event + 2):gmatch('[^\n]+') do
        redis.call('LPUSH', ready, crashes .. ' r ' .. header .. '\n' .. event)
        n = n + 1
      end
      redis.call('HSET', refs, event, n)
    else
      settle(verb, claim, at, crashes, kind, rest)
    end
    -- Last, for a script that fails half-way keeps what it wrote: the claim must not be gone then.
    if claim ~= '' then redis.call('HDEL', claims, claim) end
    held[#held + 1] = 1
  elseif verb ~= 'ended' then
    held[#held + 1] = 0
  end
end

writeParkedCounts(base)
for kind, n in pairs(ended) do redis.call('HINCRBY', stats, kind, n) end
return table.concat(held)
