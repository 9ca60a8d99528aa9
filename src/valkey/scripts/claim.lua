#!lua flags=allow-oom
-- Takes a batch of items into this worker's claim: from the lanes asked for, then what is due, then
-- what is ready, then the list. Guarantee 1: what leaves a place enters the claim in the same step, and
-- enters it first: where Valkey is killed in the middle of writing this step to its append-only file,
-- 8.0 keeps the half that is there, and its next restart but one runs it.
-- Runs at the memory limit too, for only consuming frees memory.
--
-- KEYS  1 queue  2 workers  3 worker  4 claims  5 ready  6 schedule  7 scheduled  8 lanes  9 events
--       10 paused  11 stats
-- ARGV  1 base   2 worker id  3 claim number  4 most items  5 most bytes  6 most of them from the list
--       7 how many lanes and pauses to name in the reply  8… pairs: webhook, most items of its lane
-- Reply {"gone"}: the worker was judged dead; it must join anew
--       {"stale"}: a delayed copy of an earlier request
--       {"ok", or "again" where this number has had its batch, now ms, next due ms or -1,
--        elements left in the list, {item, …}, their claims with spaces between, where each came
--        from, a letter for each, {event, bytes, …},
--        {webhook whose lane is not empty, …}, {webhook, ms it is paused, …},
--        elements ever taken off the list}
--       where from: l(ane), d(ue), r(eady), q(ueue), or a(gain) in a batch that is answered again
local queue, claims, ready = KEYS[1], KEYS[4], KEYS[5]
local schedule, scheduled, lanes, events = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local base, number = ARGV[1], tonumber(ARGV[3])
local most, mostBytes = tonumber(ARGV[4]), tonumber(ARGV[5])

if not redis.call('ZSCORE', KEYS[2], ARGV[2]) then return { 'gone' } end
-- Everything that can fail for a reason from outside fails here, before anything has moved.
local queueType = redis.call('TYPE', queue).ok
if queueType ~= 'list' and queueType ~= 'none' then
  return redis.error_reply('WRONGTYPE the key ' .. queue .. ' holds a ' .. queueType .. ', not a list')
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local state = redis.call('HMGET', KEYS[3], 'number', 'from', 'to')
local last, to = tonumber(state[1] or 0), tonumber(state[3] or 0)
local payloads, known, bytes = {}, {}, 0
local numbers, sources = {}, {}

local function describe(item)
  bytes = bytes + #item
  local event = string.match(item, '^%d+ r [^\n]*\n(.*)$')
  if event and not known[event] then
    known[event] = true
    local payload = redis.call('HGET', events, event)
    if payload then
      bytes = bytes + #payload
      payloads[#payloads + 1] = event
      payloads[#payloads + 1] = payload
    end
  end
end

local function reply(kind, batch)
  local due = redis.call('ZRANGE', schedule, 0, 0, 'WITHSCORES')
  local waiting, pauses = {}, {}
  if tonumber(ARGV[7]) > 0 then
    waiting = redis.call('ZRANGE', lanes, 0, tonumber(ARGV[7]) - 1)
    pauses = redis.call('ZRANGEBYSCORE', KEYS[10], now + 1, '+inf', 'WITHSCORES', 'LIMIT', 0,
      tonumber(ARGV[7]))
    for i = 2, #pauses, 2 do pauses[i] = tonumber(pauses[i]) - now end
  end
  return { kind, now, due[2] and math.floor(tonumber(due[2])) or -1, redis.call('LLEN', queue),
    batch, table.concat(numbers, ' '), table.concat(sources), payloads, waiting, pauses,
    tonumber(redis.call('HGET', KEYS[11], 'taken') or 0) }
end

if number < last then return { 'stale' } end
if number == last then
  -- Asked again: the reply was lost, so the same batch is answered.
  local batch = {}
  for claim = tonumber(state[2]), to do
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

local batch, fields, from, taken = {}, {}, to + 1, 0

local function take(item, source)
  to = to + 1
  taken = taken + 1
  batch[#batch + 1] = item
  numbers[#numbers + 1] = to
  sources[#sources + 1] = source
  fields[#fields + 1] = to
  fields[#fields + 1] = item
  describe(item)
end

local function room() return taken < most and bytes < mostBytes end

-- How many to look at together: as many as fit if they are like those before.
local function chunk()
  local like = taken > 0 and bytes / taken or mostBytes
  return math.max(1, math.min(most - taken, 32, math.floor((mostBytes - bytes) / like)))
end

local removals = {}

-- From the right end, as far as there is room; what is taken is removed when it stands in the claim.
local function takeFrom(list, count, source, itemOf)
  local n = 0
  while n < count and room() do
    local wanted = math.min(chunk(), count - n)
    local items = redis.call('LRANGE', list, -(n + wanted), -(n + 1))
    for i = #items, 1, -1 do take(itemOf and itemOf(items[i]) or items[i], source) end
    n = n + #items
    if #items < wanted then break end
  end
  if n > 0 then removals[#removals + 1] = { list, n } end
  return n
end

for i = 8, #ARGV, 2 do takeFrom(base .. ':lane:' .. ARGV[i], tonumber(ARGV[i + 1]), 'l') end

-- At most half of the batch, so that a wave of due retries does not hold new events back.
local gone = {}
if room() then
  local due = redis.call('ZRANGEBYSCORE', schedule, '-inf', now, 'LIMIT', 0,
    math.ceil((most - taken) / 2))
  for _, delivery in ipairs(due) do
    if not room() then break end
    local item = redis.call('HGET', scheduled, delivery)
    if item then take(item, 'd') end
    gone[#gone + 1] = delivery
  end
end

takeFrom(ready, most, 'r')

-- The claim and its time become the id and the timestamp of an event that has none, and they stay with
-- it, so that a second run carries the same ones.
local function itemOf(element)
  return '0 e {"claim":"' .. ARGV[2] .. '-' .. (to + 1) .. '","at":' .. now .. '}\n' .. element
end
local elementsTaken = takeFrom(queue, tonumber(ARGV[6]), 'q', itemOf)

if taken > 0 then
  for i = 1, #fields, 512 do
    redis.call('HSET', claims, unpack(fields, i, math.min(i + 511, #fields)))
  end
  redis.call('HSET', KEYS[3], 'number', number, 'from', from, 'to', to)
  if elementsTaken > 0 then redis.call('HINCRBY', KEYS[11], 'taken', elementsTaken) end
end
for _, removal in ipairs(removals) do
  redis.call('LTRIM', removal[1], 0, -(removal[2] + 1))
end
if #gone > 0 then
  redis.call('ZREM', schedule, unpack(gone))
  redis.call('HDEL', scheduled, unpack(gone))
end
for i = 8, #ARGV, 2 do
  if redis.call('EXISTS', base .. ':lane:' .. ARGV[i]) == 0 then
    redis.call('ZREM', lanes, ARGV[i])
  else
    redis.call('ZADD', lanes, 'XX', now, ARGV[i])
  end
end
return reply('ok', batch)
