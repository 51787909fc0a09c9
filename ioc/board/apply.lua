-- One step of a board. State and history change together, or not at all.
-- KEYS: items, changes, meta, gone.
-- ARGV: fence, epoch of `after` ('' = do not compare), its offset, n puts, n drops, n tombstones,
--       then id, value of each put; id of each drop; id, mark of each tombstone.
local items, changes, meta, gone = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local m = redis.call('HMGET', meta, 'epoch', 'offset', 'fence', 'size')
local epoch, offset, size = m[1], tonumber(m[2]), tonumber(m[4] or '0')
if not epoch then return {'gap'} end
if tonumber(ARGV[1]) < tonumber(m[3] or '0') then return {'fenced'} end
if ARGV[2] ~= '' and (ARGV[2] ~= epoch or tonumber(ARGV[3]) ~= offset) then return {'gap'} end

local puts, drops, marks = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local entry, bytes, at = {'e', epoch}, 0, 7
local tombs = redis.call('EXISTS', gone) == 1
for _ = 1, puts do
  local id, value = ARGV[at], ARGV[at + 1]
  at = at + 2
  if redis.call('HGET', items, id) ~= value then
    redis.call('HSET', items, id, value)
    if tombs then redis.call('HDEL', gone, id) end
    entry[#entry + 1] = '+' .. id
    entry[#entry + 1] = value
    bytes = bytes + #id + #value
  end
end
for _ = 1, drops do
  local id = ARGV[at]
  at = at + 1
  if redis.call('HDEL', items, id) == 1 then
    entry[#entry + 1] = '-' .. id
    entry[#entry + 1] = ''
    bytes = bytes + #id
  end
end
for _ = 1, marks do
  redis.call('HSET', gone, ARGV[at], ARGV[at + 1])
  at = at + 2
end
if #entry > 2 then
  offset = offset + 1
  -- a running mean of the entries' size bounds the history in bytes, not only in steps
  size = size * 0.9 + bytes * 0.1
  local keep = math.max(32, math.min(2000, math.floor(16777216 / math.max(size, 1))))
  redis.call('XADD', changes, 'MAXLEN', '~', keep, offset .. '-0', unpack(entry))
  redis.call('HSET', meta, 'offset', string.format('%d', offset), 'fence', ARGV[1], 'size', size)
end
return {'ok', epoch, string.format('%d', offset)}
