#!lua flags=allow-oom
-- Takes elements off the left end of the list (FLUXHOOK_CLAIM=blpop: an element is delivered at most once).
-- An element that is too large never leaves Valkey: its first bytes and its size go to the ready list. Copying
-- it takes seconds, and the reply may come too late; so it is taken alone, and no element is lost with the
-- reply.
--
-- KEYS  1 queue  2 ready
-- ARGV  1 max elements  2 max bytes  3 cut an element of more bytes than this  4 to this many
--       5 claim of an element that is cut
-- Reply {elements left in the list, {element, …}}
local max, maxBytes = tonumber(ARGV[1]), tonumber(ARGV[2])
local cutOver, cutTo = tonumber(ARGV[3]), tonumber(ARGV[4])
local popped, bytes, isCut = {}, 0, false
while #popped < max and bytes < maxBytes do
  -- One by one: each is copied into the script, and may have any size.
  local element = redis.call('LRANGE', KEYS[1], #popped, #popped)[1]
  if not element then break end
  if #element > cutOver then
    isCut = #popped == 0
    if isCut then
      local header = '{"claim":"' .. ARGV[5] .. '","at":' .. serverNow() .. ',"size":' .. #element .. '}'
      redis.call('LPUSH', KEYS[2], newItem(0, 'e', header, string.sub(element, 1, cutTo)))
    end
    element = nil
    collectgarbage('collect')
    break
  end
  bytes = bytes + #element
  popped[#popped + 1] = element
end
redis.call('LTRIM', KEYS[1], isCut and 1 or #popped, -1)
return { redis.call('LLEN', KEYS[1]), popped }
