-- Stores one webhook of an owner if its stored text is still the one that is to be replaced.
--
-- KEYS  1 webhooks of the owner
-- ARGV  1 webhook id  2 the text that it replaces, or "" for a new one  3 its new text  4 its url
--       5 max webhooks per owner
-- Reply {"saved"}, {"full"}, {"duplicate", id of the owner's webhook with that url}, {"changed"}: the stored
--       text is another one
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return { 'changed' } end
-- Returns nil for a damaged webhook: it has no url that another one could share.
local function urlOf(text)
  local isJson, webhook = pcall(cjson.decode, text)
  return isJson and type(webhook) == 'table' and webhook.url or nil
end
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if all[i] ~= ARGV[1] and urlOf(all[i + 1]) == ARGV[4] then
    return { 'duplicate', all[i] }
  end
end
if ARGV[2] == '' and #all / 2 >= tonumber(ARGV[5]) then return { 'full' } end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return { 'saved' }
