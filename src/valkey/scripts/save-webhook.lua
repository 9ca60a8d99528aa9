-- Stores one webhook of an owner, if what it is to replace is still what it was.
--
-- KEYS  1 webhooks of the owner
-- ARGV  1 webhook id  2 the text it replaces, or "" for a new one  3 its new text  4 its url
--       5 most webhooks per owner
-- Reply {"saved"}, {"full"}, {"duplicate", id of the owner's webhook with that url}, {"changed"}
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return { 'changed' } end
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  -- What cannot be read is nobody's duplicate, and stands in nobody's way.
  local isRecord, record = pcall(cjson.decode, all[i + 1])
  if all[i] ~= ARGV[1] and isRecord and type(record) == 'table' and record.url == ARGV[4] then
    return { 'duplicate', all[i] }
  end
end
if ARGV[2] == '' and #all / 2 >= tonumber(ARGV[5]) then return { 'full' } end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return { 'saved' }
