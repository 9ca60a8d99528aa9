#!lua flags=allow-oom
-- Takes one bounded step towards an index that contains every parked delivery and nothing else. A version of
-- Fluxhook without an index may have filled this Valkey, and may run at the same time: it parks, redelivers and
-- sweeps without updating the index.
--
-- Parked deliveries are ordered by when they were parked. A cursor walks them from the oldest: everything up to
-- it is indexed, so a later step looks only at what was parked since. At the end the totals are compared. If too
-- few are indexed, the cursor starts again. If too many are, the other version has redelivered or swept the
-- surplus, and the step searches for it.
--
-- KEYS  1 parked  2 parked items  3 parked index  4 its state
-- ARGV  1 base  2 max to look at  3 "1": search for surplus even if the totals are equal, for as many entries
--       may be missing as are surplus
-- Reply {1 if every parked delivery is indexed, 1 if nothing else is}, else 0 each
local parked, parkedItems, index, state, base = KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[1]
local max = tonumber(ARGV[2])

local wrong = wrongTypeError('hash', state) or wrongTypeError('hash', index) or wrongTypeError('zset', parked)
  or wrongTypeError('hash', parkedItems)
if wrong then return wrong end

local at, member, scan, damaged, clearing =
  unpack(redis.call('HMGET', state, 'at', 'member', 'scan', 'damaged', 'clearing'))

-- A damaged index is emptied and rebuilt as soon as the key has its type back.
if damaged then
  local kind, key = string.match(damaged, '^(%S+) (.*)$')
  wrong = wrongTypeError(kind, key)
  if wrong then return wrong end
  redis.call('HDEL', state, 'damaged', 'scan')
  redis.call('HSET', state, 'clearing', '1')
  return { 0, 0 }
end
if clearing then
  local page = redis.call('HSCAN', index, scan or '0', 'COUNT', max)
  local keys = { [base .. ':parked-counts'] = 'hash', [base .. ':parked-webhooks'] = 'zset' }
  for i = 1, #page[2], 2 do
    local owner, webhook, reason, event = splitParkedEntry(page[2][i + 1])
    if owner then
      for _, set in ipairs({ owner, webhook, 'reason:' .. reason, 'event:' .. event }) do
        keys[base .. ':parked-of:' .. set] = 'zset'
      end
      keys[base .. ':parked-counts:' .. owner] = 'hash'
      keys[base .. ':parked-counts:' .. webhook] = 'hash'
    end
  end
  for key, kind in pairs(keys) do
    wrong = wrongTypeError(kind, key)
    if wrong then return wrong end
  end
  for key in pairs(keys) do redis.call('DEL', key) end
  for i = 1, #page[2], 2 do redis.call('HDEL', index, page[2][i]) end
  if redis.call('HLEN', index) == 0 then redis.call('DEL', state)
  else redis.call('HSET', state, 'scan', page[1]) end
  return { 0, 0 }
end

local left, indexed = redis.call('ZCARD', parked), redis.call('HLEN', index)
if left == 0 and indexed == 0 then
  redis.call('DEL', state)
  return { 1, 1 }
end

local now = serverNow()
local rank = 0
if at then
  local score = member ~= '' and redis.call('ZSCORE', parked, member)
  if score and tonumber(score) == tonumber(at) then rank = redis.call('ZRANK', parked, member) + 1
  else rank = redis.call('ZCOUNT', parked, '-inf', '(' .. at) end
end

local function entryOf(item)
  local read, header = pcall(cjson.decode, headerOf(item) or '')
  -- A header that cannot be read is indexed without an owner, so that the totals are equal.
  if not read or type(header) ~= 'table' then header = {} end
  local function part(name, otherwise)
    local value = header[name]
    return type(value) == 'string' and not string.find(value, '\n') and value or otherwise
  end
  return part('owner', '-') .. '\n' .. part('webhook_id', '?') .. '\n' .. part('reason', '')
    .. '\n' .. part('event', '')
end

local page = redis.call('ZRANGE', parked, rank, rank + max - 1, 'WITHSCORES')
if #page > 0 then
  local names = {}
  for i = 1, #page, 2 do names[#names + 1] = page[i] end
  local entries = redis.call('HMGET', index, unpack(names))
  local toAt, toMember = at, member
  for i, delivery in ipairs(names) do
    local score = tonumber(page[i * 2])
    if not entries[i] then
      local item = redis.call('HGET', parkedItems, delivery)
      if item then indexParked(base, delivery, page[i * 2], entryOf(item))
      else redis.call('ZREM', parked, delivery) end
    end
    -- Within the current millisecond more may still be parked in front of these.
    if score < now then toAt, toMember = page[i * 2], delivery end
  end
  writeParkedCounts(base)
  if toAt ~= at or toMember ~= member then
    redis.call('HSET', state, 'at', toAt, 'member', toMember)
  end
  if #names == max then return { 0, 0 } end
end

left, indexed = redis.call('ZCARD', parked), redis.call('HLEN', index)
if indexed < left then
  redis.call('HDEL', state, 'at', 'member')
  return { 0, 0 }
end
if indexed > left or (ARGV[3] == '1' and indexed > 0) then
  local found = redis.call('HSCAN', index, scan or '0', 'COUNT', max)
  for i = 1, #found[2], 2 do
    if redis.call('HEXISTS', parkedItems, found[2][i]) == 0 then unindexParked(base, found[2][i]) end
  end
  writeParkedCounts(base)
  if found[1] ~= scan then redis.call('HSET', state, 'scan', found[1]) end
  indexed = redis.call('HLEN', index)
  if indexed < left then
    redis.call('HDEL', state, 'at', 'member')
    return { 0, 0 }
  end
end
if left == 0 and indexed == 0 then redis.call('DEL', state) end
return { 1, indexed == left and 1 or 0 }
