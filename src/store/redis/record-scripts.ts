/**
 * What Redis does with records in one step. A hash has each record as "version:JSON" (nothing after the colon: it was removed), a
 * sorted set orders their names by version, and a third key has the latest version and the name of this history.
 */

/** Whose writes the server has: a replica that becomes the master has an id of its own from then on. Empty where nobody may ask for it. */
const WRITER = `
local info = redis.pcall('INFO', 'replication')
local writer = type(info) == 'string' and string.match(info, 'master_replid:(%x+)') or ''
`;

/** epoch, known version, how many at most → epoch, latest version, writer, names, records */
const READ = `${WRITER}
local head = redis.call('HMGET', KEYS[3], 'epoch', 'revision')
local epoch, revision = head[1] or '', tonumber(head[2] or '0')
if epoch ~= ARGV[1] or revision <= tonumber(ARGV[2]) then return { epoch, revision, writer } end
local names = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[2], '+inf', 'LIMIT', 0, tonumber(ARGV[3]))
if #names == 0 then return { epoch, revision, writer } end
return { epoch, revision, writer, names, redis.call('HMGET', KEYS[1], unpack(names)) }
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

/** epoch, then per record: name, version to replace, JSON → the first new version; nothing where one is another, or the history is */
const WRITE = `${LIBRARY}
if redis.call('HGET', KEYS[3], 'epoch') ~= ARGV[1] then return false end
for i = 2, #ARGV, 3 do
  local version, removed = versionOf(ARGV[i])
  if removed then version = 0 end
  if version ~= tonumber(ARGV[i + 1]) then return false end
end
local first = revision + 1
for i = 2, #ARGV, 3 do put(ARGV[i], ARGV[i + 2]) end
return first
`;

/** name of a new history, then per record: name, version, JSON. Puts back what the store has in an older version, or no more → epoch, writer */
const RESTORE = `${WRITER}${LIBRARY}
for i = 2, #ARGV, 3 do
  if versionOf(ARGV[i]) < tonumber(ARGV[i + 1]) then
    revision = math.max(revision, tonumber(ARGV[i + 1]) - 1)
    put(ARGV[i], ARGV[i + 2])
    redis.call('HSET', KEYS[3], 'epoch', ARGV[1])
  end
end
redis.call('HSETNX', KEYS[3], 'epoch', ARGV[1])
return { redis.call('HGET', KEYS[3], 'epoch'), writer }
`;

export const RECORD_SCRIPTS = { hemRecordsRead: READ, hemRecordsWrite: WRITE, hemRecordsRestore: RESTORE };
