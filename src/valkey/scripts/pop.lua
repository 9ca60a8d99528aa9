#!lua flags=allow-oom
-- Takes elements off the left end of the list, at most once (FLUXHOOK_CLAIM=blpop). One that is too
-- large never leaves Valkey: its first bytes stand for it, with its size.
--
-- KEYS  1 queue
-- ARGV  1 most elements  2 most bytes  3 an element over so many bytes is cut  4 to so many
-- Reply {elements left in the list, {element, its size, …}}
local most, mostBytes = tonumber(ARGV[1]), tonumber(ARGV[2])
local cutOver, cutTo = tonumber(ARGV[3]), tonumber(ARGV[4])
local popped, bytes, n = {}, 0, 0
while n < most and bytes < mostBytes do
  -- One by one: each is copied into the script, whatever its size.
  local element = redis.call('LPOP', KEYS[1])
  if not element then break end
  local size = #element
  if size > cutOver then element = string.sub(element, 1, cutTo) end
  n = n + 1
  bytes = bytes + #element
  popped[#popped + 1] = element
  popped[#popped + 1] = size
  if size > cutOver then
    collectgarbage('collect')
    break
  end
end
return { redis.call('LLEN', KEYS[1]), popped }
