/** What records promise, of every kind of store. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RecordChange, RecordStore } from '../../src/store/record-store.ts';
import { RedisCluster } from '../support/redis-topologies.ts';
import { clusterStores, STORE_KINDS, type TestStores } from './stores.ts';

/** Within a second, on a machine that has nothing else to do. */
const soon = { timeout: 5000, interval: 20 };

let cluster: RedisCluster | undefined;
const KINDS: Readonly<Record<string, () => Promise<TestStores>>> = {
  ...STORE_KINDS,
  'redis, a cluster': async () => {
    cluster ??= await RedisCluster.start();
    return clusterStores(cluster);
  },
};
afterAll(() => cluster?.[Symbol.asyncDispose]());

describe.each(Object.entries(KINDS))('records of the kind %s', (_kind, openStores) => {
  let stores: TestStores;
  let here: RecordStore;
  let there: RecordStore;

  beforeEach(async () => {
    stores = await openStores();
    here = await (await stores.open()).records();
    there = await (await stores.open()).records();
  });
  afterEach(() => stores[Symbol.asyncDispose]());

  const put = (records: RecordStore, id: string, value: unknown, table = 'things') =>
    records.write([{ table, id, version: records.get(table, id)?.version ?? 0, value }]);
  const read = (records: RecordStore, id: string) => records.get('things', id)?.value;

  test('are none at first, and complete', () => {
    expect([here.isComplete, here.all('things'), here.get('things', 'a')]).toEqual([true, [], undefined]);
  });

  test('are known to who wrote them at once, to others soon', async () => {
    expect(await put(here, 'a', { count: 1 })).toBe(true);
    expect(read(here, 'a')).toEqual({ count: 1 });
    await expect.poll(() => read(there, 'a'), soon).toEqual({ count: 1 });
  });

  test('are all read by who comes later, many and large ones, too', async () => {
    const rows = Array.from({ length: 1203 }, (_, index) => ({
      table: 'things',
      id: `id-${index}`,
      version: 0,
      value: { index, text: 'x'.repeat(300) },
    }));
    for (let index = 0; index < rows.length; index += 400)
      expect(await here.write(rows.slice(index, index + 400))).toBe(true);
    const later = await (await stores.open()).records();
    expect(later.all('things')).toHaveLength(1203);
    expect(read(later, 'id-1202')).toEqual({ index: 1202, text: 'x'.repeat(300) });
  });

  test('of two who replace the same version one is refused, and has read the other by then', async () => {
    await put(here, 'a', 1);
    await expect.poll(() => read(there, 'a'), soon).toBe(1);
    const outcomes = await Promise.all([put(here, 'a', 'here'), put(there, 'a', 'there')]);
    expect(outcomes.toSorted()).toEqual([false, true]);
    const winner = outcomes[0] ? 'here' : 'there';
    expect(read(outcomes[0] ? there : here, 'a')).toBe(winner);
  });

  test('twenty who count at the same time, in two processes, lose nothing', async () => {
    await put(here, 'n', 0);
    const increment = async (records: RecordStore) => {
      for (;;) {
        const known = records.get<number>('things', 'n');
        const version = known?.version ?? 0;
        const value = (known?.value ?? 0) + 1;
        if (await records.write([{ table: 'things', id: 'n', version, value }])) return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, index) => increment(index % 2 === 0 ? here : there)));
    await expect.poll(() => read(here, 'n'), soon).toBe(20);
  });

  test('are written all or none', async () => {
    await put(here, 'a', 1);
    const outcome = await here.write([
      { table: 'things', id: 'b', version: 0, value: 2 },
      { table: 'things', id: 'a', version: 0, value: 'never' },
    ]);
    expect([outcome, read(here, 'a'), read(here, 'b')]).toEqual([false, 1, undefined]);
    const later = await (await stores.open()).records();
    expect(later.all('things').map(({ id }) => id)).toEqual(['a']);
  });

  test('that were removed are gone everywhere, and can be made again', async () => {
    await put(here, 'a', 1);
    await put(here, 'a', undefined);
    expect([read(here, 'a'), here.all('things')]).toEqual([undefined, []]);
    const later = await (await stores.open()).records();
    expect(later.all('things')).toEqual([]);
    expect(await put(later, 'a', 2)).toBe(true);
    await expect.poll(() => read(there, 'a'), soon).toBe(2);
  });

  test('of other tables with the same id are others; names are data', async () => {
    for (const id of ['__proto__', 'constructor', 'a/b', 'ä\u0000"\n', '']) {
      await put(here, id, { id });
      await put(here, id, { other: id }, 'others');
    }
    const later = await (await stores.open()).records();
    for (const id of ['__proto__', 'constructor', 'a/b', 'ä\u0000"\n', ''])
      expect([read(later, id), later.get('others', id)?.value]).toEqual([{ id }, { other: id }]);
    expect(({} as Record<string, unknown>).id).toBeUndefined();
  });

  test('changes are told once each, with table and id', async () => {
    const seen: RecordChange[] = [];
    const stop = there.onChange((changes) => seen.push(...changes));
    await put(here, 'a', 1);
    await put(here, 'b', 1, 'others');
    await expect.poll(() => seen, soon).toHaveLength(2);
    expect(seen).toEqual([
      { table: 'things', id: 'a' },
      { table: 'others', id: 'b' },
    ]);
    stop();
    await put(there, 'c', 1);
    expect(seen).toHaveLength(2);
  });

  test('marks are beside them, the latest of each', async () => {
    await here.mark('things', new Map([['a', 1_700_000_000_000]]));
    await there.mark('things', new Map(Array.from({ length: 700 }, (_, index) => [`m${index}`, index])));
    await here.mark('things', new Map([['a', 1_700_000_000_500]]));
    const marks = await there.marks('things');
    expect([marks.size, marks.get('a'), marks.get('m699')]).toEqual([701, 1_700_000_000_500, 699]);
    expect(await here.marks('others')).toEqual(new Map());
    expect(here.all('things')).toEqual([]);
  });
});
