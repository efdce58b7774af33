-- GCRA, exactly as `Rate::next_arrival` computes it, on the server's own clock. All times are microseconds.
-- KEYS[1]: the theoretical arrival time of the next call. ARGV: interval, burst.
-- Answers {0 or how long to wait, the server's time}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval = tonumber(ARGV[1])
local burst = tonumber(ARGV[2])
local arrival = tonumber(redis.call('GET', KEYS[1]) or now)
arrival = math.min(math.max(arrival, now), now + interval * burst)
local wait = arrival - interval * math.max(burst - 1, 0) - now
if wait > 0 then
    return { wait, now }
end
arrival = arrival + interval
redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000) + 1)
return { 0, now }
