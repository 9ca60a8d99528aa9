#!lua flags=allow-oom
-- Lists parked deliveries in the order in which they were parked, without their bytes. It walks the
-- smallest sorted set that contains every match, and looks at a bounded number of deliveries.
--
-- KEYS  1 parked  2 parked items  3 parked index
-- ARGV  1 base  2 "newest" or "oldest" first  3 score and 4 delivery to start after, or ""
--       5 max in the reply  6 max to look at
--       7 owner  8 webhook  9 reason  10 event type, each "" for any
-- Reply {"damaged"}: the index and its counts disagree; the caller must repair it first
--       {"ended" or "more", score and delivery that were looked at last, {delivery, when it was parked
--        in ms, size in bytes, header, …}}
local parked, parkedItems, index, base = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local newest, score, after = ARGV[2] == 'newest', ARGV[3], ARGV[4]
local max, maxLooked = tonumber(ARGV[5]), tonumber(ARGV[6])
local owner, webhook, reason, event = ARGV[7], ARGV[8], ARGV[9], ARGV[10]

-- Returns the size that a set must have according to its counts; nil if there are too many to add up.
local function counted(counts, part, wanted)
  local kinds = redis.pcall('HLEN', counts)
  if type(kinds) == 'table' then
    noteParkedDamage(base, 'hash', counts)
    return nil, wrongTypeError('hash', counts) or kinds
  end
  if kinds > 200 then return nil end
  local sum, found = 0, redis.call('HGETALL', counts)
  for i = 1, #found, 2 do
    local r, e = string.match(found[i], '^([^\n]*)\n(.*)$')
    if part == '' or (part == 'reason:' and r == wanted) or (part == 'event:' and e == wanted) then
      sum = sum + tonumber(found[i + 1])
    end
  end
  return sum
end

local set, smallest
for _, narrowing in ipairs({ { '', owner }, { '', webhook }, { 'reason:', reason }, { 'event:', event } }) do
  local part, wanted = narrowing[1], narrowing[2]
  if wanted ~= '' then
    local key = base .. ':parked-of:' .. part .. wanted
    local size = redis.pcall('ZCARD', key)
    if type(size) == 'table' then
      noteParkedDamage(base, 'zset', key)
      return wrongTypeError('zset', key) or size
    end
    if not smallest or size < smallest then set, smallest = key, size end
    -- An operator may have deleted the set to repair a key of a wrong type.
    local counts = base .. ':parked-counts' .. (part == '' and ':' .. wanted or '')
    local sum, wrong = counted(counts, part, wanted)
    if wrong then return wrong end
    if sum and sum ~= size then
      noteParkedDamage(base, 'zset', key)
      return { 'damaged' }
    end
  end
end
local narrowed = set ~= nil
set = set or parked

local function matches(entry)
  if not entry then return false end
  local o, w, r, e = splitParkedEntry(entry)
  return (owner == '' or owner == o) and (webhook == '' or webhook == w)
    and (reason == '' or reason == r) and (event == '' or event == e)
end

local from = 0
if score ~= '' then
  local own = redis.call('ZSCORE', set, after)
  if own and tonumber(own) == tonumber(score) then
    from = redis.call(newest and 'ZREVRANK' or 'ZRANK', set, after) + 1
  elseif newest then from = redis.call('ZCOUNT', set, '(' .. score, '+inf')
  else from = redis.call('ZCOUNT', set, '-inf', '(' .. score) end
end

local reply, looked, ended = {}, 0, false
while not ended and #reply / 4 < max and looked < maxLooked do
  local wish = math.min(100, maxLooked - looked, narrowed and 100 or max - #reply / 4 + 1)
  local found = redis.call(newest and 'ZREVRANGE' or 'ZRANGE', set, from, from + wish - 1, 'WITHSCORES')
  if #found == 0 then ended = true break end
  local names = {}
  for i = 1, #found, 2 do names[#names + 1] = found[i] end
  local entries = narrowed and redis.call('HMGET', index, unpack(names)) or {}
  local stale = {}
  for i, delivery in ipairs(names) do
    local at = found[i * 2]
    -- Parked in the same millisecond, and in front of the place to start after.
    local before = score ~= '' and tonumber(at) == tonumber(score)
      and ((newest and delivery >= after) or (not newest and delivery <= after))
    if #reply / 4 >= max then break end
    looked = looked + 1
    from = from + 1
    if not before then
      ARGV[3], ARGV[4] = at, delivery
      if not narrowed or matches(entries[i]) then
        local item = redis.call('HGET', parkedItems, delivery)
        if item then
          reply[#reply + 1] = delivery
          reply[#reply + 1] = at
          reply[#reply + 1] = #item
          reply[#reply + 1] = headerOf(item) or ''
        elseif narrowed then
          -- A version of Fluxhook without an index has redelivered or swept it.
          stale[#stale + 1] = delivery
        end
      end
    end
  end
  for _, delivery in ipairs(stale) do
    unindexParked(base, delivery)
    redis.call('ZREM', set, delivery)
    from = from - 1
  end
end
writeParkedCounts(base)
return { ended and 'ended' or 'more', ARGV[3], ARGV[4], reply }
