-- Creates, changes and deletes webhooks of one owner, if all of them are still as the caller has read them.
--
-- KEYS  1 webhooks of the owner
-- ARGV  1 how many webhooks were read  2… for each its id and its stored text
--       then how many are stored; for each its id and its new text
--       then the ids of those to delete
-- Reply 1 if it was done, 0 if the stored webhooks are not the ones that were read
local read = tonumber(ARGV[1])
if redis.call('HLEN', KEYS[1]) ~= read then return 0 end
local at = 2
for _ = 1, read do
  if redis.call('HGET', KEYS[1], ARGV[at]) ~= ARGV[at + 1] then return 0 end
  at = at + 2
end
local stored = tonumber(ARGV[at])
at = at + 1
for _ = 1, stored do
  redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
  at = at + 2
end
while ARGV[at] do
  redis.call('HDEL', KEYS[1], ARGV[at])
  at = at + 1
end
return 1
