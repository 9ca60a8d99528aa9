#!lua flags=allow-oom
-- Claims what a wait has found: the element that BLMOVE moved to `next`, then what is on the list by now.
-- It runs behind that BLMOVE, in one write with it. The places that others fill (schedule, lanes, ready) are
-- left to claim.lua. As there, an item enters the claim before it is removed.
--
-- KEYS  1 queue  2 workers  3 worker  4 claims  5 next  6 stats  7 lanes  8 paused
-- ARGV  1 worker id  2 number of the request, of its own count  3 most items  4 most bytes
--       5 how many lanes and pauses to name in the reply  6 an element over so many bytes is cut  7 to so many
-- Reply as claim.lua's, with -1 for the time when the next delivery is due
local queue, worker, claims, nextList = KEYS[1], KEYS[3], KEYS[4], KEYS[5]
local id, number = ARGV[1], tonumber(ARGV[2])

local now = serverNow()
local state = redis.call('HMGET', worker, 'to', 'next-number', 'next-from', 'next-to')
if not state[1] and not redis.call('ZSCORE', KEYS[2], id) then return { 'gone' } end
local to, last = tonumber(state[1] or 0), tonumber(state[2] or 0)
local waiting, length = redis.call('LLEN', nextList), redis.call('LLEN', queue)
local batch, numbers, sources, taken = {}, {}, {}, nil

local function reply(kind)
  local lanes, pauses = {}, {}
  if tonumber(ARGV[5]) > 0 then
    lanes = redis.pcall('ZRANGE', KEYS[7], 0, tonumber(ARGV[5]) - 1)
    pauses = redis.pcall('ZRANGEBYSCORE', KEYS[8], now + 1, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[5])
    if lanes.err then lanes = {} end
    if pauses.err then pauses = {} end
    for i = 2, #pauses, 2 do pauses[i] = tonumber(pauses[i]) - now end
  end
  local left = waiting + length
  if left > 0 then taken = taken or tonumber(redis.pcall('HGET', KEYS[6], 'taken')) or 0 end
  return { kind, now, -1, left, batch, table.concat(numbers, ' '), table.concat(sources), {}, lanes, pauses,
    left > 0 and taken or -1, {} }
end

if number < last then return { 'stale' } end
if number == last then
  for claim = tonumber(state[3]), tonumber(state[4]) do
    local item = redis.call('HGET', claims, claim)
    if item then
      batch[#batch + 1] = item
      numbers[#numbers + 1] = claim
      sources[#sources + 1] = 'a'
    end
  end
  return reply('again')
end

local from, most, bytes, fields = to + 1, tonumber(ARGV[3]), tonumber(ARGV[4]), {}
local cutOver, cutTo, isCut = tonumber(ARGV[6]), tonumber(ARGV[7]), false

-- One at a time, for each may be large. Returns how many.
local function take(list, count)
  local n = 0
  while n < count and #batch < most and bytes > 0 and not isCut do
    n = n + 1
    to = to + 1
    local element = redis.call('LINDEX', list, -n)
    local item
    item, isCut = elementItem(claimHeader(id, to, now), element, cutOver, cutTo)
    bytes = bytes - #item
    batch[#batch + 1] = item
    numbers[#numbers + 1] = to
    sources[#sources + 1] = isCut and 'c' or 'q'
    fields[#fields + 1] = to
    fields[#fields + 1] = item
  end
  return n
end

local fromNext = take(nextList, waiting)
local fromList = take(queue, length)
if #batch > 0 then
  redis.call('HSET', claims, unpack(fields))
  redis.call('HSET', worker, 'to', to, 'next-number', number, 'next-from', from, 'next-to', to)
  local count = redis.pcall('HINCRBY', KEYS[6], 'taken', #batch)
  taken = type(count) == 'number' and count or 0
  if fromNext > 0 then redis.call('LTRIM', nextList, 0, -(fromNext + 1)) end
  if fromList > 0 then redis.call('LTRIM', queue, 0, -(fromList + 1)) end
  waiting, length = waiting - fromNext, length - fromList
end
-- Lua would keep the copy for a while, beside all that Valkey counts.
if isCut then collectgarbage('collect') end
return reply('ok')
