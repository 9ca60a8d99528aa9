-- Deletes a workflow. Its revision stays for as long as an execution uses it.
--
-- KEYS  1 workflows  2 newest revisions  3 uses of revisions  4 its revision  5 version of the workflows
-- ARGV  1 workflow id  2 its stored text  3 its revision  4 ms that an unused revision is kept
-- Reply {"deleted"}, {"changed"}: the stored text is another one
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return { 'changed' } end
if redis.call('HEXISTS', KEYS[3], ARGV[1] .. ':' .. ARGV[3]) == 0 then
  redis.call('PEXPIRE', KEYS[4], ARGV[4])
end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('INCR', KEYS[5])
return { 'deleted' }
