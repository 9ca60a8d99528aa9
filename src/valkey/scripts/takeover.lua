#!lua flags=allow-oom
-- Gives what a worker held to whoever claims next, oldest first, with the same ids. From then on
-- nothing that the late worker settles counts: its claims are no more.
--
-- KEYS  1 workers  2 worker  3 claims  4 ready
-- ARGV  1 worker id  2 why: "dead" (its lease has run out), "leave" (by itself: no crash), or "lost"
--       (it is alive, but has lost sight of the claims that follow)  3 lease in ms  4… claims
-- Reply how many items were given, or -1 where its lease has not run out
local id, why, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local beat = tonumber(redis.call('ZSCORE', KEYS[1], id) or -1)
if why == 'dead' and (beat < 0 or beat >= now - lease) then return -1 end

local numbers, items = {}, {}
local function hold(claim, item)
  if not item then return end
  numbers[#numbers + 1] = tonumber(claim)
  items[tonumber(claim)] = item
end
if why == 'lost' then
  for i = 4, #ARGV do hold(ARGV[i], redis.call('HGET', KEYS[3], ARGV[i])) end
else
  local held = redis.call('HGETALL', KEYS[3])
  for i = 1, #held, 2 do hold(held[i], held[i + 1]) end
end
-- The oldest is pushed last, to be taken first.
table.sort(numbers, function(a, b) return a > b end)
for _, claim in ipairs(numbers) do
  local crashes, rest = string.match(items[claim], '^(%d+)( .*)$')
  if why ~= 'leave' then crashes = tonumber(crashes) + 1 end
  redis.call('RPUSH', KEYS[4], crashes .. rest)
end
if why == 'lost' then
  for _, claim in ipairs(numbers) do redis.call('HDEL', KEYS[3], claim) end
else
  redis.call('DEL', KEYS[2], KEYS[3])
  redis.call('ZREM', KEYS[1], id)
end
return #numbers
