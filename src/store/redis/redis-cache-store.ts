/**
 * Answers in Redis, and what is out of date: a counter of revisions, and for each tag the revision at which it was marked. Processes
 * hear of a mark by publication, and read what they missed when they are connected again.
 */
import type { Cluster, Redis } from 'ioredis';
import type { Logger } from 'pino';
import { TagClock } from '../../tag-clock.ts';
import type { CacheStore, StoredAnswer } from '../cache-store.ts';
import { type RedisLink, reasonOf } from './link.ts';

/** Tags that Redis remembers. */
const MAX_TAGS = 10_000;
/** Marks that wait for Redis to come back; with more of them everything counts as out of date. */
const MAX_PENDING = 1000;
/** After a command that failed, nothing is asked for so long. */
const AWAY_MS = 1000;
const CATCH_UP_MS = 500;
/** Marks of other processes count here no later than this. */
const INFORMED_MS = 2000;
const COMPLAIN_MS = 60_000;

/**
 * A Redis that knows of no mark, because it is new or has lost its memory, begins to count at its clock's milliseconds: later than every
 * revision before the loss, so that no process takes new revisions for old ones. What was kept before is out of date.
 */
const BEGIN = `
if redis.call('EXISTS', KEYS[1]) == 0 then
  local time = redis.call('TIME')
  local start = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  redis.call('SET', KEYS[1], start)
  redis.call('SET', KEYS[3], start)
end`;

/** KEYS: counter, tags, floor. ARGV: channel, how many tags, tags. Without tags everything is marked. */
const MARK = `${BEGIN}
local revision = redis.call('INCR', KEYS[1])
for index = 3, #ARGV do redis.call('ZADD', KEYS[2], revision, ARGV[index]) end
if #ARGV < 3 then redis.call('SET', KEYS[3], revision) end
local over = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[2])
if over > 0 then
  local last = redis.call('ZRANGE', KEYS[2], over - 1, over - 1, 'WITHSCORES')
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, over - 1)
  redis.call('SET', KEYS[3], string.format('%.0f', math.max(tonumber(redis.call('GET', KEYS[3]) or '0'), tonumber(last[2]))))
end
local told = {}
for index = 3, #ARGV do told[#told + 1] = ARGV[index] end
redis.call('PUBLISH', ARGV[1], revision .. ' ' .. cjson.encode(told))
return revision`;

/** KEYS: counter, tags, floor. ARGV: revision. What was marked since. */
const SINCE = `${BEGIN}
local tags = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[1], '+inf', 'WITHSCORES')
return { redis.call('GET', KEYS[1]), redis.call('GET', KEYS[3]) or '0', tags }`;

export class RedisCacheStore implements CacheStore, AsyncDisposable {
  readonly isShared = true;
  readonly #link: RedisLink;
  readonly #log: Logger;
  readonly #subscriber: Redis | Cluster;
  readonly #clock = new TagClock();
  readonly #channel: string;
  readonly #keys: readonly [string, string, string];
  readonly #prefix: string;
  readonly #listeners: Array<(tags: readonly string[] | undefined) => void> = [];
  readonly #timer: NodeJS.Timeout;
  /** Marked here, and not yet in Redis. */
  #pending: Set<string> | 'everything' = new Set();
  /** The last mark that was made here of a tag, until it is heard of from Redis. */
  readonly #unheard = new Map<string, OwnMark>();
  /** The last revision up to which every mark is known: one that was heard may have others before it that were not. */
  #readUpTo = 0;
  #awayUntil = 0;
  #informedAt = Number.NEGATIVE_INFINITY;
  #complained = Number.NEGATIVE_INFINITY;

  constructor(link: RedisLink, log: Logger) {
    this.#link = link;
    this.#log = log;
    this.#channel = `${link.prefix}:cache:marks`;
    this.#prefix = `${link.prefix}:cache:answer:`;
    // In one slot of a cluster, because a script changes them together.
    this.#keys = [
      `{${link.prefix}:cache}:revision`,
      `{${link.prefix}:cache}:tags`,
      `{${link.prefix}:cache}:floor`,
    ];
    this.#subscriber = link.another();
    this.#subscriber.on('error', () => {});
    this.#subscriber.on('message', (_channel: string, message: string) => this.#hear(message));
    this.#subscriber.on('ready', () => void this.#listen());
    link.onWhole(() => void this.#catchUp());
    this.#timer = setInterval(() => void this.#catchUp(), CATCH_UP_MS);
    this.#timer.unref();
  }

  get revision(): number {
    return this.#clock.now;
  }

  async get(key: string): ReturnType<CacheStore['get']> {
    if (!this.#isThere || !this.#isInformed) return undefined;
    try {
      const stored = this.#prefix + key;
      // How old it is is for Redis to say: processes' clocks may differ.
      const [[failure, text], [, leftMs]] = (await this.#link.client
        .pipeline()
        .get(stored)
        .pttl(stored)
        .exec()) as [[Error | null, string | null], [Error | null, number]];
      if (failure !== null) throw failure;
      return text === null ? undefined : this.#read(text, leftMs);
    } catch (error) {
      this.#missed(error);
      return undefined;
    }
  }

  set(
    key: string,
    { json, tags }: StoredAnswer,
    { revision, ttlMs }: { readonly revision: number; readonly ttlMs: number },
  ): void {
    if (!this.#isThere || !this.#isInformed) return;
    const lifeMs = Math.max(1, Math.ceil(ttlMs));
    const head = JSON.stringify([lifeMs, revision, tags]);
    this.#link.client
      .set(this.#prefix + key, `${head}\n${json}`, 'PX', lifeMs)
      .catch((error: unknown) => this.#missed(error));
  }

  invalidate(tags: readonly string[]): void {
    for (const tag of tags) this.#unheard.set(tag, { revision: Number.POSITIVE_INFINITY });
    this.#addPending(tags);
    void this.#flush();
  }

  onInvalidated(listener: (tags: readonly string[] | undefined) => void): void {
    this.#listeners.push(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#subscriber.disconnect();
  }

  get #isThere(): boolean {
    return this.#link.isUp && performance.now() >= this.#awayUntil;
  }

  /** What was marked may not have been heard of for long: then what is in Redis cannot be told from what is out of date. */
  get #isInformed(): boolean {
    return performance.now() - this.#informedAt < INFORMED_MS && this.#pending !== 'everything';
  }

  /** What cannot be read is not there. */
  #read(text: string, leftMs: number): (StoredAnswer & { readonly ageMs: number }) | undefined {
    const end = text.indexOf('\n');
    const head = parseJson(text.slice(0, end));
    if (end === -1 || !(leftMs >= 0) || !isHead(head)) return undefined;
    const [lifeMs, revision, tags] = head;
    // Of a later revision than is known here, it is from before Redis lost its memory, or will be understood in a moment.
    if (revision > this.#clock.now || !this.#clock.isCurrent(tags, revision)) return undefined;
    if (this.#unheard.size > 0 && tags.some((tag) => this.#unheard.has(tag))) return undefined;
    return { json: text.slice(end + 1), tags, ageMs: lifeMs - leftMs };
  }

  async #flush(): Promise<void> {
    const pending = this.#pending;
    if (!this.#link.isUp || (pending !== 'everything' && pending.size === 0)) return;
    this.#pending = new Set();
    const tags = pending === 'everything' ? [] : [...pending];
    const marks = tags.map((tag) => [tag, this.#unheard.get(tag)] as const);
    try {
      const args = [...this.#keys, this.#channel, MAX_TAGS, ...tags];
      const revision = Number(await this.#link.client.eval(MARK, 3, ...args));
      for (const [tag, mark] of marks) {
        // Marked once more meanwhile, it is another mark that has to be heard.
        if (mark === undefined || this.#unheard.get(tag) !== mark) continue;
        if (this.#clock.lastMarked([tag]) >= revision) this.#unheard.delete(tag);
        else mark.revision = revision;
      }
    } catch (error) {
      // It may have come through all the same: marking twice does no harm, not marking at all does.
      this.#addPending(pending);
      this.#missed(error);
    }
  }

  #addPending(tags: Iterable<string> | 'everything'): void {
    if (this.#pending === 'everything' || tags === 'everything') this.#pending = 'everything';
    else for (const tag of tags) this.#pending.add(tag);
    if (this.#pending !== 'everything' && this.#pending.size > MAX_PENDING) this.#pending = 'everything';
    if (this.#pending === 'everything') this.#unheard.clear();
  }

  async #listen(): Promise<void> {
    try {
      await this.#subscriber.subscribe(this.#channel);
    } catch (error) {
      this.#missed(error);
    }
  }

  /** What was marked while nothing was heard: a publication may be lost with its connection. */
  async #catchUp(): Promise<void> {
    // Also while answers that took too long are left alone for a moment: what is out of date cannot wait.
    if (!this.#link.isUp) return;
    const before = this.#readUpTo;
    const askedAt = performance.now();
    try {
      const answer = await this.#link.client.eval(SINCE, 3, ...this.#keys, before);
      const [now, floor, tags] = answer as [string, string, readonly string[]];
      // A revision of the past: Redis has lost its memory.
      if (Number(now) < before) {
        // Revisions that were known will not be heard of any more.
        for (const [tag, own] of this.#unheard) if (Number.isFinite(own.revision)) this.#unheard.delete(tag);
        this.#tellAll(Number(now));
      } else if (Number(floor) > before) this.#tellAll(Math.max(Number(floor), this.#clock.now));
      for (let at = 0; at < tags.length; at += 2) {
        const [tag, revision] = [tags[at]!, Number(tags[at + 1])];
        if (this.#clock.lastMarked([tag]) < revision) this.#tell([tag], revision);
      }
      this.#readUpTo = Number(now) < before ? Number(now) : Math.max(this.#readUpTo, Number(now));
      this.#informedAt = askedAt;
    } catch (error) {
      this.#missed(error);
    }
    await this.#flush();
  }

  #hear(message: string): void {
    const space = message.indexOf(' ');
    const revision = Number(message.slice(0, space));
    const tags = parseJson(message.slice(space + 1));
    if (!Number.isSafeInteger(revision)) return;
    // Lua has one kind of empty table, which becomes an object.
    if (Array.isArray(tags)) this.#tell(tags as readonly string[], revision);
    else this.#tellAll(Math.max(revision, this.#clock.now));
    if (revision === this.#readUpTo + 1) this.#readUpTo = revision;
    else if (revision > this.#readUpTo) void this.#catchUp();
  }

  #tell(tags: readonly string[], revision: number): void {
    this.#clock.mark(tags, Math.max(revision, this.#clock.now));
    for (const tag of tags) {
      const own = this.#unheard.get(tag);
      if (own !== undefined && own.revision <= revision) this.#unheard.delete(tag);
    }
    for (const listener of this.#listeners) listener(tags);
  }

  #tellAll(revision: number): void {
    this.#clock.markAll(revision);
    for (const [tag, own] of this.#unheard) if (own.revision <= revision) this.#unheard.delete(tag);
    for (const listener of this.#listeners) listener(undefined);
  }

  #missed(error: unknown): void {
    const now = performance.now();
    this.#awayUntil = now + AWAY_MS;
    if (now - this.#complained < COMPLAIN_MS) return;
    this.#complained = now;
    this.#log.warn(
      { reason: reasonOf(error) },
      'shared answers cannot be had: this process goes on with its own',
    );
  }
}

interface OwnMark {
  /** Infinity until Redis has said it. */
  revision: number;
}

type Head = readonly [lifeMs: number, revision: number, tags: readonly string[]];

function isHead(head: unknown): head is Head {
  if (!Array.isArray(head)) return false;
  const [lifeMs, revision, tags] = head;
  return Number.isFinite(lifeMs) && Number.isSafeInteger(revision) && Array.isArray(tags);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
