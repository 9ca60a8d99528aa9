#!lua flags=allow-oom
-- Takes elements off the left end of the list, at most once (FLUXHOOK_CLAIM=blpop). One that is too
-- large never leaves Valkey: its first bytes go to what is ready, with its size. Copying it takes
-- seconds, and the reply may be too late: so it is taken alone, and nothing is lost with the reply.
--
-- KEYS  1 queue  2 ready
-- ARGV  1 most elements  2 most bytes  3 an element over so many bytes is cut  4 to so many
--       5 what the claim of one that is cut is called
-- Reply {elements left in the list, {element, …}}
local max, maxBytes = tonumber(ARGV[1]), tonumber(ARGV[2])
local cutOver, cutTo = tonumber(ARGV[3]), tonumber(ARGV[4])
local popped, bytes, isCut = {}, 0, false
while #popped < max and bytes < maxBytes do
  -- One by one: each is copied into the script, whatever its size.
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
