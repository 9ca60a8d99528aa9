#!lua flags=allow-oom
-- Adds the results of a group of attempts to the health of their webhooks, by the server's clock.
--
-- KEYS  the health of each webhook; in Cluster they are in several slots (keys.ts)
-- ARGV  1 TTL in ms, then three for each key: failures after the last success of the group, "1" if the
--       group had a success, "1" if it had a failure
-- Reply for each key {failures in a row before, failures in a row now, ms since the first of them}, or
--       0 if the key has another type
local now = serverNow()
local reply = {}
local function add(key, state, at)
  local failures = tonumber(ARGV[at])
  local before, since = tonumber(state[1] or 0) or 0, tonumber(state[2] or now) or now
  local total = failures
  if ARGV[at + 1] == '1' then
    redis.call('HSET', key, 'last_success_at', now)
    since = now
  else
    total = before + failures
  end
  if total == 0 then
    redis.call('HDEL', key, 'failing_since')
  elseif total == failures then
    since = now
    redis.call('HSET', key, 'failing_since', now)
  end
  if ARGV[at + 2] == '1' then redis.call('HSET', key, 'last_failure_at', now) end
  redis.call('HSET', key, 'consecutive_failures', total)
  redis.call('PEXPIRE', key, ARGV[1])
  return { before, total, now - since }
end
for i, key in ipairs(KEYS) do
  local state = redis.pcall('HMGET', key, 'consecutive_failures', 'failing_since')
  reply[i] = state.err and 0 or add(key, state, 2 + (i - 1) * 3)
end
return reply
