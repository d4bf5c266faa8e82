-- Notes what an answer corrects: state.settled, for many processes. KEYS as in take.lua. ARGV: pool, differences of cost and tokens, tokens of the
-- prompt and those of them that were in the pool's cache (-1: not told). A session that was forgotten meanwhile stays so.
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    redis.call('HINCRBY', key, 'cost', ARGV[2])
    redis.call('HINCRBY', key, 'tokens', ARGV[3])
    local input, cached = tonumber(ARGV[4]), tonumber(ARGV[5])
    if input >= 0 and redis.call('HGET', key, 'pool') == ARGV[1] then
      local before = tonumber(redis.call('HGET', key, 'input') or 0)
      if cached >= 0 and before > 0 then
        redis.call('HSET', key, 'cached', string.format('%.6f', math.min(1, cached / before)))
      end
      redis.call('HSET', key, 'input', ARGV[4])
    end
  end
end
return 1
