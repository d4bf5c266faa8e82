-- Notes that a turn was decided: state.taken, for many processes. KEYS: the session's hash, and its task's if it has one. ARGV: pool, cost (billionths
-- of a dollar), tokens, when (ms), the pool it was escalated to, calm turns, messages at the escalation, how long it is remembered (ms).
for _, key in ipairs(KEYS) do
  if redis.call('HGET', key, 'pool') ~= ARGV[1] then
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
