/** Roll-ups of usage: one list of cases for every kind of store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { storeSettings } from '../../src/load/settings/store-settings.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import {
  beginningOf,
  DAY_MS,
  HOUR_MS,
  processOf,
  type UsageAddition,
  type UsageCount,
  type UsageQuery,
  type UsageStore,
} from '../../src/store/usage-store.ts';

/** Two doors to the same data, as two processes have them. */
interface Opened extends AsyncDisposable {
  readonly first: Store;
  readonly second: Store;
}

async function openTwice(settings: object): Promise<Opened> {
  await using opened = new AsyncDisposableStack();
  const root = await mkdtemp(join(tmpdir(), 'hem-usage-'));
  opened.defer(() => rm(root, { recursive: true, force: true }));
  const open = async () => {
    const store = opened.use(await openStore(storeSettings.parse(settings), root, pino({ level: 'silent' })));
    for (let times = 0; !store.isUp && times < 200; times++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    return store;
  };
  const [first, second] = [await open(), await open()];
  const everything = opened.move();
  return { first, second, [Symbol.asyncDispose]: () => everything.disposeAsync() };
}

const KINDS: ReadonlyArray<readonly [string, () => Promise<Opened>]> = [
  ['embedded', () => openTwice({ kind: 'embedded' })],
  [
    'redis',
    () =>
      openTwice({
        kind: 'redis',
        url: process.env.HEM_TEST_REDIS_URL,
        prefix: `usage-${crypto.randomUUID()}`,
        timeout: '1s',
      }),
  ],
];

const NOW = Date.now();
const HOUR = beginningOf(NOW, 'hour');
const KEEP = { hour: 10 * HOUR_MS, day: 10 * DAY_MS };

function count(coordinate: string, more: Partial<UsageCount> = {}): UsageCount {
  return {
    consumer: 'acme',
    client: 'web',
    coordinate,
    count: 1,
    errors: 0,
    firstAt: HOUR,
    lastAt: HOUR,
    ...more,
  };
}

function addition(counts: readonly UsageCount[], more: Partial<UsageAddition> = {}): UsageAddition {
  const run = { run: 'one', seq: 1, from: HOUR, since: HOUR, until: NOW };
  return { ...run, hour: HOUR, counts, keepMs: KEEP, ...more };
}

/** All that is in a window, as a reader sums it up. */
async function read(
  store: UsageStore,
  query: Partial<UsageQuery> = {},
): Promise<Readonly<Record<string, string>>> {
  const sums = new Map<string, UsageCount>();
  const whole = { by: 'hour', since: HOUR - 100 * HOUR_MS, until: HOUR + HOUR_MS } as const;
  for await (const page of store.read({ ...whole, ...query })) {
    for (const one of page) {
      const id = `${one.consumer} ${one.client} ${one.coordinate}`;
      const known = sums.get(id) ?? { ...one, count: 0, errors: 0 };
      sums.set(id, {
        ...one,
        count: known.count + one.count,
        errors: known.errors + one.errors,
        firstAt: Math.min(known.firstAt, one.firstAt),
        lastAt: Math.max(known.lastAt, one.lastAt),
      });
    }
  }
  return Object.fromEntries(
    [...sums].map(([id, one]) => [
      id,
      `${one.count} ${one.errors} ${one.firstAt - HOUR} ${one.lastAt - HOUR}`,
    ]),
  );
}

describe.each(KINDS)('%s', (_kind, open) => {
  it('adds up counts and errors, and keeps the first and last moment', async () => {
    await using stores = await open();
    const { first, second } = stores;
    await first
      .usage()
      .add(addition([count('A.x', { count: 3, errors: 1, firstAt: HOUR + 5, lastAt: HOUR + 9 })]));
    await second.usage().add(
      addition([count('A.x', { count: 4, firstAt: HOUR + 2, lastAt: HOUR + 7 }), count('A.y')], {
        run: 'two',
      }),
    );
    const expected = { 'acme web A.x': '7 1 2 9', 'acme web A.y': '1 0 0 0' };
    expect(await read(first.usage())).toEqual(expected);
    expect(await read(second.usage())).toEqual(expected);
  });

  it('comes to the same in whatever order additions come', async () => {
    const additions = Array.from({ length: 6 }, (_, index) =>
      addition([count('A.x', { count: index + 1, firstAt: HOUR + index, lastAt: HOUR + 10 - index })], {
        run: `run ${index}`,
      }),
    );
    for (const order of [additions, additions.toReversed()]) {
      await using stores = await open();
      await Promise.all(
        order.map((one, index) => stores[index % 2 === 0 ? 'first' : 'second'].usage().add(one)),
      );
      expect(await read(stores.first.usage())).toEqual({ 'acme web A.x': '21 0 0 10' });
    }
  });

  it('knows nothing of the time before what it has lost', async () => {
    await using stores = await open();
    const usage = stores.first.usage();
    const runs = async () =>
      (await usage.runs()).map(({ from, until }) => [from - HOUR, until - HOUR]).sort(([a], [b]) => a! - b!);
    const add = (seq: number, since: number, until: number) =>
      usage.add(addition([count('A.x')], { seq, since: HOUR + since, until: HOUR + until }));
    // The first that it gets is not the first that there was.
    await add(3, 100, 100);
    await add(4, 200, 200);
    await add(5, 200, 300);
    expect(await runs()).toEqual([
      [0, 0],
      [100, 300],
    ]);
    // A replica that lacked two took the place of the one that had them.
    await add(8, 500, 600);
    await add(9, 600, 700);
    expect(await runs()).toEqual([
      [0, 0],
      [100, 300],
      [500, 700],
    ]);
    expect(new Set((await usage.runs()).map(processOf)).size).toBe(1);
    await add(9, 600, 700);
    expect(await read(usage)).toEqual({ 'acme web A.x': '5 0 0 0' });
  });

  it('counts once what is handed in twice, and goes on with the next', async () => {
    await using stores = await open();
    const [one, two] = [addition([count('A.x')]), addition([count('A.x')], { seq: 2 })];
    await stores.first.usage().add(one);
    await stores.second.usage().add(one);
    await stores.first.usage().add(two);
    await stores.first.usage().add(one);
    await stores.second.usage().add(two);
    expect(await read(stores.first.usage())).toEqual({ 'acme web A.x': '2 0 0 0' });
  });

  it('counts each hour by itself, and days', async () => {
    await using stores = await open();
    const usage = stores.first.usage();
    const earlier = HOUR - 3 * HOUR_MS;
    await usage.add(addition([count('A.x')]));
    await usage.add(
      addition([count('A.x', { count: 5, firstAt: earlier, lastAt: earlier })], { seq: 2, hour: earlier }),
    );
    expect(await read(usage, { since: HOUR })).toEqual({ 'acme web A.x': '1 0 0 0' });
    expect(await read(usage, { until: HOUR })).toEqual({
      'acme web A.x': `5 0 ${earlier - HOUR} ${earlier - HOUR}`,
    });
    const [from, to] = [beginningOf(earlier, 'day'), beginningOf(HOUR, 'day')];
    expect(await read(usage, { by: 'day', since: from, until: to + DAY_MS })).toEqual({
      'acme web A.x': `6 0 ${earlier - HOUR} 0`,
    });
  });

  it('finds what is asked for: one consumer, one client, one field', async () => {
    await using stores = await open();
    const usage = stores.first.usage();
    await usage.add(
      addition([
        count('A.x'),
        count('A.y'),
        count('A.x', { consumer: 'other' }),
        count('A.x', { client: 'mobile' }),
      ]),
    );
    expect(Object.keys(await read(usage, { consumer: 'acme' })).sort()).toEqual([
      'acme mobile A.x',
      'acme web A.x',
      'acme web A.y',
    ]);
    expect(Object.keys(await read(usage, { client: 'mobile' }))).toEqual(['acme mobile A.x']);
    expect(Object.keys(await read(usage, { coordinate: 'A.x', client: 'web' })).sort()).toEqual([
      'acme web A.x',
      'other web A.x',
    ]);
    expect(await read(usage, { consumer: 'nobody' })).toEqual({});
  });

  it('takes names for data, whatever they are', async () => {
    await using stores = await open();
    const consumers = [
      '__proto__',
      'constructor',
      "'; DROP TABLE usage_counts; --",
      'ü 漢 🚲',
      '%_*?[a-z]',
      'a\nb',
    ];
    await stores.first.usage().add(addition(consumers.map((consumer) => count('A.x', { consumer }))));
    expect(Object.keys(await read(stores.first.usage())).sort()).toEqual(
      consumers.map((one) => `${one} web A.x`).sort(),
    );
    expect(Object.keys(await read(stores.first.usage(), { consumer: '%_*?[a-z]' }))).toHaveLength(1);
  });

  it('gives thousands in pages', async () => {
    await using stores = await open();
    const usage = stores.first.usage();
    for (let seq = 1; seq <= 5; seq++)
      await usage.add(
        addition(
          Array.from({ length: 500 }, (_, index) => count(`T${seq}.f${index}`)),
          { seq },
        ),
      );
    expect(Object.keys(await read(usage))).toHaveLength(2500);
  });

  it('forgets hours and days that are too old, and runs with them', async () => {
    await using stores = await open();
    const usage = stores.first.usage();
    const [old, ancient] = [HOUR - 12 * HOUR_MS, HOUR - 12 * DAY_MS];
    // As it was added when it happened.
    const add = (run: string, hour: number, until: number) =>
      usage.add(addition([count('A.x', { firstAt: hour, lastAt: hour })], { run, hour, from: hour, until }));
    await add('ancient', ancient, ancient + 10);
    await add('old', old, old + 10);
    await add('new', HOUR, NOW);
    expect(await read(usage)).toEqual({ 'acme web A.x': '1 0 0 0' });
    expect(await read(usage, { since: ancient })).toEqual({ 'acme web A.x': '1 0 0 0' });
    const days = {
      by: 'day',
      since: beginningOf(ancient, 'day'),
      until: beginningOf(HOUR, 'day') + DAY_MS,
    } as const;
    expect(await read(usage, days)).toEqual({ 'acme web A.x': `2 0 ${old - HOUR} 0` });
    expect((await usage.runs()).map(({ run }) => run).sort()).toEqual(['new', 'old']);
  });

  it('remembers when was counted', async () => {
    await using stores = await open();
    await stores.first.usage().add(addition([], { until: HOUR + 10 }));
    await stores.first.usage().add(addition([count('A.x')], { seq: 2, until: HOUR + 30 }));
    await stores.second.usage().add(addition([], { run: 'two', from: HOUR + 5, until: HOUR + 7 }));
    expect([...(await stores.second.usage().runs())].sort((a, b) => a.from - b.from)).toEqual([
      { run: 'one', from: HOUR, until: HOUR + 30 },
      { run: 'two', from: HOUR + 5, until: HOUR + 7 },
    ]);
    expect(await read(stores.first.usage())).toEqual({ 'acme web A.x': '1 0 0 0' });
  });
});
