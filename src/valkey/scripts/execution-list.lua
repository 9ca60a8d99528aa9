-- Reads a page of executions, the newest first.
--
-- KEYS  1 sorted set of executions by when they were accepted
-- ARGV  1 base  2 and 3: when the last one of the page before was accepted, and its id; or "+inf" and ""
--       4 most on the page  5 most to look at  6 a state, or "" for all  7… the fields to read
-- Reply {"more" or "end", when the last one that was looked at was accepted, its id,
--        {id, {value of each field}, …}}
local base, most, looks, state = ARGV[1], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local fromAt, fromId = ARGV[2], ARGV[3]
local fields = { 'state' }
for i = 7, #ARGV do fields[#fields + 1] = ARGV[i] end

local found, skipped, lastAt, lastId, looked = {}, 0, fromAt, fromId, 0
while true do
  local chunk = redis.call('ZREVRANGEBYSCORE', KEYS[1], fromAt, '-inf', 'WITHSCORES', 'LIMIT', skipped, 64)
  if #chunk == 0 then return { 'end', lastAt, lastId, found } end
  skipped = skipped + #chunk / 2
  for i = 1, #chunk, 2 do
    local id, at = chunk[i], chunk[i + 1]
    -- Of those accepted in the same millisecond, the ones before the cursor were on the page before.
    if fromId == '' or at ~= fromAt or id < fromId then
      if #found >= 2 * most or looked >= looks then return { 'more', lastAt, lastId, found } end
      looked = looked + 1
      lastAt, lastId = at, id
      local values = redis.call('HMGET', base .. ':x:' .. id, unpack(fields))
      if values[1] and (state == '' or values[1] == state) then
        found[#found + 1] = id
        found[#found + 1] = values
      end
    end
  end
end
