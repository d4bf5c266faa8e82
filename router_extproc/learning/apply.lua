-- Applies an event to all of its decisions and sums, or to none: exactly once, whoever sends it and however often. KEYS: for each part, the
-- decision's hash and the sums. ARGV: the source, the digest, how many sources one decision may have, and for each part the lesson, when the
-- decision ends (Unix ms), for how long sums stay (ms, 0: for ever) and what is added to them (doubles, little-endian).
-- Gives 1: applied, 0: it was before, -1: it contradicts what was.
local PER_PART = 4
local source, digest, most = 's:' .. ARGV[1], ARGV[2], tonumber(ARGV[3])
local parts = #KEYS / 2

for i = 1, parts do
  local decision = KEYS[2 * i - 1]
  local told = redis.call('HGET', decision, source)
  if told == digest then return 0 end
  if told or redis.call('HLEN', decision) > most then return -1 end
end

for i = 1, parts do
  local decision, sums = KEYS[2 * i - 1], KEYS[2 * i]
  local at = 3 + (i - 1) * PER_PART
  redis.call('HSET', decision, 'lesson', ARGV[at + 1], source, digest)
  redis.call('PEXPIREAT', decision, ARGV[at + 2])
  local added = ARGV[at + 4]
  local known = redis.call('GET', sums)
  if known and #known == #added then
    local total = {}
    for place = 1, #added, 8 do
      total[#total + 1] = struct.pack('<d', (struct.unpack('<d', known, place)) + (struct.unpack('<d', added, place)))
    end
    added = table.concat(total)
  end
  redis.call('SET', sums, added)
  if tonumber(ARGV[at + 3]) > 0 then redis.call('PEXPIRE', sums, ARGV[at + 3]) end
end
return 1
