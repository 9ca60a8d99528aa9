-- A page of parked deliveries, the newest first, without their bytes.
--
-- KEYS  1 parked  2 parked items
-- ARGV  1 score to begin at, or "+inf"  2 delivery at that score to begin after, or ""  3 most
-- Reply {delivery, when it was parked in ms, size in bytes, header, …}
local reply, most = {}, tonumber(ARGV[3])
-- As many more as may stand at the same millisecond before the one to begin after.
local found = redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[1], '-inf', 'WITHSCORES', 'LIMIT', 0, most + 1000)
for i = 1, #found, 2 do
  local delivery, score = found[i], found[i + 1]
  local seen = ARGV[2] ~= '' and score == ARGV[1] and delivery >= ARGV[2]
  if not seen and #reply / 4 < most then
    local item = redis.call('HGET', KEYS[2], delivery)
    local header = string.match(item or '', '^%d+ [er] ([^\n]*)\n')
    -- One that cannot be read is left to the sweep.
    if header then
      reply[#reply + 1] = delivery
      reply[#reply + 1] = score
      reply[#reply + 1] = #item
      reply[#reply + 1] = header
    end
  end
end
return reply
