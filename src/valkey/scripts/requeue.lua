-- Moves rejected elements from their list back to the queue, each in one step: it is never in both and never in
-- neither. It is pushed before it is removed: if the queue's key has another type, the script fails with the
-- element still on the rejected list. Not `allow-oom`: at the memory limit nothing new is accepted.
--
-- KEYS  1 rejected  2 its size in bytes  3 queue; left out: the elements are only removed
-- ARGV  record, element, …: the oldest first; an element is "" if there is no queue
-- Reply how many were still on the rejected list

-- Fails here if the key has another type: after the first write, the size would stay wrong.
redis.call('GET', KEYS[2])
local moved = 0
for i = 1, #ARGV, 2 do
  local record = ARGV[i]
  if redis.call('LPOS', KEYS[1], record, 'RANK', -1) then
    if KEYS[3] then redis.call('LPUSH', KEYS[3], ARGV[i + 1]) end
    redis.call('LREM', KEYS[1], -1, record)
    -- If the key does not exist, DECRBY would create it with a negative size, and without a TTL.
    if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('DECRBY', KEYS[2], #record) end
    moved = moved + 1
  end
end
return moved
