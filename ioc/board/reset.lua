-- Begin a new epoch. Items follow by fill.lua; the channel is not whole until then.
-- KEYS: items, changes, meta, gone.  ARGV: fence, new epoch, least offset, version, the store's run.
local meta = KEYS[3]
local m = redis.call('HMGET', meta, 'offset', 'fence')
if tonumber(ARGV[1]) < tonumber(m[2] or '0') then return {'fenced'} end
-- offsets never go back, not even over a flush: a reader that waits for later ids must wake
local offset = math.max(tonumber(m[1] or '0') + 1, tonumber(ARGV[3]))
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[4], meta)
redis.call('HSET', meta, 'epoch', ARGV[2], 'offset', string.format('%d', offset), 'fence', ARGV[1],
           'version', ARGV[4], 'whole', '0', 'size', '0', 'life', ARGV[5])
return {'ok', ARGV[2], string.format('%d', offset)}
