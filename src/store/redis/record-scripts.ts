/**
 * What Redis does with records in one step. A hash has each record as "version:JSON" (nothing after the colon: it was removed), a
 * sorted set orders their names by version, and a third key has the latest version, the name of this history and how many records there are:
 * a Redis that makes room by eviction takes whole keys, and what is left must not pass for all.
 */

/** Whose writes the server has: a replica that becomes the master has an id of its own from then on. Empty where nobody may ask for it. */
const WRITER = `
local info = redis.pcall('INFO', 'replication')
local writer = type(info) == 'string' and string.match(info, 'master_replid:(%x+)') or ''
`;

const WHOLE = `
local function isWhole()
  local rows, count = redis.call('HLEN', KEYS[1]), redis.call('HGET', KEYS[3], 'count')
  return rows == redis.call('ZCARD', KEYS[2]) and rows == tonumber(count or rows)
end
`;

/**
 * epoch, known version, how many at most, and those of the last one's version: what was put back after a fail-over may have the version
 * of another, and some may come twice → epoch, latest version, writer, whether nothing is missing, names, records
 */
const READ = `${WRITER}${WHOLE}
local head = redis.call('HMGET', KEYS[3], 'epoch', 'revision')
local epoch, revision = head[1] or '', tonumber(head[2] or '0')
if not isWhole() then return { epoch, revision, writer, 0 } end
if epoch ~= ARGV[1] or revision <= tonumber(ARGV[2]) then return { epoch, revision, writer, 1 } end
local names = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[2], '+inf', 'LIMIT', 0, tonumber(ARGV[3]))
if #names == 0 then return { epoch, revision, writer, 1 } end
local last = redis.call('ZSCORE', KEYS[2], names[#names])
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], last, last)) do names[#names + 1] = name end
return { epoch, revision, writer, 1, names, redis.call('HMGET', KEYS[1], unpack(names)) }
`;

const LIBRARY = `
local function versionOf(name)
  local stored = redis.call('HGET', KEYS[1], name)
  if not stored then return 0, true end
  local version, value = string.match(stored, '^(%d+):(.?)')
  return tonumber(version), value == ''
end
local revision = tonumber(redis.call('HGET', KEYS[3], 'revision') or '0')
local function put(name, number, value)
  local version = string.format('%.0f', number)
  redis.call('HSET', KEYS[1], name, version .. ':' .. value)
  redis.call('ZADD', KEYS[2], version, name)
  if number > revision then
    revision = number
    redis.call('HSET', KEYS[3], 'revision', version)
  end
end
`;

/**
 * epoch, then per record: name, version to replace, JSON → the first new version; nothing where one is another, or the history is.
 * An error where records are missing: whoever knows them gives them back first
 */
const WRITE = `${WHOLE}${LIBRARY}
if not isWhole() then return redis.error_reply('INCOMPLETE records are missing') end
if redis.call('HGET', KEYS[3], 'epoch') ~= ARGV[1] then return false end
for i = 2, #ARGV, 3 do
  local version, removed = versionOf(ARGV[i])
  if removed then version = 0 end
  if version ~= tonumber(ARGV[i + 1]) then return false end
end
local first = revision + 1
for i = 2, #ARGV, 3 do put(ARGV[i], revision + 1, ARGV[i + 2]) end
redis.call('HSET', KEYS[3], 'count', redis.call('HLEN', KEYS[1]))
return first
`;

/**
 * name of a new history, how many records are known, 1 with the last of them, then per record: name, version, JSON. Puts back, in its
 * own version, what the store has in an older one, or no more; nothing that it once had in a newer one, which somebody else knows. With the last
 * ones their order, as far as it is missing → epoch, writer
 */
const RESTORE = `${WRITER}${LIBRARY}
for i = 4, #ARGV, 3 do
  local version = tonumber(ARGV[i + 1])
  if versionOf(ARGV[i]) < version and tonumber(redis.call('ZSCORE', KEYS[2], ARGV[i]) or '0') <= version then
    put(ARGV[i], version, ARGV[i + 2])
    redis.call('HSET', KEYS[3], 'epoch', ARGV[1])
  end
end
redis.call('HSETNX', KEYS[3], 'epoch', ARGV[1])
local count = math.max(tonumber(redis.call('HGET', KEYS[3], 'count') or '0'), tonumber(ARGV[2]))
if ARGV[3] == '1' then
  local rows = redis.call('HLEN', KEYS[1])
  if rows ~= redis.call('ZCARD', KEYS[2]) then
    local all = redis.call('HGETALL', KEYS[1])
    for i = 1, #all, 2 do redis.call('ZADD', KEYS[2], string.match(all[i + 1], '^%d+'), all[i]) end
  end
  local latest = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
  if latest and tonumber(latest) > revision then redis.call('HSET', KEYS[3], 'revision', latest) end
  count = math.max(count, rows)
end
redis.call('HSET', KEYS[3], 'count', count)
return { redis.call('HGET', KEYS[3], 'epoch'), writer }
`;

export const RECORD_SCRIPTS = { hemRecordsRead: READ, hemRecordsWrite: WRITE, hemRecordsRestore: RESTORE };
