/**
 * What Redis does with limits in one step, by its own clock. The same arithmetic as in `src/store/limits/`, on usages of the same form,
 * packed; only of what runs at the same time it knows more: how much each process has, and until when.
 */

/** A rule is six arguments: algorithm, limit, window or period, capacity, lease, and what is wanted of it. */
const LIBRARY = `
local SLACK, MAX_AHEAD, DAY, ASK_AGAIN = 1e-6, 3600000, 86400000, 1000
local LENGTHS = { minute = 60000, hour = 3600000, day = DAY, week = 7 * DAY }
local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
local time = redis.call('TIME')
local now = time[1] * 1000 + floor(time[2] / 1000)

local function monthOf(at)
  local days = floor(at / DAY)
  local shifted = days + 719468
  local day = shifted % 146097
  local year = floor((day - floor(day / 1460) + floor(day / 36524) - floor(day / 146096)) / 365)
  local dayOfYear = day - (365 * year + floor(year / 4) - floor(year / 100))
  local month = floor((5 * dayOfYear + 2) / 153)
  return (days - (dayOfYear - floor((153 * month + 2) / 5))) * DAY
end
local function startOf(period, at)
  if period == 'month' then return monthOf(at) end
  local first = period == 'week' and 4 * DAY or 0
  return floor((at - first) / LENGTHS[period]) * LENGTHS[period] + first
end
local function endOf(period, start)
  return period == 'month' and monthOf(start + 32 * DAY) or start + LENGTHS[period]
end

local rate = { fresh = function() return { 0, 0 } end }
function rate.advance(usage, rule)
  if now > usage[2] then usage[1] = max(0, usage[1] - (now - usage[2]) * rule.limit / rule.span) end
  if now > usage[2] or usage[2] - now > MAX_AHEAD then usage[2] = now end
end
function rate.used(usage) return usage[1] end
function rate.take(usage, rule, amount) usage[1] = usage[1] + amount end
function rate.adjust(usage, rule, difference, at)
  if difference < 0 then difference = min(0, difference + max(0, now - at) * rule.limit / rule.span) end
  usage[1] = max(0, usage[1] + difference)
end
function rate.wait(usage, rule, missing)
  return max(0, usage[2] - now) + max(1, ceil(missing * rule.span / rule.limit - SLACK))
end
function rate.reset(usage, rule) return usage[1] <= SLACK and 0 or rate.wait(usage, rule, usage[1]) end

local quota = { fresh = rate.fresh }
function quota.advance(usage, rule)
  local start = startOf(rule.span, now)
  if start > usage[1] then usage[1], usage[2] = start, 0
  elseif usage[1] - now > MAX_AHEAD then usage[1] = start end
end
function quota.used(usage) return usage[2] end
function quota.take(usage, rule, amount) usage[2] = usage[2] + amount end
function quota.adjust(usage, rule, difference, at)
  if at >= usage[1] or startOf(rule.span, at) == usage[1] then usage[2] = max(0, usage[2] + difference) end
end
function quota.reset(usage, rule) return endOf(rule.span, usage[1]) - now end
function quota.wait(usage, rule) return quota.reset(usage, rule) end

local rolling = { fresh = function() return { 0 } end }
local function sixtieth(rule, at) return floor(at * 60 / rule.span) end
local function leavesIn(rule, number) return ceil((number + 61) * rule.span / 60 - now) end
function rolling.advance(usage, rule)
  local oldest, kept = sixtieth(rule, now) - 60, { 0 }
  for i = 2, #usage, 2 do
    if usage[i] >= oldest and usage[i + 1] > 0 then
      kept[1] = kept[1] + usage[i + 1]
      kept[#kept + 1], kept[#kept + 2] = usage[i], usage[i + 1]
    end
  end
  if #kept > 1 and kept[#kept - 1] > sixtieth(rule, now + MAX_AHEAD) then kept = { kept[1], sixtieth(rule, now), kept[1] } end
  for i = 1, max(#usage, #kept) do usage[i] = kept[i] end
end
function rolling.used(usage) return usage[1] end
local function add(usage, amount, number)
  usage[1] = usage[1] + amount
  local i = #usage - 1
  while i > 1 and usage[i] > number do i = i - 2 end
  if i > 1 and usage[i] == number then usage[i + 1] = usage[i + 1] + amount
  else
    i = max(i, 0)
    table.insert(usage, i + 2, amount)
    table.insert(usage, i + 2, number)
  end
end
function rolling.take(usage, rule, amount) if amount > 0 then add(usage, amount, sixtieth(rule, now)) end end
function rolling.adjust(usage, rule, difference, at)
  local number = sixtieth(rule, at)
  if number < sixtieth(rule, now) - 60 then return end
  if difference > 0 then return add(usage, difference, number) end
  for i = 2, #usage, 2 do
    if usage[i] == number then
      local back = min(-difference, usage[i + 1])
      usage[1], usage[i + 1] = usage[1] - back, usage[i + 1] - back
    end
  end
end
function rolling.wait(usage, rule, missing)
  for i = 2, #usage, 2 do
    missing = missing - usage[i + 1]
    if missing <= SLACK then return leavesIn(rule, usage[i]) end
  end
  return rule.span
end
function rolling.reset(usage, rule) return usage[1] <= SLACK and 0 or leavesIn(rule, usage[#usage - 1]) end

-- A usage is a process, how much it has, and until when, for each process.
local concurrency = { fresh = function() return {} end }
function concurrency.advance(usage)
  local kept = {}
  for i = 1, #usage, 3 do
    if usage[i + 2] > now and usage[i + 1] > 0 then
      kept[#kept + 1], kept[#kept + 2], kept[#kept + 3] = usage[i], usage[i + 1], usage[i + 2]
    end
  end
  for i = 1, max(#usage, #kept) do usage[i] = kept[i] end
end
function concurrency.used(usage)
  local used = 0
  for i = 2, #usage, 3 do used = used + usage[i] end
  return used
end
local function ownOf(usage, process)
  for i = 1, #usage, 3 do if usage[i] == process then return i end end
end
function concurrency.take(usage, rule, amount)
  if amount <= 0 then return end
  local i = ownOf(usage, rule.process)
  if i == nil then
    i = #usage + 1
    usage[i], usage[i + 1] = rule.process, 0
  end
  usage[i + 1], usage[i + 2] = usage[i + 1] + amount, now + rule.lease
end
function concurrency.adjust(usage, rule, difference)
  local i = ownOf(usage, rule.process)
  if i ~= nil then usage[i + 1] = max(0, usage[i + 1] + difference) end
end
function concurrency.wait() return ASK_AGAIN end
function concurrency.reset(usage) return #usage == 0 and 0 or ASK_AGAIN end
function concurrency.ttl(usage)
  local last = 0
  for i = 1, #usage, 3 do if usage[i + 1] > 0 then last = max(last, usage[i + 2] - now) end end
  return last
end

local ALGORITHMS = { rate = rate, quota = quota, rolling = rolling, concurrency = concurrency }

local function ruleAt(i, process)
  return {
    algorithm = ALGORITHMS[ARGV[i]],
    limit = tonumber(ARGV[i + 1]),
    span = tonumber(ARGV[i + 2]) or ARGV[i + 2],
    capacity = tonumber(ARGV[i + 3]),
    lease = tonumber(ARGV[i + 4]),
    process = process,
  }
end
local function remainingOf(usage, rule)
  return max(0, floor(rule.capacity - rule.algorithm.used(usage) + SLACK))
end
local function read(key, rule)
  local stored = redis.call('GET', key)
  local usage = stored and cmsgpack.unpack(stored) or rule.algorithm.fresh()
  rule.algorithm.advance(usage, rule)
  return usage
end
local function write(key, rule, usage)
  local ttl = (rule.algorithm.ttl or rule.algorithm.reset)(usage, rule)
  if ttl <= 0 then redis.call('DEL', key)
  else redis.call('SET', key, cmsgpack.pack(usage), 'PX', string.format('%.0f', ttl)) end
end
`;

/**
 * take or look, process, then per key: rule, amount, shadow, how much more may be taken ahead
 * → admitted, time, then per key: whether there was enough, remaining, reset, retry after (-1 is never), what was taken ahead
 */
const RESERVE = `${LIBRARY}
local process = tonumber(ARGV[2])
local rules, usages, enough, admitted = {}, {}, {}, 1
for n = 1, #KEYS do
  local i = 3 + (n - 1) * 8
  local rule = ruleAt(i, process)
  rule.amount, rule.ahead = tonumber(ARGV[i + 5]), tonumber(ARGV[i + 7])
  local usage = read(KEYS[n], rule)
  enough[n] = rule.amount == 0 or rule.capacity - rule.algorithm.used(usage) + SLACK >= rule.amount
  if not enough[n] and ARGV[i + 6] ~= '1' then admitted = 0 end
  rules[n], usages[n] = rule, usage
end
local answer = { admitted, now }
for n = 1, #KEYS do
  local rule, usage = rules[n], usages[n]
  local algorithm, retry, ahead = rule.algorithm, 0, 0
  if not enough[n] then
    local missing = rule.amount - (rule.capacity - algorithm.used(usage))
    retry = rule.amount > rule.capacity and -1 or algorithm.wait(usage, rule, missing)
  elseif admitted == 1 and ARGV[1] == 'take' and rule.amount > 0 then
    -- The last tenth is had one by one, so that nobody is refused what another holds ahead.
    local left = rule.capacity - algorithm.used(usage) - rule.amount - rule.ahead
    if rule.ahead > 0 and left >= rule.capacity / 10 then ahead = rule.ahead end
    algorithm.take(usage, rule, rule.amount + ahead)
    write(KEYS[n], rule, usage)
  end
  for _, value in ipairs({ enough[n] and 1 or 0, remainingOf(usage, rule), algorithm.reset(usage, rule), retry, ahead }) do
    answer[#answer + 1] = value
  end
end
return answer
`;

/** process, then per key: rule, difference, when it was taken → time, then per key: remaining, reset */
const ADJUST = `${LIBRARY}
local process = tonumber(ARGV[1])
local answer = { now }
for n = 1, #KEYS do
  local i = 2 + (n - 1) * 7
  local rule = ruleAt(i, process)
  local usage = read(KEYS[n], rule)
  rule.algorithm.adjust(usage, rule, tonumber(ARGV[i + 5]), tonumber(ARGV[i + 6]))
  write(KEYS[n], rule, usage)
  answer[n * 2] = remainingOf(usage, rule)
  answer[n * 2 + 1] = rule.algorithm.reset(usage, rule)
end
return answer
`;

/** process, then per key: lease, how much the process has at least, and at most → time */
const RENEW = `${LIBRARY}
for n = 1, #KEYS do
  local i = n * 3 - 1
  local rule = { algorithm = concurrency, process = tonumber(ARGV[1]), lease = tonumber(ARGV[i]) }
  local usage = read(KEYS[n], rule)
  local own = ownOf(usage, rule.process)
  local had = own and usage[own + 1] or 0
  local has = max(tonumber(ARGV[i + 1]), min(had, tonumber(ARGV[i + 2])))
  concurrency.take(usage, rule, has)
  concurrency.adjust(usage, rule, -had)
  write(KEYS[n], rule, usage)
end
return now
`;

/** process, how long one counts without a sign → processes, time */
const BEAT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { redis.call('ZCARD', KEYS[1]), now }
`;

export const LIMIT_SCRIPTS = {
  hemLimitsReserve: RESERVE,
  hemLimitsAdjust: ADJUST,
  hemLimitsRenew: RENEW,
  hemLimitsBeat: BEAT,
};
