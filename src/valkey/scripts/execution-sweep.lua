#!lua flags=allow-oom
-- Removes executions that ended longer ago than their TTL, and the oldest ended ones above a cap. Never one that has
-- not ended.
--
-- KEYS  1 ended  2 stats
-- ARGV  1 base  2 most ended executions  3 most bytes of them  4 TTL in ms  5 most to remove at once
-- Reply {how many were removed, how many of them because of a cap}
local base, most, mostBytes, ttl = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local before = serverNow() - ttl
local count = redis.call('ZCARD', KEYS[1])
local bytes = tonumber(redis.call('HGET', KEYS[2], 'ended_bytes') or 0)
local removed, capped, freed = 0, 0, 0
for _ = 1, tonumber(ARGV[5]) do
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  local member = oldest[1]
  if not member then break end
  local isOld = tonumber(oldest[2]) <= before
  if not isOld and count <= most and bytes - freed <= mostBytes then break end
  local id, size, workflow = string.match(member, '^(%S+) (%d+) (%S+)')
  local state = id and redis.pcall('HGET', base .. ':x:' .. id, 'state')
  -- One that was begun again has not ended, whatever this index says.
  if id and (not state or isEnded(state)) then
    redis.call('UNLINK', base .. ':x:' .. id)
    redis.call('ZREM', base .. ':all', id)
    redis.call('ZREM', base .. ':of:' .. workflow, id)
    freed = freed + tonumber(size)
  end
  redis.call('ZREM', KEYS[1], member)
  count = count - 1
  removed = removed + 1
  if not isOld then capped = capped + 1 end
end
if freed > 0 then redis.call('HINCRBY', KEYS[2], 'ended_bytes', -freed) end
return { removed, capped }
