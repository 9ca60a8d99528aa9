-- Pushes elements onto the list, all or none, once per idempotency key. Not `allow-oom`: at the memory limit
-- the producer gets an error.
--
-- KEYS  1 queue  2 idempotency key
-- ARGV  1 fingerprint of the request, or "" if it has no key  2 ids  3 TTL in seconds
--       4… elements, the oldest first
-- Reply {"pushed"}, {"again", the ids of the first request}, or {"reused"}: the key was used with another body
if ARGV[1] ~= '' then
  local seen = redis.call('GET', KEYS[2])
  if seen then
    local fingerprint, ids = string.match(seen, '^(%S+) (.*)$')
    if fingerprint ~= ARGV[1] then return { 'reused' } end
    return { 'again', ids }
  end
end
for i = 4, #ARGV, 1000 do
  redis.call('LPUSH', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
if ARGV[1] ~= '' then
  redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. ARGV[2], 'EX', ARGV[3])
end
return { 'pushed' }
