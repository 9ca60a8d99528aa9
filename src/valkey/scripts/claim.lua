#!lua flags=allow-oom
-- Takes a batch of items into this worker's claim: what is due, then from the lanes asked for, then
-- what is ready, then the list. Guarantee 1: what leaves a place enters the claim in the same step, and
-- enters it first: where Valkey is killed in the middle of writing this step to its append-only file,
-- 8.0 keeps the half that is there, and its next restart but one runs it.
-- Runs at the memory limit too, for only consuming frees memory.
--
-- KEYS  1 queue  2 workers  3 worker  4 claims  5 ready  6 schedule  7 scheduled  8 lanes  9 events
--       10 paused  11 stats  12 next
-- ARGV  1 base   2 worker id  3 claim number  4 most items  5 most bytes  6 most of them from the list
--       7 how many lanes and pauses to name in the reply  8 an element over so many bytes is cut
--       9 to so many  10… pairs: webhook, most items of its lane
-- Reply {"gone"}: the worker was judged dead; it must join anew
--       {"stale"}: a delayed copy of an earlier request
--       {"ok", or "again" where this number has had its batch, now ms, next due ms or -1,
--        elements left in the list, {item, …}, their claims with spaces between, where each came
--        from, a letter for each, {event, bytes, …},
--        {webhook whose lane is not empty, …}, {webhook, ms it is paused, …},
--        elements ever taken off the list (-1 where it is empty now), {why a key was passed over, …}}
--       where from: l(ane), d(ue), r(eady), q(ueue), (queue and) c(ut), or a(gain) in a batch that is
--       answered again
local queue, claims, ready = KEYS[1], KEYS[4], KEYS[5]
local schedule, scheduled, lanes, events = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local base, number = ARGV[1], tonumber(ARGV[3])
local most, mostBytes = tonumber(ARGV[4]), tonumber(ARGV[5])
local cutOver, cutTo = tonumber(ARGV[8]), tonumber(ARGV[9])
local FIRST_LANE = 10

-- Nothing fails after the first write, or what it wrote would be repeated. A place whose key holds
-- something else is passed over, and the others are served.
local problems, known = {}, {}
local function try(kind, command, key, ...)
  local answer = redis.pcall(command, key, ...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if not known[key] then
    known[key] = true
    problems[#problems + 1] = wrongType(kind, key) or key .. ': ' .. answer.err
  end
  return nil
end

local now = serverNow()
-- Both scripts that claim number their claims from `to`. takeover.lua removes this hash with the worker.
local state = redis.call('HMGET', KEYS[3], 'number', 'from', 'to', 'looked', 'until')
if not state[3] and not redis.call('ZSCORE', KEYS[2], ARGV[2]) then return { 'gone' } end
local last, to = tonumber(state[1] or 0), tonumber(state[3] or 0)
local payloads, described, bytes = {}, {}, 0
local numbers, sources = {}, {}
-- At low rates each look costs Valkey more than all else here: none is made twice, and none that the
-- case at hand does not need.
local firstDue = try('zset', 'ZRANGE', schedule, 0, 0, 'WITHSCORES') or {}
local dueAt = firstDue[2] and math.floor(tonumber(firstDue[2]))
local length, taken = try('list', 'LLEN', queue) or 0, nil
-- What a wait has moved there and has not claimed: its connection was lost meanwhile.
local nextLength = try('list', 'LLEN', KEYS[12]) or 0
local function takenSoFar()
  taken = taken or tonumber(try('hash', 'HGET', KEYS[11], 'taken') or 0) or 0
  return taken
end
-- Where the bytes of fanned-out events cannot be read, what may need them stays where it is.
local eventsSeen
local function readable()
  if eventsSeen == nil then eventsSeen = try('hash', 'HLEN', events) ~= nil end
  return eventsSeen
end

local function describe(item)
  bytes = bytes + #item
  local event = sharedEventOf(item)
  if event and not described[event] then
    described[event] = true
    local payload = redis.call('HGET', events, event)
    if payload then
      bytes = bytes + #payload
      payloads[#payloads + 1] = event
      payloads[#payloads + 1] = payload
    end
  end
end

local function reply(kind, batch)
  local waiting, pauses = {}, {}
  if tonumber(ARGV[7]) > 0 then
    waiting = try('zset', 'ZRANGE', lanes, 0, tonumber(ARGV[7]) - 1) or {}
    pauses = try('zset', 'ZRANGEBYSCORE', KEYS[10], now + 1, '+inf', 'WITHSCORES', 'LIMIT', 0,
      tonumber(ARGV[7])) or {}
    for i = 2, #pauses, 2 do pauses[i] = tonumber(pauses[i]) - now end
  end
  -- Of an empty list nobody asks how many elements were ever taken off it.
  local left = nextLength + length
  return { kind, now, dueAt or -1, left, batch, table.concat(numbers, ' '), table.concat(sources),
    payloads, waiting, pauses, left > 0 and takenSoFar() or -1, problems }
end

if number < last then return { 'stale' } end
if number == last then
  if not readable() then return redis.error_reply('WRONGTYPE ' .. problems[#problems]) end
  -- Asked again: the reply was lost, so the same batch is answered.
  local batch = {}
  for claim = tonumber(state[2]), tonumber(state[5]) do
    local item = redis.call('HGET', claims, claim)
    if item then
      batch[#batch + 1] = item
      numbers[#numbers + 1] = claim
      sources[#sources + 1] = 'a'
      describe(item)
    end
  end
  return reply('again', batch)
end

local batch, fields, from, claimed = {}, {}, to + 1, 0

local function take(item, source)
  to = to + 1
  claimed = claimed + 1
  batch[#batch + 1] = item
  numbers[#numbers + 1] = to
  sources[#sources + 1] = source
  fields[#fields + 1] = to
  fields[#fields + 1] = item
  describe(item)
end

local function room() return claimed < most and bytes < mostBytes end

-- How many to look at together: as many as fit if they are like those before. Where they are larger, the rest stays.
local function chunk()
  local like = claimed > 0 and bytes / claimed or mostBytes
  return math.max(1, math.min(most - claimed, 32, math.floor((mostBytes - bytes) / like)))
end

local removals = {}

-- From the right end, as far as there is room; what is taken is removed when it stands in the claim.
local function takeFrom(list, count, source, chunkOf, itemOf)
  local n, full = 0, false
  while n < count and room() and not full do
    local wanted = math.min(chunkOf(), count - n)
    local items = try('list', 'LRANGE', list, -(n + wanted), -(n + 1))
    if not items then return 0 end
    for i = #items, 1, -1 do
      if not room() then break end
      local item, isCut = itemOf(items[i])
      take(item, isCut and source == 'q' and 'c' or source)
      full = full or isCut
      n = n + 1
    end
    if #items < wanted then break end
  end
  if n > 0 then removals[#removals + 1] = { list, n } end
  return n
end

-- An element that is too large never leaves Valkey: its first bytes stand for it, with its size.
local cut = false
local function cutElement(header, element)
  local item, isCut = elementItem(header, element, cutOver, cutTo)
  cut = cut or isCut
  return item, isCut
end

-- What stands elsewhere is what was claimed once; earlier versions claimed elements of any size.
local function asItIs(item)
  if #item <= cutOver then return item, false end
  local header, at = string.match(item, '^(%d+ e {"claim":"[^"\n]*","at":%d+)}\n()')
  if not header then return item, false end
  return cutElement(header, string.sub(item, at))
end

-- What is due goes before the lanes, which could fill each batch; it has at most half of what they
-- leave, so that a wave of due retries does not hold new events back.
local gone, lanesAsked = {}, 0
for i = FIRST_LANE, #ARGV, 2 do lanesAsked = lanesAsked + tonumber(ARGV[i + 1]) end
local mostDue = math.max(math.ceil((most - lanesAsked) / 2), most > 1 and 1 or 0)
if mostDue > 0 and dueAt and dueAt <= now and readable() then
  local due = try('zset', 'ZRANGEBYSCORE', schedule, '-inf', now, 'LIMIT', 0, mostDue) or {}
  if #due > 0 and not try('hash', 'HLEN', scheduled) then due = {} end
  for _, delivery in ipairs(due) do
    if claimed > 0 and bytes >= mostBytes / 2 then break end
    local item = redis.call('HGET', scheduled, delivery)
    if item then take(asItIs(item), 'd') end
    gone[#gone + 1] = delivery
  end
end

if lanesAsked > 0 and readable() then
  for i = FIRST_LANE, #ARGV, 2 do
    takeFrom(base .. ':lane:' .. ARGV[i], tonumber(ARGV[i + 1]), 'l', chunk, asItIs)
  end
end
local readyItems = try('list', 'LLEN', ready) or 0
if readyItems > 0 and readable() then
  takeFrom(ready, math.min(most, readyItems), 'r', chunk, asItIs)
end

-- An element is copied into the script, and Valkey allows 512 MiB for one: several are read together
-- only from a list that has no more than that in all. To look costs time for each of its nodes, so it
-- is done once for all elements that stand there.
local SMALL, LOOK_AGAIN = 536870912, 10000
local function one() return 1 end
local looked
local function chunkOfList(count)
  if length < 2 then return one end
  local known, verdict = string.match(state[4] or '', '(%d+) (%a+)')
  local before = takenSoFar() + nextLength
  if known and before + count <= tonumber(known) then
    return verdict == 'small' and chunk or one
  end
  local size = redis.pcall('MEMORY', 'USAGE', queue, 'SAMPLES', '0')
  local small = type(size) == 'number' and size <= SMALL
  looked = string.format('%d %s', before + (small and length or math.min(length, LOOK_AGAIN)),
    small and 'small' or 'large')
  return small and chunk or one
end

local function itemOf(element) return cutElement(claimHeader(ARGV[2], to + 1, now), element) end
local mostFromList, fromNext, elementsTaken = tonumber(ARGV[6]), 0, 0
-- Also where nothing may be taken from the list: a worker with `blpop` finds here what another one left.
if nextLength > 0 and room() then
  fromNext = takeFrom(KEYS[12], math.min(math.max(mostFromList, 1), nextLength), 'q', one, itemOf)
end
mostFromList = math.min(mostFromList - fromNext, length)
if mostFromList > 0 and room() and not cut then
  elementsTaken = takeFrom(queue, mostFromList, 'q', chunkOfList(mostFromList), itemOf)
end

if claimed > 0 then
  for i = 1, #fields, 512 do
    redis.call('HSET', claims, unpack(fields, i, math.min(i + 511, #fields)))
  end
  if looked then redis.call('HSET', KEYS[3], 'looked', looked) end
  redis.call('HSET', KEYS[3], 'number', number, 'from', from, 'to', to, 'until', to)
  if fromNext + elementsTaken > 0 then
    taken = try('hash', 'HINCRBY', KEYS[11], 'taken', fromNext + elementsTaken) or taken
  end
  nextLength, length = nextLength - fromNext, length - elementsTaken
end
for _, removal in ipairs(removals) do
  redis.call('LTRIM', removal[1], 0, -(removal[2] + 1))
end
if #gone > 0 then
  redis.call('ZREM', schedule, unpack(gone))
  redis.call('HDEL', scheduled, unpack(gone))
  firstDue = redis.call('ZRANGE', schedule, 0, 0, 'WITHSCORES')
  dueAt = firstDue[2] and math.floor(tonumber(firstDue[2]))
end
for i = FIRST_LANE, #ARGV, 2 do
  if redis.call('EXISTS', base .. ':lane:' .. ARGV[i]) == 0 then
    try('zset', 'ZREM', lanes, ARGV[i])
  else
    try('zset', 'ZADD', lanes, 'XX', now, ARGV[i])
  end
end
-- Lua would keep the copy for a while, beside all that Valkey counts.
if cut then collectgarbage('collect') end
return reply('ok', batch)
