-- Adds attempts to the application's stream, which is capped at about its maximum.
--
-- KEYS  1 the stream
-- ARGV  1 max entries  2… the attempts as JSON, the oldest first
-- Reply how many were added
local wrong = wrongTypeError('stream', KEYS[1])
if wrong then return wrong end
for at = 2, #ARGV do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'attempt', ARGV[at])
end
return #ARGV - 1
