/** What processes admit that have lost their store: each by itself, together no more than the formula. fast-check prints the seed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LimitRule } from '../../src/store/limit-store.ts';
import { Alone, type Heard } from '../../src/store/limits/alone.ts';
import { startOf } from '../../src/store/limits/calendar.ts';
import { decide } from '../../src/store/limits/decide.ts';
import { meterOf } from '../../src/store/limits/meter.ts';

const LOST_AT = Date.UTC(2026, 10, 26, 6, 17);

interface Admitted {
  readonly at: number;
  readonly amount: number;
}

const processes = fc.integer({ min: 1, max: 5 });
const limit = fc.integer({ min: 1, max: 30 });
const steps = fc.array(
  fc.record({ afterMs: fc.nat(4000), process: fc.nat(4), amount: fc.integer({ min: 1, max: 4 }) }),
  { maxLength: 120 },
);
type Steps = typeof steps extends fc.Arbitrary<infer List> ? List : never;

/** @returns all that the processes admit together */
function run(
  rule: LimitRule,
  heard: Heard | undefined,
  { list, count }: { readonly list: Steps; readonly count: number },
): readonly Admitted[] {
  const alone = Array.from(
    { length: count },
    () => new Alone(meterOf(rule), { heard, processes: count, running: [0], now: LOST_AT }),
  );
  const admitted: Admitted[] = [];
  let now = LOST_AT;
  for (const { afterMs, process, amount } of list) {
    now += afterMs;
    const demand = { rule, partition: 'acme', amount };
    if (decide([demand], [alone[process % count]!], now).admitted) admitted.push({ at: now, amount });
  }
  return admitted;
}

const sum = (log: readonly Admitted[]): number => log.reduce((total, { amount }) => total + amount, 0);
const heardOf = (remaining: number, resetMs: number): Heard => ({
  remaining,
  at: LOST_AT,
  resetAt: LOST_AT + resetMs,
});

describe('together they admit', () => {
  test('of a quota what was left, then the limit in each period', () => {
    fc.assert(
      fc.property(steps, processes, limit, fc.nat(30), (list, count, most, used) => {
        const rule: LimitRule = {
          name: 'q',
          algorithm: 'quota',
          limit: most,
          period: 'minute',
          onStoreLoss: 'limit',
        };
        const remaining = Math.max(0, most - used);
        const admitted = run(rule, heardOf(remaining, 60_000), { list, count });
        const periods = Map.groupBy(admitted, ({ at }) => startOf('minute', at));
        for (const [start, log] of periods) {
          expect(sum(log)).toBeLessThanOrEqual(start <= LOST_AT ? remaining : most);
        }
      }),
    );
  });

  test('of a rolling window what was left, and in any window the limit', () => {
    fc.assert(
      fc.property(steps, processes, limit, fc.nat(30), (list, count, most, used) => {
        const rule: LimitRule = {
          name: 'w',
          algorithm: 'rolling',
          limit: most,
          windowMs: 20_000,
          onStoreLoss: 'limit',
        };
        const remaining = Math.max(0, most - used);
        const admitted = run(rule, heardOf(remaining, 20_000), { list, count });
        expect(sum(admitted.filter(({ at }) => at < LOST_AT + 20_000))).toBeLessThanOrEqual(remaining);
        for (const { at: end } of admitted) {
          const within = admitted.filter(({ at }) => at > end - 20_000 && at <= end);
          expect(sum(within)).toBeLessThanOrEqual(most);
        }
      }),
    );
  });

  test('of a rate what was left, and what it refills', () => {
    fc.assert(
      fc.property(steps, processes, limit, limit, fc.nat(30), (list, count, most, burst, used) => {
        const rule: LimitRule = {
          ...{ name: 'r', algorithm: 'rate', limit: most, burst, windowMs: 20_000 },
          onStoreLoss: 'limit',
        };
        const remaining = Math.max(0, burst - used);
        const admitted = run(rule, heardOf(remaining, 20_000), { list, count });
        for (let end = 0; end < admitted.length; end++) {
          const refilled = ((admitted[end]!.at - LOST_AT) * most) / 20_000;
          expect(sum(admitted.slice(0, end + 1))).toBeLessThanOrEqual(remaining + refilled + 1e-3);
        }
      }),
    );
  });

  test('of what runs what was free', () => {
    fc.assert(
      fc.property(steps, processes, limit, fc.nat(30), (list, count, most, used) => {
        const rule: LimitRule = { name: 'c', algorithm: 'concurrency', limit: most, onStoreLoss: 'limit' };
        const remaining = Math.max(0, most - used);
        const admitted = run(rule, heardOf(remaining, 1000), { list, count });
        expect(sum(admitted)).toBeLessThanOrEqual(remaining);
      }),
    );
  });
});

describe('each admits', () => {
  const once = (
    rule: LimitRule,
    heard: Heard | undefined,
    options: { count: number; running?: number },
  ): number => {
    const running = [options.running ?? 0];
    const alone = new Alone(meterOf(rule), { heard, processes: options.count, running, now: LOST_AT });
    const demand = { rule, partition: 'acme', amount: 1 };
    let admitted = 0;
    while (decide([demand], [alone], LOST_AT).admitted) admitted++;
    return admitted;
  };

  test.each([
    { name: 'l', algorithm: 'quota', period: 'day' },
    { name: 'l', algorithm: 'rolling', windowMs: 60_000 },
    { name: 'l', algorithm: 'rate', windowMs: 60_000 },
    { name: 'l', algorithm: 'concurrency' },
  ] as const)('its share of a $algorithm, rounded down', (part) => {
    const strict: LimitRule = { ...part, limit: 10, onStoreLoss: 'limit' };
    expect(once(strict, heardOf(8, 60_000), { count: 3 })).toBe(2);
    expect(once(strict, heardOf(8, 60_000), { count: 1 })).toBe(8);
    expect(once(strict, heardOf(0, 60_000), { count: 1 })).toBe(0);
    expect(once(strict, undefined, { count: 3 })).toBe(3);
    expect(once(strict, undefined, { count: 11 })).toBe(0);
    const open: LimitRule = { ...strict, onStoreLoss: 'availability' };
    expect(once(open, heardOf(0, 60_000), { count: 3 })).toBe(10);
  });

  test('beside what runs in it as much of what was free', () => {
    const rule: LimitRule = { name: 'c', algorithm: 'concurrency', limit: 10, onStoreLoss: 'limit' };
    expect(once(rule, heardOf(4, 1000), { count: 2, running: 5 })).toBe(2);
    expect(once({ ...rule, onStoreLoss: 'availability' }, heardOf(4, 1000), { count: 2, running: 5 })).toBe(
      5,
    );
  });

  test('and tells what of it still counts, once', () => {
    const rule: LimitRule = { name: 'r', algorithm: 'rate', limit: 10, windowMs: 1000, onStoreLoss: 'limit' };
    const alone = new Alone(meterOf(rule), { heard: undefined, processes: 1, running: [0], now: LOST_AT });
    alone.count(6, LOST_AT);
    expect(alone.tell(LOST_AT + 200)).toEqual([{ amount: 4, at: LOST_AT + 200 }]);
    expect(alone.tell(LOST_AT + 200)).toEqual([]);
  });
});
