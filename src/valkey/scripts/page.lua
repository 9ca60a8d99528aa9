-- Reads elements of a list until their bytes reach a limit. LRANGE limits only their number, and each may be
-- large. It reads at least one, so that a large element does not look like the end of the list.
--
-- KEYS  1 list
-- ARGV  1 index of the first; negative: counted from the tail
--       2 step: 1 towards the tail, with an index from the head; -1 towards the head, with one from the tail
--       3 max elements
--       4 stop after this many bytes
-- Reply the elements in the order in which they were read
local at, step = tonumber(ARGV[1]), tonumber(ARGV[2])
local left, bytes = tonumber(ARGV[3]), tonumber(ARGV[4])
local page = {}
while left > 0 and bytes > 0 do
  local element = redis.call('LINDEX', KEYS[1], at)
  if not element then break end
  page[#page + 1] = element
  at, left, bytes = at + step, left - 1, bytes - #element
end
return page
