-- Put items (or tombstones) into a board that is being filled, without history.
-- KEYS: items or gone, meta.  ARGV: epoch while filling, fence, final epoch ('' = more is coming), then id, value pairs.
local m = redis.call('HMGET', KEYS[2], 'epoch', 'fence', 'offset')
if tonumber(ARGV[2]) < tonumber(m[2] or '0') then return {'fenced'} end
if m[1] ~= ARGV[1] then return {'gap'} end
for at = 4, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
end
if ARGV[3] == '' then return {'ok', m[1], m[3]} end
redis.call('HSET', KEYS[2], 'whole', '1', 'epoch', ARGV[3])
return {'ok', ARGV[3], m[3]}
