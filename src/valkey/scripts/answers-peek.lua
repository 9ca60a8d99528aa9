#!lua flags=allow-oom
-- Reads answers to tasks, the oldest first, and leaves them on the list. One that is too large is replaced by its
-- id and its size, so that it never leaves Valkey.
--
-- KEYS  1 answers
-- ARGV  1 most answers  2 an answer over so many bytes is too large
-- Reply {answer, …}
local most, maxBytes = tonumber(ARGV[1]), tonumber(ARGV[2])
local MAX_BYTES_IN_REPLY = 1048576
local answers, bytes = {}, 0
for i = 0, most - 1 do
  local answer = redis.call('LINDEX', KEYS[1], i)
  if not answer or bytes >= MAX_BYTES_IN_REPLY then break end
  if #answer > maxBytes then
    local id = string.match(string.sub(answer, 1, 512), '"id"%s*:%s*"([%w%.%-_]+)"') or ''
    answer = '{"id":"' .. id .. '","size":' .. #answer .. '}'
    redis.call('LSET', KEYS[1], i, answer)
  end
  bytes = bytes + #answer
  answers[#answers + 1] = answer
end
return answers
