/** What every store does with limits: one list of cases for all kinds. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type StoreSettings, storeSettings } from '../../src/load/settings/store-settings.ts';
import type { Demand, LimitRule, LimitStore, Reservation } from '../../src/store/limit-store.ts';
import { startOf } from '../../src/store/limits/calendar.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { RedisCluster } from '../support/redis-topologies.ts';

const HOUR_MS = 3_600_000;
/** A month ends only once. */
const quotaRule = (limit: number, more: Partial<LimitRule> = {}): LimitRule => ({
  name: 'quota',
  algorithm: 'quota',
  limit,
  period: 'month',
  onStoreLoss: 'limit',
  ...more,
});
const rateRule = (limit: number, more: Partial<LimitRule> = {}): LimitRule => ({
  name: 'rate',
  algorithm: 'rate',
  limit,
  windowMs: HOUR_MS,
  onStoreLoss: 'limit',
  ...more,
});
const rollingRule = (limit: number, more: Partial<LimitRule> = {}): LimitRule => ({
  name: 'rolling',
  algorithm: 'rolling',
  limit,
  windowMs: HOUR_MS,
  onStoreLoss: 'limit',
  ...more,
});
const concurrencyRule = (limit: number, more: Partial<LimitRule> = {}): LimitRule => ({
  name: 'running',
  algorithm: 'concurrency',
  limit,
  onStoreLoss: 'limit',
  ...more,
});
const ALL = [quotaRule, rateRule, rollingRule, concurrencyRule] as const;

interface Kind {
  readonly name: string;
  /** @param using stops what was started for it when the cases are over */
  settings(using: AsyncDisposableStack): Promise<unknown>;
}

const redisOf = (where: object) => ({
  kind: 'redis',
  prefix: `limits-${process.pid}`,
  timeout: '1s',
  ...where,
});
const KINDS: readonly Kind[] = [
  { name: 'embedded', settings: async () => ({ kind: 'embedded' }) },
  { name: 'Redis', settings: async () => redisOf({ url: process.env.HEM_TEST_REDIS_URL }) },
  {
    name: 'Redis Cluster',
    async settings(using) {
      const { nodes } = using.use(await RedisCluster.start());
      return redisOf({ cluster: { nodes } });
    },
  },
];

describe.each(KINDS)('$name', (kind) => {
  const using = new AsyncDisposableStack();
  let root: string;
  let settings: StoreSettings;
  let store: Store;
  let limits: LimitStore;
  let count = 0;
  /** Nobody has used anything of it. */
  let partition: string;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'hem-store-'));
    settings = storeSettings.parse(await kind.settings(using));
    store = await openStore(settings, root, pino({ level: 'silent' }));
    limits = store.limits();
  });

  afterAll(async () => {
    await store[Symbol.asyncDispose]();
    await using.disposeAsync();
    await rm(root, { recursive: true, force: true });
  });

  const fresh = (): string => {
    partition = `case-${++count}`;
    return partition;
  };
  const demand = (rule: LimitRule, amount = 1, more: Partial<Demand> = {}): Demand => ({
    rule,
    partition,
    amount,
    ...more,
  });
  const reserve = async (...demands: readonly Demand[]): Promise<Reservation> => {
    const reservation = await limits.reserve(demands);
    expect(reservation.decidedBy).toBe('store');
    expect(reservation.states.map((state) => state.demand)).toEqual(demands);
    return reservation;
  };
  const left = async (rule: LimitRule, more: Partial<Demand> = {}): Promise<number> =>
    (await reserve(demand(rule, 0, more))).states[0]!.remaining;

  test.each(ALL)('admits exactly as much as there is, and says how much is left: %o', async (ruleOf) => {
    fresh();
    const rule = ruleOf(5);
    for (const [amount, admitted, remaining] of [
      [2, true, 3],
      [0, true, 3],
      [4, false, 3],
      [3, true, 0],
      [1, false, 0],
      [0, true, 0],
    ] as const) {
      const { admitted: isAdmitted, states } = await reserve(demand(rule, amount));
      expect([amount, isAdmitted, states[0]!.admitted, states[0]!.remaining]).toEqual([
        amount,
        admitted,
        admitted,
        remaining,
      ]);
      expect(states[0]!.retryAfterMs > 0).toBe(!admitted);
    }
  });

  test('a rate refills evenly and lets a burst through at once', async () => {
    fresh();
    // One in 100 ms.
    const rule = rateRule(36_000, { burst: 3 });
    expect((await reserve(demand(rule, 3))).admitted).toBe(true);
    const refused = await reserve(demand(rule, 2));
    expect(refused.admitted).toBe(false);
    const { retryAfterMs, resetMs } = refused.states[0]!;
    expect(retryAfterMs).toBeLessThanOrEqual(200);
    expect(resetMs).toBeLessThanOrEqual(300);
    await sleep(retryAfterMs + 2);
    expect((await reserve(demand(rule, 2))).admitted).toBe(true);
    expect((await reserve(demand(rule, 4))).states[0]!.retryAfterMs).toBe(Infinity);
  });

  test('a rolling window gives back what has left it', async () => {
    fresh();
    const rule = rollingRule(2, { windowMs: 600 });
    const startedAt = performance.now();
    await reserve(demand(rule));
    const second = await reserve(demand(rule));
    expect(second.states[0]!.resetMs).toBeGreaterThan(590);
    const refused = await reserve(demand(rule));
    // Where the machine stood still between the two, there is something again.
    if (performance.now() - startedAt < 590) expect(refused.admitted).toBe(false);
    await sleep(refused.states[0]!.retryAfterMs + 2);
    expect((await reserve(demand(rule))).admitted).toBe(true);
  });

  test.each(['minute', 'hour', 'day', 'week', 'month'] as const)(
    'a quota is there again when the next %s begins',
    async (period) => {
      fresh();
      const rule = quotaRule(1, { period });
      const [first, refused] = [await reserve(demand(rule)), await reserve(demand(rule))];
      const { resetMs } = first.states[0]!;
      const end = Date.now() + resetMs;
      expect(Math.abs(startOf(period, end + 5000) - end)).toBeLessThan(2000);
      if (refused.admitted) return expect(resetMs).toBeLessThan(1000);
      expect(refused.states[0]!.retryAfterMs).toBe(refused.states[0]!.resetMs);
      return undefined;
    },
  );

  test('what runs at the same time ends by being settled, once', async () => {
    fresh();
    const rule = concurrencyRule(2);
    const [first, second] = [await reserve(demand(rule)), await reserve(demand(rule))];
    const refused = await reserve(demand(rule));
    expect(refused.admitted).toBe(false);
    expect(refused.states[0]!.retryAfterMs).toBeGreaterThan(0);
    refused.settle([1]);
    expect(await left(rule)).toBe(0);
    first.settle([1]);
    first.settle([0]);
    expect(await left(rule)).toBe(1);
    second.settle([0]);
    expect(await left(rule)).toBe(2);
  });

  test('all limits of a request are taken from, or none is', async () => {
    fresh();
    const [plenty, some, running] = [quotaRule(100), rateRule(2), concurrencyRule(10)];
    const demands = [demand(plenty, 10), demand(some), demand(running)];
    await reserve(...demands);
    await reserve(...demands);
    const refused = await reserve(...demands);
    expect(refused.admitted).toBe(false);
    expect(refused.states.map(({ admitted }) => admitted)).toEqual([true, false, true]);
    expect(refused.states.map(({ remaining }) => remaining)).toEqual([80, 0, 8]);
    refused.settle([0, 0, 0]);
    expect([await left(plenty), await left(some), await left(running)]).toEqual([80, 0, 8]);
  });

  test('limits of several partitions are one decision, too', async () => {
    fresh();
    const rule = quotaRule(3);
    const others = ['x', 'y', 'z'].map((name) => ({ partition: `${partition}-${name}` }));
    const all = others.map((other) => demand(rule, 1, other));
    await reserve(demand(rule, 3, others[1]));
    expect((await reserve(...all)).admitted).toBe(false);
    expect(await Promise.all(others.map((other) => left(rule, other)))).toEqual([3, 0, 3]);
    expect((await reserve(all[2]!, all[0]!)).admitted).toBe(true);
    expect(await Promise.all(others.map((other) => left(rule, other)))).toEqual([2, 0, 2]);
  });

  test('a shadow says what it would have refused, and takes only what it would have let pass', async () => {
    fresh();
    const [real, shadow] = [quotaRule(10), quotaRule(2, { name: 'shadow' })];
    const demands = [demand(real), demand(shadow, 1, { shadow: true })];
    const reservations = [await reserve(...demands), await reserve(...demands), await reserve(...demands)];
    expect(reservations.map(({ admitted }) => admitted)).toEqual([true, true, true]);
    expect(reservations.map(({ states }) => states[1]!.admitted)).toEqual([true, true, false]);
    expect(reservations[2]!.states[1]!.retryAfterMs).toBeGreaterThan(0);
    // It took nothing there, so there is nothing to give back.
    reservations[2]!.settle([0, 0]);
    reservations[0]!.settle([1, 0]);
    expect([await left(real), await left(shadow)]).toEqual([8, 1]);
  });

  test.each([quotaRule, rateRule, rollingRule])(
    'settling gives back what was not used, and counts what was used above: %o',
    async (ruleOf) => {
      fresh();
      const rule = ruleOf(20);
      const [less, more, nonsense] = [
        await reserve(demand(rule, 5)),
        await reserve(demand(rule, 5)),
        await reserve(demand(rule, 5)),
      ];
      less.settle([2]);
      less.settle([0]);
      expect(await left(rule)).toBe(8);
      more.settle([9]);
      expect(await left(rule)).toBe(4);
      nonsense.settle([Number.NaN]);
      expect(await left(rule)).toBe(4);
      (await reserve(demand(rule, 1))).settle([]);
      expect(await left(rule)).toBe(3);
      // More than there is: nothing is left, and what was used above it is missing afterwards.
      (await reserve(demand(rule, 1))).settle([8]);
      const refused = await reserve(demand(rule, 1));
      expect(refused.admitted).toBe(false);
      expect(refused.states[0]!.remaining).toBe(0);
    },
  );

  test('names of every kind are partitions of their own', async () => {
    const rule = quotaRule(1);
    const names = [
      '__proto__',
      'constructor',
      'hasOwnProperty',
      '',
      ' ',
      'a}b{c',
      '{a}',
      'a:b',
      'é',
      '\0',
      '\r\nDEL x',
    ];
    names.push(
      'x'.repeat(100_000),
      `${'x'.repeat(100_000)}y`,
      '2001:db8::1',
      '#a',
      'a'.repeat(128),
      'a'.repeat(129),
    );
    fresh();
    for (const name of names) {
      expect((await reserve(demand(rule, 1, { partition: `${name}${partition}` }))).admitted).toBe(true);
      expect((await reserve(demand(rule, 1, { partition: name + partition }))).admitted).toBe(false);
    }
    expect(Object.keys({})).toEqual([]);
    expect(({} as Record<string, unknown>).algorithm).toBeUndefined();
  });

  test('numbers may be huge, or nonsense', async () => {
    fresh();
    const most = 1e15;
    for (const rule of [quotaRule(most), rateRule(most), rollingRule(most), concurrencyRule(most)]) {
      expect((await reserve(demand(rule, most - 1))).states[0]!.remaining).toBeLessThanOrEqual(most);
      const more = await reserve(demand(rule, most + 1));
      expect([more.admitted, more.states[0]!.retryAfterMs]).toEqual([false, Infinity]);
      expect((await reserve(demand(rule, Infinity))).admitted).toBe(false);
      expect((await reserve(demand(rule, Number.NaN))).admitted).toBe(true);
      expect((await reserve(demand(rule, -5))).admitted).toBe(true);
    }
    expect(await left(quotaRule(most))).toBe(1);
    expect(await left(concurrencyRule(most))).toBe(1);
    expect((await limits.reserve([])).admitted).toBe(true);
  });

  test('a limit that is changed goes on with what was used', async () => {
    fresh();
    await reserve(demand(quotaRule(10), 6));
    expect(await left(quotaRule(20))).toBe(14);
    expect(await left(quotaRule(5))).toBe(0);
    // Counted otherwise, it is another limit.
    expect(await left(quotaRule(20, { period: 'week' }))).toBe(20);
    expect(await left(rollingRule(20, { name: 'quota' }))).toBe(20);
  });

  test.each(ALL)(
    'of many at the same time exactly as many are admitted as there is room for: %o',
    async (ruleOf) => {
      fresh();
      const rules = [ruleOf(50), quotaRule(1000, { name: 'beside' })];
      const callers = Array.from({ length: 20 }, async () => {
        let admitted = 0;
        for (let turn = 0; turn < 10; turn++) {
          const { admitted: isAdmitted } = await reserve(...rules.map((rule) => demand(rule)));
          if (isAdmitted) admitted++;
        }
        return admitted;
      });
      const admitted = (await Promise.all(callers)).reduce((total, one) => total + one, 0);
      expect(admitted).toBe(50);
      expect(await left(rules[1]!)).toBe(950);
    },
  );

  test('what is small beside a limit is exact, too, however it is counted', async () => {
    fresh();
    const rule = quotaRule(5000);
    let admitted = 0;
    const caller = async () => {
      for (let turn = 0; turn < 300; turn++) {
        const reservation = await reserve(demand(rule));
        if (reservation.admitted) admitted++;
        // A third uses nothing, and so does not count.
        const used = turn % 3 === 0 ? 0 : 1;
        reservation.settle([used]);
        if (reservation.admitted) admitted += used - 1;
      }
    };
    await Promise.all(Array.from({ length: 20 }, caller));
    expect(admitted).toBe(4000);
    await store[Symbol.asyncDispose]();
    store = await openStore(settings, root, pino({ level: 'silent' }));
    limits = store.limits();
    // A cluster is connected a moment later; until then the process decides by itself.
    await expect.poll(() => store.isUp, { timeout: 5000 }).toBe(true);
    expect(await left(rule)).toBe(1000);
    const all = await Promise.all(Array.from({ length: 1100 }, () => reserve(demand(rule))));
    expect(all.filter((one) => one.admitted).length).toBe(1000);
  });
});
