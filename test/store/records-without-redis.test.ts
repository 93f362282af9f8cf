/** Redis is killed, hangs, or comes back without its data: what is known stays, and is put back. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RecordStore } from '../../src/store/record-store.ts';
import { RecordCopy } from '../../src/store/redis/record-copy.ts';
import { RECORD_SCRIPTS } from '../../src/store/redis/record-scripts.ts';
import { PrivateRedis } from '../support/private-redis.ts';
import { type Daemon, freePort } from '../support/services/daemon.ts';
import { redis } from '../support/services/redis.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { newPrefix, redisStores, type TestStores } from './stores.ts';

let directory: string;
let port: number;
let daemon: Daemon;
let stores: TestStores;
let prefix: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hem-redis-'));
  port = await freePort();
  daemon = await redis.start({ directory, port });
  prefix = newPrefix();
  stores = await redisStores(redis.url(port), prefix);
});
afterEach(async () => {
  await stores[Symbol.asyncDispose]();
  await daemon.stop();
  await rm(directory, { recursive: true, force: true });
});

const open = async () => (await stores.open()).records();
const put = (records: RecordStore, id: string, value: unknown) =>
  records.write([{ table: 'things', id, version: records.get('things', id)?.version ?? 0, value }]);
const read = (records: RecordStore, id: string) => records.get('things', id)?.value;
const until = (get: () => unknown, value: unknown) =>
  expect.poll(get, { timeout: 8000, interval: 25 }).toEqual(value);

describe('without Redis', () => {
  test('what is known stays; a write says that the store is gone', async () => {
    const records = await open();
    await put(records, 'a', 1);
    await daemon.stop();
    await expect(put(records, 'b', 2)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect([read(records, 'a'), records.isComplete]).toEqual([1, true]);
    await expect(records.marks('things')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  test('a Redis that comes back empty is given all of it, by whoever knows most', async () => {
    const [here, there] = [await open(), await open()];
    for (let index = 0; index < 1100; index++) if (index % 100 === 0) await put(here, `id-${index}`, index);
    await put(here, 'id-0', 'changed');
    await put(here, 'id-100', undefined);
    await until(() => read(there, 'id-0'), 'changed');
    await daemon.stop();
    daemon = await redis.start({ directory, port });
    await until(async () => (await put(there, 'new', 1).catch(() => false)) === true, true);
    await until(() => read(here, 'new'), 1);
    const later = await open();
    expect(later.all('things').map(({ id, value }) => [id, value])).toEqual(
      expect.arrayContaining([
        ['id-0', 'changed'],
        ['id-1000', 1000],
        ['new', 1],
      ]),
    );
    expect([read(later, 'id-100'), later.all('things').length]).toEqual([undefined, 11]);
    expect(here.all('things').length).toBe(11);
    // All follow the same history again.
    await put(later, 'id-0', 'later');
    await until(() => [read(here, 'id-0'), read(there, 'id-0')], ['later', 'later']);
  });

  test('a server that takes over, lacks the last writes and has given their versions to others is found out without a new connection', async () => {
    await using server = await PrivateRedis.start({ args: ['--enable-debug-command', 'yes'] });
    await using own = await redisStores(server.url);
    const here = await (await own.open()).records();
    await put(here, 'key', 'active');
    const raw = new Redis(server.url);
    try {
      const [rows, order, head] = await Promise.all(
        ['rows', 'order', 'head'].map(async (name) => (await raw.keys(`*:records}:${name}`))[0]!),
      );
      const before = await Promise.all([rows, order, head].map((key) => raw.dumpBuffer(key!)));
      await put(here, 'key', 'revoked');
      const version = await raw.hget(head!, 'revision');
      const failover = raw.multi();
      for (const [index, key] of [rows, order, head].entries())
        failover.restore(key!, 0, before[index]!, 'REPLACE');
      failover.hset(rows!, 'things/other', `${version}:"made"`).zadd(order!, version!, 'things/other');
      await failover.hset(head!, 'revision', version!).exec();
      await raw.call('debug', 'change-repl-id');
      await until(() => read(here, 'other'), 'made');
      expect(read(here, 'key')).toBe('revoked');
      expect(read(await (await own.open()).records(), 'key')).toBe('revoked');
    } finally {
      raw.disconnect();
    }
  });

  test('what another wrote into an empty one meanwhile is kept', async () => {
    const here = await open();
    await put(here, 'mine', 1);
    await daemon.stop();
    // Another machine, which knows nothing of the time before.
    await until(() => existsSync(join(stores.root, '.hem')), true);
    await rm(join(stores.root, '.hem'), { recursive: true, force: true });
    const other = await open();
    expect(other.isComplete).toBe(false);
    daemon = await redis.start({ directory, port });
    await until(async () => (await put(other, 'theirs', 2).catch(() => false)) === true, true);
    await until(() => [read(here, 'mine'), read(here, 'theirs')], [1, 2]);
    await until(() => [read(other, 'mine'), read(other, 'theirs')], [1, 2]);
  });

  test('one that starts knows what an earlier one knew, by a copy that only its owner can read', async () => {
    {
      const store = await stores.open();
      await put(await store.records(), 'a', { text: 'kept' });
      await store[Symbol.asyncDispose]();
    }
    const [copy] = await readdir(join(stores.root, '.hem'));
    expect((await stat(join(stores.root, '.hem', copy!))).mode & 0o777).toBe(0o600);
    await daemon.stop();
    const records = await open();
    expect([read(records, 'a'), records.isComplete]).toEqual([{ text: 'kept' }, true]);
    daemon = await redis.start({ directory, port });
    await until(async () => (await put(records, 'b', 1).catch(() => false)) === true, true);
    const later = await open();
    expect(read(later, 'a')).toEqual({ text: 'kept' });
  });
});

describe('a Redis that evicts', () => {
  const EVICTED = [['rows'], ['order'], ['head'], ['rows', 'order'], ['rows', 'head'], ['order', 'head']];
  const COUNT = 700;

  async function evict(parts: readonly string[]): Promise<void> {
    const client = new Redis(redis.url(port));
    const keys = await client.keys('*:records}:*');
    const gone = keys.filter((key) => parts.some((part) => key.endsWith(`:${part}`)));
    expect(gone).toHaveLength(parts.length);
    await client.del(...gone);
    client.disconnect();
  }
  const putAll = (records: RecordStore) =>
    records.write(
      Array.from({ length: COUNT }, (_, at) => ({ table: 'things', id: `id-${at}`, version: 0, value: at })),
    );

  test.each(EVICTED)(
    '%s %s: nobody loses anything, who writes and who comes later neither',
    async (...parts) => {
      const [here, there] = [await open(), await open()];
      expect(await putAll(here)).toBe(true);
      await until(() => there.all('things').length, COUNT);
      await evict(parts);
      for (let times = 0; times < 40; times++) {
        expect([here.all('things').length, there.all('things').length]).toEqual([COUNT, COUNT]);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await until(() => put(there, 'id-3', 'changed').catch(() => false), true);
      await until(() => read(here, 'id-3'), 'changed');
      await rm(stores.root, { recursive: true });
      const later = await open();
      await until(
        () => [later.isComplete, later.all('things').length, read(later, 'id-3')],
        [true, COUNT, 'changed'],
      );
    },
  );

  test.each(EVICTED)(
    '%s %s: what one process knows to be newer is not replaced by what another knew before',
    async (...parts) => {
      await using toNewest = await TcpProxy.before(redis.url(port));
      await using toBehind = await TcpProxy.before(redis.url(port));
      await using storesOfNewest = await redisStores(toNewest.url, prefix);
      await using storesOfBehind = await redisStores(toBehind.url, prefix);
      const newest = await (await storesOfNewest.open()).records();
      const behind = await (await storesOfBehind.open()).records();
      const known = (records: RecordStore) => ['id-3', 'id-7', 'id-9'].map((id) => read(records, id));
      await putAll(newest);
      for (const at of [7, 3, 9]) await put(newest, `id-${at}`, 'once');
      await until(() => known(behind), ['once', 'once', 'once']);
      toBehind.refuse();
      await put(newest, 'id-3', 'revoked');
      await put(newest, 'id-7', undefined);
      toNewest.refuse();
      await evict(parts);
      // Who is behind gives back first, alone.
      toBehind.accept();
      await new Promise((resolve) => setTimeout(resolve, 2500));
      toNewest.accept();
      await until(() => known(behind), ['revoked', undefined, 'once']);
      await until(() => known(newest), ['revoked', undefined, 'once']);
      expect(newest.all('things')).toHaveLength(COUNT - 1);
    },
  );

  test.each([['rows', 'order'], ['rows'], ['rows', 'head']])(
    '%s %s: what is left is not taken for all by a process that knows nothing',
    async (...parts) => {
      const here = await open();
      await putAll(here);
      await stores[Symbol.asyncDispose]();
      await evict(parts);
      stores = await redisStores(redis.url(port), prefix);
      const later = await open();
      expect(later.isComplete).toBe(false);
      await expect(put(later, 'new', 1)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      const client = new Redis(redis.url(port));
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const [, restores] = /cmdstat_hgetall:calls=(\d+)/.exec(await client.info('commandstats')) ?? [];
      expect(Number(restores ?? 0)).toBeLessThanOrEqual(2);
      expect(later.isComplete).toBe(false);
      // As its log says.
      await client.del(`{${prefix}:records}:order`);
      await client.hdel(`{${prefix}:records}:head`, 'count');
      client.disconnect();
      await expect.poll(() => later.isComplete, { timeout: 15_000 }).toBe(true);
      expect(await put(later, 'new', 1)).toBe(true);
    },
  );

  test('what is being given back is not taken for all before the last of it', async () => {
    const here = await open();
    await putAll(here);
    const client = new Redis(redis.url(port));
    const keys = ['rows', 'order', 'head'].map((name) => `{${prefix}:records}:${name}`);
    const rows = await client.hgetall(keys[0]!);
    await stores[Symbol.asyncDispose]();
    await client.flushall();
    const page = Object.entries(rows)
      .slice(0, 500)
      .flatMap(([name, row]) => [name, ...row.split(':')]);
    await client.eval(RECORD_SCRIPTS.hemRecordsRestore, 3, ...keys, 'anew', COUNT, 0, ...page);
    client.disconnect();
    stores = await redisStores(redis.url(port), prefix);
    const later = await open();
    expect([later.isComplete, later.all('things').length]).toEqual([false, 0]);
  });
});

test('a Redis that is behind, and gave the same versions to others, is told, and tells', async () => {
  await using proxy = await TcpProxy.before(redis.url(port));
  const prefix = newPrefix();
  await using behind = await redisStores(proxy.url, prefix);
  await using direct = await redisStores(redis.url(port), prefix);
  const here = await (await behind.open()).records();
  await put(here, 'a', 1);
  await put(here, 'b', 'mine');
  proxy.refuse();
  // As after a failover to a replica that lacks the last write.
  const key = (name: string) => `{${prefix}:records}:${name}`;
  const client = new Redis(redis.url(port));
  await client.hdel(key('rows'), 'things/b');
  await client.zrem(key('order'), 'things/b');
  await client.hset(key('head'), { revision: 1, count: 1 });
  client.disconnect();
  const there = await (await direct.open()).records();
  expect(read(there, 'b')).toBeUndefined();
  await put(there, 'c', 'theirs');
  proxy.accept();
  await until(() => [read(here, 'b'), read(here, 'c')], ['mine', 'theirs']);
  await until(() => [read(there, 'b'), read(there, 'c')], ['mine', 'theirs']);
});

test('a Redis that hangs holds up nobody who reads', async () => {
  await using proxy = await TcpProxy.before(redis.url(port));
  await using behind = await redisStores(proxy.url);
  const records = await (await behind.open()).records();
  await put(records, 'a', 1);
  proxy.hang();
  const writing = put(records, 'b', 2);
  expect(read(records, 'a')).toBe(1);
  await expect(writing).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect(read(records, 'a')).toBe(1);
});

test.each([
  '',
  '{',
  '[]',
  'null',
  '{"rows":[{}]}',
  '{"epoch":"a","revision":"x","rows":[]}',
  '{"epoch":"a","revision":1,"rows":[null]}',
])('a copy that is broken is none: %s', async (text) => {
  const file = join(directory, 'copy.json');
  const copy = new RecordCopy(file, pino({ level: 'silent' }));
  expect(copy.read()).toBeUndefined();
  await writeFile(file, text);
  expect(copy.read()).toBeUndefined();
});
