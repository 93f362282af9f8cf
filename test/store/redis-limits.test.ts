/** Limits that several processes share through Redis: exactness, slices, leases. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RedisSettings, storeSettings } from '../../src/load/settings/store-settings.ts';
import type { Demand, LimitRule } from '../../src/store/limit-store.ts';
import { meterOf } from '../../src/store/limits/meter.ts';
import { RedisLimits } from '../../src/store/redis/limits/redis-limits.ts';
import { Share } from '../../src/store/redis/limits/share.ts';
import { LimitProcess } from '../support/limit-process.ts';
import { PrivateRedis } from '../support/private-redis.ts';

let server: PrivateRedis;
let count = 0;

beforeAll(async () => {
  server = await PrivateRedis.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const storeOf = (prefix: string) => ({ kind: 'redis', url: server.url, prefix, timeout: '1s' });
const open = (prefix: string): RedisLimits =>
  new RedisLimits(storeSettings.parse(storeOf(prefix)) as RedisSettings, pino({ level: 'silent' }));
const quota = (limit: number): LimitRule => ({
  name: 'quota',
  algorithm: 'quota',
  limit,
  period: 'month',
  onStoreLoss: 'limit',
});
const demand = (rule: LimitRule, amount = 1): Demand => ({ rule, partition: 'acme', amount });
const remaining = async (limits: RedisLimits, rule: LimitRule): Promise<number> =>
  (await limits.reserve([demand(rule, 0)])).states[0]!.remaining;

/** How many commands Redis has executed. */
const commands = async (): Promise<number> =>
  Number(/total_commands_processed:(\d+)/.exec(String(await server.command('info', 'stats')))?.[1]);

describe('two processes with 20 callers each', () => {
  const CASES: ReadonlyArray<readonly [string, readonly LimitRule[]]> = [
    ['a quota of which each is a large part', [quota(500)]],
    ['a quota that is taken in slices', [quota(5000)]],
    [
      'a rolling window',
      [{ name: 'w', algorithm: 'rolling', limit: 500, windowMs: 3_600_000, onStoreLoss: 'limit' }],
    ],
  ];
  test.each(CASES)(
    'never get more than there is, and all of it: %s',
    { timeout: 60_000 },
    async (_, rules) => {
      const prefix = `both-${++count}`;
      const rule = rules[0]!;
      const work = {
        ...{ store: storeOf(prefix), root: '.', rules, partition: 'acme', callers: 20, pauseMs: 0 },
        ...{ turns: (rule.limit / 20) * 0.8, settles: false, tells: false, ends: true },
      };
      using first = new LimitProcess(work);
      using second = new LimitProcess(work);
      const used = await Promise.all([first.end(), second.end()]);
      expect(used.map(({ byProcess }) => byProcess)).toEqual([0, 0]);
      const admitted = used.reduce((total, one) => total + one.admitted, 0);
      expect(admitted).toBeLessThanOrEqual(rule.limit);
      await using limits = open(prefix);
      // Both have given back what they took ahead.
      expect(await remaining(limits, rule)).toBe(rule.limit - admitted);
      // A process is refused while another has a slice: a hundredth at most.
      expect(admitted).toBeGreaterThanOrEqual(rule.limit * 0.98);
    },
  );
});

test('of what runs in two processes there is exactly as much as may be', { timeout: 60_000 }, async () => {
  const prefix = `both-${++count}`;
  const rule: LimitRule = { name: 'c', algorithm: 'concurrency', limit: 500, onStoreLoss: 'limit' };
  const work = {
    ...{ store: storeOf(prefix), root: '.', rules: [rule], partition: 'acme', callers: 20, pauseMs: 0 },
    ...{ turns: 20, settles: false, tells: true, ends: false },
  };
  using first = new LimitProcess(work);
  using second = new LimitProcess(work);
  const asked = () =>
    [first, second].map(({ used }) => (used === undefined ? 0 : used.admitted + used.refused));
  await expect.poll(asked, { timeout: 30_000 }).toEqual([400, 400]);
  expect(first.used!.admitted + second.used!.admitted).toBe(500);
});

describe('slices', () => {
  test('save nearly all round trips, and come back when they are not used', { timeout: 30_000 }, async () => {
    await using limits = open(`slices-${++count}`);
    await using other = open(`slices-${count}`);
    const rule = quota(1e6);
    await limits.reserve([demand(rule)]);
    const before = await commands();
    let waited = 0;
    for (let turn = 0; turn < 20_000; turn++) {
      const reservation = limits.reserve([demand(rule)]);
      if (reservation instanceof Promise) waited++;
      (await reservation).settle([turn % 2]);
    }
    expect(waited).toBeLessThan(50);
    expect((await commands()) - before).toBeLessThan(300);
    await expect.poll(() => remaining(other, rule), { timeout: 5000 }).toBe(1e6 - 1 - 10_000);
    expect(await remaining(limits, rule)).toBe(1e6 - 1 - 10_000);
  });

  test('are not made for what is asked now and then, nor of the last tenth', async () => {
    await using limits = open(`slices-${++count}`);
    await using other = open(`slices-${count}`);
    const rule = quota(20_000);
    await limits.reserve([demand(rule)]);
    expect(await remaining(other, rule)).toBe(19_999);
    await other.reserve([demand(rule, 18_000)]);
    for (let turn = 0; turn < 100; turn++) await limits.reserve([demand(rule)]);
    expect(await remaining(other, rule)).toBe(20_000 - 1 - 18_000 - 100);
  });

  test('of a rate live for a hundredth of its window', async () => {
    await using limits = open(`slices-${++count}`);
    const rule: LimitRule = {
      name: 'r',
      algorithm: 'rate',
      limit: 60_000,
      windowMs: 60_000,
      onStoreLoss: 'limit',
    };
    for (let turn = 0; turn < 30; turn++) await limits.reserve([demand(rule)]);
    const startedAt = performance.now();
    const isAtHand = !(limits.reserve([demand(rule)]) instanceof Promise);
    if (performance.now() - startedAt < 100) expect(isAtHand).toBe(true);
    await sleep(650);
    expect(limits.reserve([demand(rule)])).toBeInstanceOf(Promise);
  });

  test('of a quota end with its period', () => {
    const share = new Share('acme', meterOf({ ...quota(1e6), period: 'minute' }));
    share.gotAhead(10, { at: 0, askedAt: 1000, resetMs: 30 });
    expect([1000, 1029, 1030].map((now) => share.sliceFor(4, now))).toEqual([4, 4, 0]);
  });

  test('let a rate admit no more than it does in their time', { timeout: 30_000 }, async () => {
    await using limits = open(`slices-${++count}`);
    await limits.reserve([]);
    const rule: LimitRule = {
      name: 'r',
      algorithm: 'rate',
      limit: 60_000,
      burst: 2000,
      windowMs: 60_000,
      onStoreLoss: 'limit',
    };
    // Busy, so that there are slices; then as much as possible.
    let admitted = 0;
    const startedAt = performance.now();
    while (performance.now() - startedAt < 1500) {
      const batch = await Promise.all(Array.from({ length: 50 }, () => limits.reserve([demand(rule)])));
      admitted += batch.filter((one) => one.admitted).length;
    }
    const ms = performance.now() - startedAt;
    expect(admitted).toBeGreaterThan(2000);
    // One in a millisecond; a slice lives for 600 ms.
    expect(admitted).toBeLessThanOrEqual(2000 + ms + 600);
  });
});

describe('what runs', () => {
  const rule: LimitRule = {
    name: 'running',
    algorithm: 'concurrency',
    limit: 3,
    leaseMs: 600,
    onStoreLoss: 'limit',
  };

  test('runs on for as long as its process lives', async () => {
    await using limits = open(`leases-${++count}`);
    await using other = open(`leases-${count}`);
    const running = await limits.reserve([demand(rule, 2)]);
    for (let turn = 0; turn < 6; turn++) {
      await sleep(250);
      expect(await remaining(other, rule)).toBe(1);
    }
    running.settle([]);
    await expect.poll(() => remaining(other, rule)).toBe(3);
  });

  test('ends with its process, however that ends', { timeout: 60_000 }, async () => {
    const prefix = `leases-${++count}`;
    await using limits = open(prefix);
    using worker = new LimitProcess({
      ...{ store: storeOf(prefix), root: '.', rules: [rule], partition: 'acme', callers: 2, pauseMs: 0 },
      ...{ turns: 1, settles: false, tells: true, ends: false },
    });
    await expect.poll(() => remaining(limits, rule), { timeout: 20_000 }).toBe(1);
    await sleep(1000);
    expect(await remaining(limits, rule)).toBe(1);
    await worker.kill();
    await expect.poll(() => remaining(limits, rule), { timeout: 5000 }).toBe(3);
  });
});

test('nothing stays in Redis for ever', async () => {
  const prefix = `ttl-${++count}`;
  await using limits = open(prefix);
  const rules: readonly LimitRule[] = [
    quota(5),
    { name: 'r', algorithm: 'rate', limit: 5, windowMs: 1000, onStoreLoss: 'limit' },
    { name: 'w', algorithm: 'rolling', limit: 5, windowMs: 1000, onStoreLoss: 'limit' },
    { name: 'c', algorithm: 'concurrency', limit: 5, leaseMs: 1000, onStoreLoss: 'limit' },
  ];
  (await limits.reserve(rules.map((rule) => demand(rule)))).settle([1, 1, 1, 1]);
  const keys = async () => (await server.command('keys', `${prefix}:*`)) as string[];
  for (const key of await keys()) {
    expect(Number(await server.command('pttl', key)), key).toBeGreaterThan(0);
  }
  await expect
    .poll(async () => (await keys()).sort(), { timeout: 5000 })
    .toEqual([`${prefix}:limits:processes`, `${prefix}:limits:{acme}:quota:quota:month`]);
});
