-- Library of every script: server time, the syntax of items, what a parked item counts for, and keys of
-- a wrong type. `Script` (connection/script.ts) puts the functions that a script calls in front of it. So
-- each is `local function` and `end` at the beginning of a line, and calls only functions above it.

-- Returns the server's time in ms.
local function serverNow()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- An item is `<crashes> <e|r> <header JSON>\n<bytes>` (queue/item.ts). An `e` item carries the bytes of
-- its element; the bytes of an `r` item name a fanned-out event, whose bytes are stored once in `events`.

-- Returns the crashes as text, the kind, and the index of the first byte after the header; nil if it is
-- not an item.
local function splitItem(item)
  return string.match(item, '^(%d+) ([er]) [^\n]*\n()')
end

-- Returns the header's JSON; nil if it is not an item.
local function headerOf(item)
  return string.match(item, '^%d+ [er] ([^\n]*)\n')
end

-- Returns the name of the event that an `r` item shares; nil for any other item.
local function sharedEventOf(item)
  return string.match(item, '^%d+ r [^\n]*\n(.*)$')
end

local function newItem(crashes, kind, header, bytes)
  return crashes .. ' ' .. kind .. ' ' .. header .. '\n' .. bytes
end

-- Returns the item of an element, with its header but for the closing brace. Of an element that is too large only
-- the first bytes enter the item, with its size; then the second result is true.
local function elementItem(header, element, cutOver, cutTo)
  if #element <= cutOver then return header .. '}\n' .. element, false end
  return header .. ',"size":' .. #element .. '}\n' .. string.sub(element, 1, cutTo), true
end

-- Returns the header of an element that is claimed now, but for the closing brace. The claim and its time become
-- the id and the timestamp of an event that has none, and they stay with it, so that a second run carries the
-- same ones.
local function claimHeader(worker, claim, now)
  return '0 e {"claim":"' .. worker .. '-' .. claim .. '","at":' .. now
end

-- Returns the item with one crash more. It needs no more than the count, so that an item that is
-- otherwise damaged is counted too; anything else is returned unchanged.
local function withCrash(item)
  local crashes, rest = string.match(item, '^(%d+)( .*)$')
  return crashes and tonumber(crashes) + 1 .. rest or item
end

-- Returns what a parked item counts for in `parked_bytes`. Every script that parks an item or ends a
-- parked one uses this, so that the sum does not drift. A shared event counts with each of its
-- deliveries: so the cap also bounds the bytes of an event of which one delivery is left.
local function parkedSize(item, events)
  local event = sharedEventOf(item)
  return #item + (event and redis.call('HSTRLEN', events, event) or 0)
end

-- Counts down how many deliveries need a fanned-out event. Its bytes go with the last of them.
local function releaseEvent(events, refs, event)
  if redis.call('HINCRBY', refs, event, -1) <= 0 then
    redis.call('HDEL', refs, event)
    redis.call('HDEL', events, event)
  end
end

-- Describes a key of another type; nil if it has the type or does not exist. An error of Valkey's own
-- does not name the key.
local function wrongType(kind, key)
  local found = redis.call('TYPE', key).ok
  if found == kind or found == 'none' then return nil end
  return 'the key ' .. key .. ' is a ' .. found .. ', not a ' .. kind
end

-- Returns the error reply for a key of another type; nil if it has the type or does not exist.
local function wrongTypeError(kind, key)
  local wrong = wrongType(kind, key)
  return wrong and redis.error_reply('WRONGTYPE ' .. wrong) or nil
end

