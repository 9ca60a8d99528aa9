-- Stores a workflow if its stored text is still the one that is to be replaced, and the revision of its nodes
-- that executions read. A revision that it replaces stays for as long as an execution uses it.
--
-- KEYS  1 workflows  2 newest revisions  3 uses of revisions  4 the new revision  5 the revision before it
--       6 version of the workflows
-- ARGV  1 workflow id  2 the text that it replaces, or "" for a new one  3 its new text
--       4 its new revision, or "" if it keeps its revision  5 the text of that revision
--       6 the revision before it  7 ms that a replaced revision is kept  8 max workflows
-- Reply {"saved"}, {"full"}, {"changed"}: the stored text is another one
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return { 'changed' } end
if ARGV[2] == '' and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[8]) then return { 'full' } end
if ARGV[4] ~= '' then
  redis.call('SET', KEYS[4], ARGV[5])
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[4])
  if redis.call('HEXISTS', KEYS[3], ARGV[1] .. ':' .. ARGV[6]) == 0 then
    redis.call('PEXPIRE', KEYS[5], ARGV[7])
  end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('INCR', KEYS[6])
return { 'saved' }
