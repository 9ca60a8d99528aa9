#!lua flags=allow-oom
-- Claims what a wait has found: the element that BLMOVE moved to `next`, then what is on the list by now.
-- It runs behind that BLMOVE, in one write with it. The places that others fill (schedule, lanes, ready) are
-- left to claim.lua. As there, an item enters the claim before it is removed.
-- An event that comes alone costs one run, and Valkey has seldom run it just before: so it makes few calls, makes
-- no functions and replies with one table (measured: docs/performance.md, "At everyday rates").
--
-- KEYS  1 queue  2 workers  3 worker  4 claims  5 next  6 stats  7 lanes  8 paused
-- ARGV  1 worker id  2 number of the request, of its own count  3 most items  4 most bytes
--       5 how many lanes and pauses to name in the reply  6 an element over so many bytes is cut  7 to so many
-- Reply {"gone"}, {"stale"}: as claim.lua's
--       {"ok", or "again" where this number has had its batch, now ms, elements left in the list, elements ever taken
--        off it (-1 where it is empty now), 1 if the last item is cut or else 0, the claims: with spaces between,
--        item, …; where a report was asked for, these two come before the items:
--        webhooks whose lane is not empty, with spaces between; webhook and ms that it is paused, and so on}
local number = tonumber(ARGV[2])
local state = redis.call('HMGET', KEYS[3], 'to', 'next-number', 'next-from', 'next-to')
if not state[1] and not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return { 'gone' } end
local to, last = tonumber(state[1] or 0), tonumber(state[2] or 0)
if number < last then return { 'stale' } end

local now = serverNow()
local element, length = redis.call('LINDEX', KEYS[5], -1), redis.call('LLEN', KEYS[1])
local reply, claims, fields, fromNext, fromList, taken, cut = { '' }, {}, {}, 0, 0, -1, 0
if ARGV[5] ~= '0' then
  local lanes = redis.pcall('ZRANGE', KEYS[7], 0, tonumber(ARGV[5]) - 1)
  local pauses = redis.pcall('ZRANGEBYSCORE', KEYS[8], now + 1, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[5])
  for i = 2, #pauses, 2 do pauses[i] = tonumber(pauses[i]) - now end
  reply[2], reply[3] = table.concat(lanes, ' '), table.concat(pauses, ' ')
end

local kind = 'ok'
if number == last then
  -- Asked again: the reply was lost, so the same batch is answered.
  kind = 'again'
  for claim = tonumber(state[3]), tonumber(state[4]) do
    local item = redis.call('HGET', KEYS[4], claim)
    if item then
      claims[#claims + 1] = claim
      reply[#reply + 1] = item
    end
  end
else
  local from, most, bytes = to + 1, tonumber(ARGV[3]), tonumber(ARGV[4])
  if element then
    fromNext = 1
  elseif length > 0 then
    fromList, element = 1, redis.call('LINDEX', KEYS[1], -1)
  end
  -- One at a time, for each may be large.
  while element do
    to = to + 1
    -- The claim and its time become the id and the timestamp of an event that has none (claim.lua).
    local item = '0 e {"claim":"' .. ARGV[1] .. '-' .. to .. '","at":' .. now
    if #element <= tonumber(ARGV[6]) then
      item = item .. '}\n' .. element
    else
      cut = 1
      item = item .. ',"size":' .. #element .. '}\n' .. string.sub(element, 1, tonumber(ARGV[7]))
    end
    bytes = bytes - #item
    claims[#claims + 1] = to
    reply[#reply + 1] = item
    fields[#fields + 1] = to
    fields[#fields + 1] = item
    element = nil
    if fromList < length and #claims < most and bytes > 0 and cut == 0 then
      fromList = fromList + 1
      element = redis.call('LINDEX', KEYS[1], -fromList)
    end
  end
  if #fields > 0 then
    redis.call('HSET', KEYS[4], unpack(fields))
    redis.call('HSET', KEYS[3], 'to', to, 'next-number', number, 'next-from', from, 'next-to', to)
    taken = redis.pcall('HINCRBY', KEYS[6], 'taken', #claims)
    if fromNext > 0 then redis.call('LTRIM', KEYS[5], 0, -2) end
    if fromList > 0 then redis.call('LTRIM', KEYS[1], 0, -(fromList + 1)) end
    length = length - fromList
  end
end
-- Of an empty list nobody asks how many elements were ever taken off it.
if length == 0 then
  taken = -1
elseif type(taken) ~= 'number' or taken < 0 then
  taken = tonumber(redis.pcall('HGET', KEYS[6], 'taken')) or 0
end
reply[1] = table.concat({ kind, now, length, taken, cut, table.concat(claims, ' ') }, ' ')
-- Lua would keep the copy for a while, beside all that Valkey counts.
if cut == 1 then collectgarbage('collect') end
return reply
