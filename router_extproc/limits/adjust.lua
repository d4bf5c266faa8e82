-- Corrects what was counted. More counts now; less, from the bucket in which it was counted, if that still counts.
-- KEYS as in reserve.lua. ARGV, for each key: when it was counted (ms), window (ms), three differences.
local BUCKETS, STRIDE = 12, 5
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

for k = 1, #KEYS do
  local base = (k - 1) * STRIDE
  local at, window = tonumber(ARGV[base + 1]), tonumber(ARGV[base + 2])
  for i = 1, 3 do
    local amount = tonumber(ARGV[base + 2 + i])
    if amount > 0 then
      local field = string.format('%.0f:%d', math.floor(now * BUCKETS / window), i - 1)
      redis.call('HINCRBY', KEYS[k], field, ARGV[base + 2 + i])
      redis.call('PEXPIRE', KEYS[k], math.ceil(window * (BUCKETS + 2) / BUCKETS))
    elseif amount < 0 then
      local field = string.format('%.0f:%d', math.floor(at * BUCKETS / window), i - 1)
      local back = math.min(tonumber(redis.call('HGET', KEYS[k], field) or 0), -amount)
      if back > 0 then redis.call('HINCRBY', KEYS[k], field, string.format('%.0f', -back)) end
    end
  end
end
return 1
