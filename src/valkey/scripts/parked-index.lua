-- Library of every script that parks a delivery or ends a parked one: the index of parked deliveries.
--
-- `parked-index` maps each indexed delivery to its entry: owner, webhook, reason and event type, joined by
-- line feeds. The delivery is a member of the sorted sets of those four (its score is when it was parked).
-- It is counted in `parked-counts` of the queue, its owner and its webhook (`reason\nevent` → count) and in
-- `parked-webhooks`. The counts change only together with `parked-index`. So they always count what is
-- indexed, even if a version of Fluxhook without an index changed the parked deliveries.
--
-- A write that fails because a key has another type must not abort the script, or the claim would never
-- end. The script notes the damage instead, and repair-parked.lua rebuilds the index.
local function noteParkedDamage(base, kind, key)
  redis.pcall('HSET', base .. ':parked-index-state', 'damaged', kind .. ' ' .. key)
end

-- Returns owner, webhook, reason and event type of an entry of the index; nil if it is not an entry.
local function splitParkedEntry(entry)
  return string.match(entry, '^([^\n]*)\n([^\n]*)\n([^\n]*)\n(.*)$')
end

-- Key → field → change. The deliveries of one step share counts, so each count is written once, at the end.
local parkedCounts

local function addParkedCount(key, field, by)
  parkedCounts = parkedCounts or {}
  local fields = parkedCounts[key]
  if not fields then
    fields = {}
    parkedCounts[key] = fields
  end
  fields[field] = (fields[field] or 0) + by
end

-- Writes the collected changes. Every script that indexes or unindexes must call this at its end.
local function writeParkedCounts(base)
  for key, fields in pairs(parkedCounts or {}) do
    local isHash = key ~= base .. ':parked-webhooks'
    for field, by in pairs(fields) do
      local left = 1
      if by ~= 0 then
        if isHash then left = redis.pcall('HINCRBY', key, field, by)
        else left = redis.pcall('ZINCRBY', key, by, field) end
      end
      if type(left) == 'table' then noteParkedDamage(base, isHash and 'hash' or 'zset', key)
      elseif tonumber(left) <= 0 then redis.call(isHash and 'HDEL' or 'ZREM', key, field) end
    end
  end
  parkedCounts = nil
end

-- Adds the delivery if `at` is given, and removes it otherwise.
local function writeParkedIndex(base, delivery, entry, at)
  local owner, webhook, reason, event = splitParkedEntry(entry)
  if not owner then return end
  local by = at and 1 or -1
  for _, set in ipairs({ owner, webhook, 'reason:' .. reason, 'event:' .. event }) do
    local key = base .. ':parked-of:' .. set
    local changed
    if at then changed = redis.pcall('ZADD', key, at, delivery)
    else changed = redis.pcall('ZREM', key, delivery) end
    if type(changed) == 'table' or (not at and changed == 0) then noteParkedDamage(base, 'zset', key) end
  end
  local kind = reason .. '\n' .. event
  addParkedCount(base .. ':parked-counts', kind, by)
  addParkedCount(base .. ':parked-counts:' .. owner, kind, by)
  addParkedCount(base .. ':parked-counts:' .. webhook, kind, by)
  addParkedCount(base .. ':parked-webhooks', webhook, by)
end

local function unindexParked(base, delivery)
  local key = base .. ':parked-index'
  local entry = redis.pcall('HGET', key, delivery)
  if type(entry) == 'table' then noteParkedDamage(base, 'hash', key) return end
  if not entry then return end
  redis.call('HDEL', key, delivery)
  writeParkedIndex(base, delivery, entry, nil)
end

local function indexParked(base, delivery, at, entry)
  local key = base .. ':parked-index'
  local new = redis.pcall('HSETNX', key, delivery, entry)
  if new == 0 then
    -- It was parked before: Valkey kept only the first half of an earlier step. It must not count twice.
    unindexParked(base, delivery)
    new = redis.pcall('HSET', key, delivery, entry)
  end
  if type(new) == 'table' then noteParkedDamage(base, 'hash', key) return end
  writeParkedIndex(base, delivery, entry, at)
end
