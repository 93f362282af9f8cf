/** Roll-ups of usage in Redis: one hash per hour and per day, all in one slot, so that an addition is one script. */
import {
  beginningOf,
  DAY_MS,
  HOUR_MS,
  type UsageAddition,
  type UsageCount,
  type UsageQuery,
  type UsageRun,
  type UsageStore,
} from '../usage-store.ts';
import type { RedisLink } from './link.ts';

/** KEYS: hour, day, runs. ARGV: run, seq, from, until, end of hour, end of day, oldest run, since, then field, count, errors, first, last of each. */
const ADD = `
  local function split(text)
    local found = {}
    if text then for part in string.gmatch(text, '%S+') do found[#found + 1] = tonumber(part) end end
    return found
  end
  local function whole(number) return string.format('%.0f', number) end
  local run = split(redis.call('HGET', KEYS[3], ARGV[1]))
  local known, seq = run[1] or 0, tonumber(ARGV[2])
  if known >= seq then return 0 end
  for at = 9, #ARGV, 5 do
    for key = 1, 2 do
      local had = split(redis.call('HGET', KEYS[key], ARGV[at]))
      local count, errors, first, last = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
      if had[1] then
        count, errors, first, last = count + had[1], errors + had[2], math.min(first, had[3]), math.max(last, had[4])
      end
      redis.call('HSET', KEYS[key], ARGV[at], whole(count) .. ' ' .. whole(errors) .. ' ' .. whole(first) .. ' ' .. whole(last))
    end
  end
  if #ARGV > 8 then
    redis.call('PEXPIREAT', KEYS[1], ARGV[5])
    redis.call('PEXPIREAT', KEYS[2], ARGV[6])
  end
  local from = run[2] or tonumber(ARGV[3])
  local later = math.max(run[3] or 0, tonumber(ARGV[4]))
  if known < seq - 1 then
    -- What went before is lost here, but for its beginning.
    local beginning = known .. ' ' .. whole(from) .. ' ' .. whole(run[3] or from)
    redis.call('HSET', KEYS[3], ARGV[1] .. ':' .. whole(known), beginning)
    from = tonumber(ARGV[8])
    later = math.max(from, tonumber(ARGV[4]))
  end
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[2] .. ' ' .. whole(from) .. ' ' .. whole(later))
  if known == 0 then
    local all = redis.call('HGETALL', KEYS[3])
    for at = 1, #all, 2 do
      if split(all[at + 1])[3] < tonumber(ARGV[7]) then redis.call('HDEL', KEYS[3], all[at]) end
    end
  end
  return 1
`;
/** Fields that are read at once. */
const PAGE = 500;

export class RedisUsage implements UsageStore {
  readonly #link: RedisLink;

  constructor(link: RedisLink) {
    this.#link = link;
  }

  async add({ run, seq, from, since, until, hour, counts, keepMs }: UsageAddition): Promise<void> {
    const day = beginningOf(hour, 'day');
    const keys = [this.#keyOf('hour', hour), this.#keyOf('day', day), this.#runsKey];
    await this.#link.client.eval(
      ADD,
      keys.length,
      ...keys,
      run,
      seq,
      from,
      until,
      hour + HOUR_MS + keepMs.hour,
      day + DAY_MS + keepMs.day,
      until - keepMs.day,
      since,
      ...counts.flatMap(({ client, coordinate, consumer, count, errors, firstAt, lastAt }) => [
        JSON.stringify([client, coordinate, consumer]),
        count,
        errors,
        firstAt,
        lastAt,
      ]),
    );
  }

  async *read({ by, since, until, ...wanted }: UsageQuery): AsyncGenerator<readonly UsageCount[]> {
    const length = by === 'hour' ? HOUR_MS : DAY_MS;
    for (let beginning = since; beginning < until; beginning += length) {
      const key = this.#keyOf(by, beginning);
      let cursor = '0';
      // What changes meanwhile may be given twice.
      const seen = new Set<string>();
      do {
        const [next, pairs] = await this.#link.client.hscan(key, cursor, 'COUNT', PAGE);
        cursor = next;
        const page: UsageCount[] = [];
        for (let at = 0; at < pairs.length; at += 2) {
          if (seen.has(pairs[at]!)) continue;
          seen.add(pairs[at]!);
          const count = toCount(pairs[at]!, pairs[at + 1]!);
          if (isWanted(count, wanted)) page.push(count);
        }
        if (page.length > 0) yield page;
      } while (cursor !== '0');
    }
  }

  async runs(): Promise<readonly UsageRun[]> {
    const all = await this.#link.client.hgetall(this.#runsKey);
    return Object.entries(all).map(([run, text]) => {
      const [, from, until] = text.split(' ').map(Number);
      return { run, from: from!, until: until! };
    });
  }

  get #runsKey(): string {
    return `{${this.#link.prefix}:usage}:runs`;
  }

  #keyOf(by: UsageQuery['by'], beginning: number): string {
    return `{${this.#link.prefix}:usage}:${by}:${beginning}`;
  }
}

function toCount(field: string, text: string): UsageCount {
  const [client, coordinate, consumer] = JSON.parse(field) as [string, string, string];
  const [count, errors, firstAt, lastAt] = text.split(' ').map(Number) as [number, number, number, number];
  return { client, coordinate, consumer, count, errors, firstAt, lastAt };
}

function isWanted(
  count: UsageCount,
  wanted: Pick<UsageQuery, 'client' | 'coordinate' | 'consumer'>,
): boolean {
  const { client = count.client, coordinate = count.coordinate, consumer = count.consumer } = wanted;
  return client === count.client && coordinate === count.coordinate && consumer === count.consumer;
}
