#!lua flags=allow-oom
-- Moves the claims of a worker to the ready list, with the same ids, so that other workers claim them, the
-- oldest first. Its claims no longer exist, so whatever it settles afterwards changes nothing.
--
-- KEYS  1 workers  2 worker  3 claims  4 ready
-- ARGV  1 worker id  2 why: "dead" (its lease has run out), "leave" (it stops: no crash), or "lost"
--       (it is alive, but does not know of the claims that follow)  3 lease in ms  4… claims
-- Reply how many items were moved, or -1 if its lease has not run out
local id, why, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local now = serverNow()
local beat = tonumber(redis.call('ZSCORE', KEYS[1], id) or -1)
if why == 'dead' and (beat < 0 or beat >= now - lease) then return -1 end

local held = {}
local function hold(claim, item)
  -- A field of another program may not be a number; it is moved last, and so claimed first.
  if item then held[#held + 1] = { claim = claim, number = tonumber(claim) or 0, item = item } end
end
if why == 'lost' then
  for i = 4, #ARGV do hold(ARGV[i], redis.call('HGET', KEYS[3], ARGV[i])) end
else
  local all = redis.call('HGETALL', KEYS[3])
  for i = 1, #all, 2 do hold(all[i], all[i + 1]) end
end
-- The oldest is pushed last, and so claimed first.
table.sort(held, function(a, b) return a.number > b.number end)
-- Nothing may fail between the first push and the end of the claims, or a repetition would push them again. An
-- item that cannot be read is moved unchanged: the worker that claims it sets it aside.
for _, one in ipairs(held) do
  redis.call('RPUSH', KEYS[4], why == 'leave' and one.item or withCrash(one.item))
end
if why == 'lost' then
  for _, one in ipairs(held) do redis.call('HDEL', KEYS[3], one.claim) end
else
  redis.call('DEL', KEYS[2], KEYS[3])
  redis.call('ZREM', KEYS[1], id)
end
return #held
