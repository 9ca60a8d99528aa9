-- Elements of a list, one after another, up to a number of bytes: where each may be large, LRANGE's
-- count says nothing about the size of its reply. At least one, so that a large one is no end.
--
-- KEYS  1 list
-- ARGV  1 index of the first, negative where it counts from the tail
--       2 step: 1 towards the tail from an index of the head, -1 towards the head from one of the tail
--       3 how many at most
--       4 bytes
-- Reply the elements in this order
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
