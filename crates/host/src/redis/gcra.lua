-- GCRA, exactly as `Rate::take` computes it, on the server's own clock, for several callers at once: all of them are
-- counted, or none when one comes too often. All times are microseconds.
-- KEYS: the theoretical arrival time of each caller's next call. ARGV: interval, burst and hits for each of them.
-- Answers {the server's time, then for each: 0 or how long to wait, the arrival time that stands in the books}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local before, after, waits, refused, counted = {}, {}, {}, false, {}
for place, key in ipairs(KEYS) do
    local interval, burst, hits = tonumber(ARGV[3 * place - 2]), tonumber(ARGV[3 * place - 1]), tonumber(ARGV[3 * place])
    local full = interval * math.max(burst, 1)
    -- The same caller may be named twice.
    local arrival = counted[key] or tonumber(redis.call('GET', key) or now)
    before[place] = math.min(math.max(arrival, now), now + full)
    after[place] = before[place] + interval * hits
    waits[place] = math.max(after[place] - full - now, 0)
    if waits[place] > 0 then refused = true else counted[key] = after[place] end
end
local answer = { now }
for place, key in ipairs(KEYS) do
    if not refused and after[place] > now then
        redis.call('SET', key, string.format('%.0f', after[place]), 'PX', math.ceil((after[place] - now) / 1000) + 1)
    end
    answer[2 * place] = waits[place]
    answer[2 * place + 1] = refused and before[place] or after[place]
end
return answer
