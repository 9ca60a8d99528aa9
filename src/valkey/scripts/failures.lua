-- Adds failed attempts to those of their owners: the last ones of each webhook, within a number of bytes for
-- each owner. An element is stored once for all attempts that have it.
--
-- A hash has the fields `index`, `a<number>` (an attempt) and `b<name>` (an element). The index has a line
-- `<number> <webhook> <bytes of the attempt> <name or -> <bytes of the element>` for each attempt, the oldest
-- first.
--
-- KEYS  the hash of each owner; in Cluster they are in several slots (keys.ts)
-- ARGV  1 max attempts of a webhook  2 max bytes of an owner  3 TTL in ms, then for each key: the number of its
--       attempts, and four for each, the oldest first: webhook, attempt, name of its element ("-" for none),
--       element ("" if it is none, or that of an attempt before it)
-- Reply the hashes that could not be written, because the key has another type
local LINE = '(%d+) (%S+) (%d+) (%S+) (%d+)\n'

-- Returns the attempts of an index, and the bytes of each element.
local function attemptsOf(index)
  local attempts, elements = {}, {}
  for number, webhook, bytes, element, elementBytes in string.gmatch(index, LINE) do
    attempts[#attempts + 1] = { number, webhook, bytes, element }
    if element ~= '-' then elements[element] = tonumber(elementBytes) end
  end
  return attempts, elements
end

-- Returns which attempts stay, the oldest first, and which elements they need.
local function staying(attempts, elements)
  local kept, needed, ofWebhook, bytes = {}, {}, {}, 0
  for i = #attempts, 1, -1 do
    local _, webhook, size, element = unpack(attempts[i])
    ofWebhook[webhook] = (ofWebhook[webhook] or 0) + 1
    if ofWebhook[webhook] <= tonumber(ARGV[1]) then
      bytes = bytes + size
      if element ~= '-' and not needed[element] then bytes = bytes + elements[element] end
      if bytes > tonumber(ARGV[2]) then break end
      table.insert(kept, 1, attempts[i])
      if element ~= '-' then needed[element] = true end
    end
  end
  return kept, needed
end

local function add(key, index, at, n)
  local attempts, elements = attemptsOf(index)
  local before, written = #attempts, {}
  local number = before > 0 and tonumber(attempts[before][1]) or 0
  for i = at, at + (n - 1) * 4, 4 do
    local webhook, attempt, element, bytes = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    -- Its bytes come with the first attempt that has it, and may have been dropped since.
    if element ~= '-' and bytes == '' and not elements[element] then element = '-' end
    number = number + 1
    attempts[#attempts + 1] = { tostring(number), webhook, tostring(#attempt), element }
    written['a' .. number] = attempt
    if element ~= '-' and bytes ~= '' then
      elements[element] = #bytes
      written['b' .. element] = bytes
    end
  end
  local kept, needed = staying(attempts, elements)
  local lines, stays = {}, {}
  for i, one in ipairs(kept) do
    stays['a' .. one[1]] = true
    local size = elements[one[4]] or 0
    lines[i] = one[1] .. ' ' .. one[2] .. ' ' .. one[3] .. ' ' .. one[4] .. ' ' .. size .. '\n'
  end
  for element in pairs(needed) do stays['b' .. element] = true end
  for i = 1, before do
    local attempt, element = 'a' .. attempts[i][1], 'b' .. attempts[i][4]
    if not stays[attempt] then redis.call('HDEL', key, attempt) end
    if not stays[element] then redis.call('HDEL', key, element) end
  end
  for field, value in pairs(written) do
    if stays[field] then redis.call('HSET', key, field, value) end
  end
  redis.call('HSET', key, 'index', table.concat(lines))
  redis.call('PEXPIRE', key, ARGV[3])
end

local at, failed = 4, {}
for _, key in ipairs(KEYS) do
  local n = tonumber(ARGV[at])
  local index = redis.pcall('HGET', key, 'index')
  if type(index) == 'table' then
    failed[#failed + 1] = key
  else
    add(key, index or '', at + 1, n)
  end
  at = at + 1 + n * 4
end
return failed
