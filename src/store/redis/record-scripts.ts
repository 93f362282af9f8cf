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

/** epoch, known version, how many at most → epoch, latest version, writer, whether nothing is missing, names, records */
const READ = `${WRITER}${WHOLE}
local head = redis.call('HMGET', KEYS[3], 'epoch', 'revision')
local epoch, revision = head[1] or '', tonumber(head[2] or '0')
if not isWhole() then return { epoch, revision, writer, 0 } end
if epoch ~= ARGV[1] or revision <= tonumber(ARGV[2]) then return { epoch, revision, writer, 1 } end
local names = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[2], '+inf', 'LIMIT', 0, tonumber(ARGV[3]))
if #names == 0 then return { epoch, revision, writer, 1 } end
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
local function put(name, value)
  revision = revision + 1
  local version = string.format('%.0f', revision)
  redis.call('HSET', KEYS[1], name, version .. ':' .. value)
  redis.call('ZADD', KEYS[2], version, name)
  redis.call('HSET', KEYS[3], 'revision', version)
end
`;

/** epoch, then per record: name, version to replace, JSON → the first new version; nothing where one is another, or the history is, or records are missing */
const WRITE = `${WHOLE}${LIBRARY}
if not isWhole() then return false end
if redis.call('HGET', KEYS[3], 'epoch') ~= ARGV[1] then return false end
for i = 2, #ARGV, 3 do
  local version, removed = versionOf(ARGV[i])
  if removed then version = 0 end
  if version ~= tonumber(ARGV[i + 1]) then return false end
end
local first = revision + 1
for i = 2, #ARGV, 3 do put(ARGV[i], ARGV[i + 2]) end
redis.call('HSET', KEYS[3], 'count', redis.call('HLEN', KEYS[1]))
return first
`;

/**
 * name of a new history, 1 with the last records, then per record: name, version, JSON. Puts back what the store has in an older
 * version, or no more; with the last ones their order, and the latest version, as far as they are missing → epoch, writer
 */
const RESTORE = `${WRITER}${LIBRARY}
for i = 3, #ARGV, 3 do
  if versionOf(ARGV[i]) < tonumber(ARGV[i + 1]) then
    revision = math.max(revision, tonumber(ARGV[i + 1]) - 1)
    put(ARGV[i], ARGV[i + 2])
    redis.call('HSET', KEYS[3], 'epoch', ARGV[1])
  end
end
redis.call('HSETNX', KEYS[3], 'epoch', ARGV[1])
if ARGV[2] == '1' then
  local rows = redis.call('HLEN', KEYS[1])
  if rows ~= redis.call('ZCARD', KEYS[2]) then
    local all = redis.call('HGETALL', KEYS[1])
    for i = 1, #all, 2 do redis.call('ZADD', KEYS[2], string.match(all[i + 1], '^%d+'), all[i]) end
  end
  local latest = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
  if latest and tonumber(latest) > revision then redis.call('HSET', KEYS[3], 'revision', latest) end
  local count = redis.call('HGET', KEYS[3], 'count')
  if rows > tonumber(count or '-1') then redis.call('HSET', KEYS[3], 'count', rows) end
end
return { redis.call('HGET', KEYS[3], 'epoch'), writer }
`;

export const RECORD_SCRIPTS = { hemRecordsRead: READ, hemRecordsWrite: WRITE, hemRecordsRestore: RESTORE };
