-- Takes rejected elements off their list and pushes them onto the queue again: each in one step, so
-- it is never in both and never in neither. Pushed before it is removed: where the queue's key holds
-- something else, the script ends with the element still on the rejected list. Not `allow-oom`: at
-- the memory limit nothing new is taken in.
--
-- KEYS  1 rejected  2 its size in bytes  3 queue, or left out: then they are only removed
-- ARGV  record, element, …: the oldest first; an element is "" where there is no queue
-- Reply how many were still there
-- Before the first write: what fails after it would leave the count wrong.
redis.call('GET', KEYS[2])
local moved = 0
for i = 1, #ARGV, 2 do
  local record = ARGV[i]
  if redis.call('LPOS', KEYS[1], record, 'RANK', -1) then
    if KEYS[3] then redis.call('LPUSH', KEYS[3], ARGV[i + 1]) end
    redis.call('LREM', KEYS[1], -1, record)
    -- Without the key a negative count would stand there, and for ever.
    if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('DECRBY', KEYS[2], #record) end
    moved = moved + 1
  end
end
return moved
