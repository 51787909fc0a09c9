-- One step of a board. State and history change together, or not at all.
-- KEYS: items, changes, meta, gone.
-- ARGV: fence, epoch of `after` ('' = do not compare), its offset, then three MessagePack lists:
--       puts (id, value, id, value, …), drops (ids), tombstones (id, mark, …; an empty mark forgets it);
--       then the bytes of steps that this board may keep.
local items, changes, meta, gone = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local m = redis.call('HMGET', meta, 'epoch', 'offset', 'fence', 'size')
local epoch, offset, size = m[1], tonumber(m[2]), tonumber(m[4] or '0')
if not epoch then return {'gap'} end
local fence = tonumber(m[3] or '0')
if tonumber(ARGV[1]) < fence then return {'fenced'} end
if ARGV[2] ~= '' and (ARGV[2] ~= epoch or tonumber(ARGV[3]) ~= offset) then return {'gap'} end
-- a step that moves nothing claims the board too
if tonumber(ARGV[1]) > fence then redis.call('HSET', meta, 'fence', ARGV[1]) end

local puts, drops, marks = cmsgpack.unpack(ARGV[4]), cmsgpack.unpack(ARGV[5]), cmsgpack.unpack(ARGV[6])
local entry, bytes = {'e', epoch}, 0
if #puts > 0 then
  local ids, set, new = {}, {}, {}
  for at = 1, #puts, 2 do ids[#ids + 1] = puts[at] end
  local known = redis.call('HMGET', items, unpack(ids))
  for n, id in ipairs(ids) do
    local value = puts[2 * n]
    if known[n] ~= value then
      new[#new + 1] = id
      set[#set + 1], set[#set + 2] = id, value
      entry[#entry + 1], entry[#entry + 2] = '+' .. id, value
      bytes = bytes + #id + #value
    end
  end
  if #new > 0 then
    redis.call('HSET', items, unpack(set))
    if redis.call('EXISTS', gone) == 1 then redis.call('HDEL', gone, unpack(new)) end
  end
end
for _, id in ipairs(drops) do
  if redis.call('HDEL', items, id) == 1 then
    entry[#entry + 1], entry[#entry + 2] = '-' .. id, ''
    bytes = bytes + #id
  end
end
for at = 1, #marks, 2 do
  if marks[at + 1] == '' then
    redis.call('HDEL', gone, marks[at])
  else
    redis.call('HSET', gone, marks[at], marks[at + 1])
  end
end
if #entry > 2 then
  offset = offset + 1
  -- a running mean of the entries' size bounds the history in bytes, not only in steps
  size = size * 0.9 + bytes * 0.1
  local keep = math.max(32, math.min(2000, math.floor(tonumber(ARGV[7]) / math.max(size, 1))))
  redis.call('XADD', changes, 'MAXLEN', '~', keep, offset .. '-0', unpack(entry))
  redis.call('HSET', meta, 'offset', string.format('%d', offset), 'size', size)
end
return {'ok', epoch, string.format('%d', offset)}
