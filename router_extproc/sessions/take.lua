-- Notes that a turn was decided: state.taken, for many processes. KEYS: the session's hash, and its task's if it has one. ARGV: pool, cost (billionths
-- of a dollar), tokens, when (ms), the pool it was escalated to, calm turns, messages at the escalation, how long it is remembered (ms).
for _, key in ipairs(KEYS) do
  local before = redis.call('HMGET', key, 'pool', 'input', 'cached', 'at')
  if before[1] ~= ARGV[1] then
    if before[1] then
      local held = math.floor(tonumber(before[2] or 0) * tonumber(before[3] or 0) + 0.5)
      redis.call('HSET', key, 'left', before[1], 'left_tokens', held, 'left_at', before[4])
    end
    -- Another pool's cache holds nothing of it yet.
    redis.call('HDEL', key, 'input', 'cached')
  end
  redis.call('HINCRBY', key, 'turns', 1)
  redis.call('HINCRBY', key, 'cost', ARGV[2])
  redis.call('HINCRBY', key, 'tokens', ARGV[3])
  redis.call('HSET', key, 'pool', ARGV[1], 'at', ARGV[4], 'raised', ARGV[5], 'calm', ARGV[6], 'mark', ARGV[7])
  redis.call('PEXPIRE', key, ARGV[8])
end
return 1
