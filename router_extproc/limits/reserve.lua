-- Counts all charges of a request, or none, for several requests one after the other: limits/window.py, for many processes. One clock for
-- all of them: the server's. KEYS: one hash for each allowance; its fields are BUCKET:AMOUNT. ARGV: for each request, how many keys it has,
-- and for each of them the window (ms), three amounts, three bounds (-1: none), and the least of the tokens: fewer than their amount are
-- taken where fewer are left. Gives {now (ms), reply, ...}; a reply is {1, tokens of each key} if all was counted, else {0, charge, amount,
-- wait (ms)}, counted from 0; a wait of -1: there never is room.
local BUCKETS, STRIDE = 12, 8
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function counted(key, oldest)
  local used, marks, old = {0, 0, 0}, {{}, {}, {}}, {}
  local flat = redis.call('HGETALL', key)
  for f = 1, #flat, 2 do
    local bucket, amount = string.match(flat[f], '^(%d+):(%d)$')
    bucket, amount = tonumber(bucket), tonumber(amount) + 1
    if bucket < oldest then
      old[#old + 1] = flat[f]
    else
      local count = tonumber(flat[f + 1])
      used[amount] = used[amount] + count
      table.insert(marks[amount], {bucket, count})
    end
  end
  if #old > 0 then redis.call('HDEL', key, unpack(old)) end
  return used, marks
end

-- Milliseconds until that much less counts.
local function wait(marks, over, oldest, window)
  table.sort(marks, function(a, b) return a[1] < b[1] end)
  local last = oldest
  for _, mark in ipairs(marks) do
    last, over = mark[1], over - mark[2]
    if over <= 0 then break end
  end
  return math.max(math.ceil((last + BUCKETS + 1) * window / BUCKETS) - now, 1)
end

local function reserve(first, keys, base)
  local worst
  local reply = {1}
  for k = 0, keys - 1 do
    local at = base + k * STRIDE
    local window, wanted = tonumber(ARGV[at]), tonumber(ARGV[at + 2])
    local least, most = tonumber(ARGV[at + 7]), tonumber(ARGV[at + 5])
    local oldest = math.floor(now * BUCKETS / window) - BUCKETS
    local used, marks = counted(KEYS[first + k], oldest)
    reply[k + 2] = most < 0 and wanted or math.max(least, math.min(wanted, most - used[2]))
    for i = 1, 3 do
      local amount, bound = tonumber(ARGV[at + i]), tonumber(ARGV[at + 3 + i])
      if i == 2 then amount = least end
      local over = used[i] + math.max(amount, 1) - bound
      if bound >= 0 and over > 0 then
        if amount > bound then return {0, k, i - 1, -1} end
        local time = wait(marks[i], over, oldest, window)
        if not worst or time > worst[4] then worst = {0, k, i - 1, time} end
        break
      end
    end
  end
  if worst then return worst end
  for k = 0, keys - 1 do
    local at = base + k * STRIDE
    local window = tonumber(ARGV[at])
    local bucket = math.floor(now * BUCKETS / window)
    for i = 1, 3 do
      local amount = i == 2 and reply[k + 2] or tonumber(ARGV[at + i])
      if amount ~= 0 then redis.call('HINCRBY', KEYS[first + k], string.format('%.0f:%d', bucket, i - 1), amount) end
    end
    -- An allowance that was not used for that long is as good as a new one.
    redis.call('PEXPIRE', KEYS[first + k], math.ceil(window * (BUCKETS + 2) / BUCKETS))
  end
  return reply
end

local replies, key, argument = {now}, 1, 1
while argument <= #ARGV do
  local keys = tonumber(ARGV[argument])
  replies[#replies + 1] = reserve(key, keys, argument + 1)
  key, argument = key + keys, argument + 1 + keys * STRIDE
end
return replies
