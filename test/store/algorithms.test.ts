/** How limits count, against a list of everything that was admitted. fast-check prints the seed of what fails. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LimitRule } from '../../src/store/limit-store.ts';
import { algorithmOf } from '../../src/store/limits/algorithm.ts';
import { endOf, startOf } from '../../src/store/limits/calendar.ts';
import { steadyClock } from '../../src/store/limits/steady-clock.ts';

const START = Date.UTC(2026, 10, 26, 6, 17);

interface Step {
  readonly afterMs: number;
  readonly amount: number;
  /** What is used of it in the end. */
  readonly used: number;
  /** After so many further steps it is settled. */
  readonly settledAfter: number;
}

const steps = (longestMs: number): fc.Arbitrary<readonly Step[]> =>
  fc.array(
    fc.record({
      afterMs: fc.oneof(fc.constant(0), fc.nat(longestMs)),
      amount: fc.nat(6),
      used: fc.nat(6),
      settledAfter: fc.nat(8),
    }),
    { maxLength: 80 },
  );

interface Admitted {
  readonly at: number;
  /** What was reserved; once settled, what was used. */
  amount: number;
}

/** Runs the steps. `judge` sees each decision before it counts, beside all that was admitted until then. */
function run(
  rule: LimitRule,
  list: readonly Step[],
  judge: (decision: { now: number; amount: number; enough: boolean; log: readonly Admitted[] }) => void,
): readonly Admitted[] {
  const algorithm = algorithmOf(rule);
  const usage = algorithm.fresh();
  const log: Admitted[] = [];
  const settling: Array<{ readonly entry: Admitted; readonly used: number; left: number }> = [];
  let now = START;
  for (const { afterMs, amount, used, settledAfter } of list) {
    now += afterMs;
    for (const open of settling) {
      if (open.left-- !== 0) continue;
      // Never more than was reserved: what is used above it is nobody's to refuse any more.
      const final = Math.min(open.used, open.entry.amount);
      algorithm.adjust(usage, final - open.entry.amount, open.entry.at, now);
      open.entry.amount = final;
    }
    const waitMs = algorithm.waitMs(usage, amount, now);
    const enough = algorithm.remaining(usage, now) + 1e-6 >= amount;
    expect(waitMs === 0).toBe(enough);
    if (waitMs > 0 && waitMs < Infinity) {
      expect(algorithm.remaining(usage.slice(), now + waitMs) + 1e-6).toBeGreaterThanOrEqual(amount);
      expect(algorithm.remaining(usage.slice(), now + waitMs - 1) + 1e-6).toBeLessThan(amount);
    }
    const resetMs = algorithm.resetMs(usage, now);
    expect(algorithm.remaining(usage.slice(), now + resetMs)).toBeCloseTo(algorithm.capacity, 5);
    judge({ now, amount, enough, log });
    if (!enough) continue;
    const before = usage.slice();
    algorithm.take(usage, amount, now);
    expect(algorithm.isCovered(before, usage)).toBe(true);
    expect(algorithm.isCovered(usage, before)).toBe(amount === 0);
    const entry = { at: now, amount };
    log.push(entry);
    settling.push({ entry, used, left: settledAfter });
  }
  return log;
}

const sum = (log: readonly Admitted[]): number => log.reduce((total, { amount }) => total + amount, 0);

describe('a rate', () => {
  test('admits at most burst + time × limit / window between any two of its requests', () => {
    fc.assert(
      fc.property(
        steps(400),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 20 }),
        (list, limit, burst) => {
          const rule: LimitRule = {
            name: 'r',
            algorithm: 'rate',
            limit,
            burst,
            windowMs: 1000,
            onStoreLoss: 'limit',
          };
          const log = run(rule, list, () => {});
          for (let first = 0; first < log.length; first++) {
            for (let last = first; last < log.length; last++) {
              const time = log[last]!.at - log[first]!.at;
              expect(sum(log.slice(first, last + 1))).toBeLessThanOrEqual(
                burst + (time * limit) / 1000 + 1e-3,
              );
            }
          }
        },
      ),
    );
  });

  test('refuses only what is more', () => {
    fc.assert(
      fc.property(steps(400), (list) => {
        // A bucket that empties evenly, step by step; nothing is settled.
        let level = 0;
        let at = START;
        run(
          { name: 'r', algorithm: 'rate', limit: 20, burst: 7, windowMs: 1000, onStoreLoss: 'limit' },
          list.map((step) => ({ ...step, used: step.amount })),
          ({ now, amount, enough }) => {
            level = Math.max(0, level - (now - at) / 50);
            at = now;
            expect(enough).toBe(level + amount <= 7 + 1e-6);
            if (enough) level += amount;
          },
        );
      }),
    );
  });

  test('counts units where there are 10^15 of them', () => {
    const algorithm = algorithmOf({
      name: 'r',
      algorithm: 'rate',
      limit: 1e15,
      windowMs: 60_000,
      onStoreLoss: 'limit',
    });
    const usage = algorithm.fresh();
    algorithm.take(usage, 1e15 - 3, START);
    for (let left = 3; left > 0; left--) {
      expect(algorithm.remaining(usage, START)).toBe(left);
      algorithm.take(usage, 1, START);
    }
    expect(algorithm.waitMs(usage, 1, START)).toBe(1);
  });

  test('gives back what was not used, but not what it has refilled by then', () => {
    const algorithm = algorithmOf({
      name: 'r',
      algorithm: 'rate',
      limit: 10,
      windowMs: 1000,
      onStoreLoss: 'limit',
    });
    const usage = algorithm.fresh();
    algorithm.take(usage, 10, START);
    algorithm.adjust(usage, -4, START, START);
    expect(algorithm.remaining(usage, START)).toBe(4);
    algorithm.take(usage, 4, START);
    // All has refilled; ten others are admitted. Of the first four nothing is left to give back.
    algorithm.take(usage, 10, START + 1000);
    algorithm.adjust(usage, -4, START, START + 1000);
    expect(algorithm.remaining(usage, START + 1000)).toBe(0);
  });
});

describe('a quota', () => {
  test.each(['minute', 'hour', 'day', 'week', 'month'] as const)('of a %s is exact', (period) => {
    const length = { minute: 6e4, hour: 36e5, day: 864e5, week: 6048e5, month: 26784e5 }[period];
    const rule: LimitRule = { name: 'q', algorithm: 'quota', limit: 9, period, onStoreLoss: 'limit' };
    fc.assert(
      fc.property(steps(length / 3), (list) => {
        run(rule, list, ({ now, amount, enough, log }) => {
          const inPeriod = log.filter(({ at }) => startOf(period, at) === startOf(period, now));
          expect(enough).toBe(sum(inPeriod) + amount <= 9);
        });
      }),
      { numRuns: 40 },
    );
  });

  test('begins with calendar periods in UTC', () => {
    const at = (text: string) => Date.parse(`${text}Z`);
    expect(startOf('week', at('2026-11-29T23:59:59.999'))).toBe(at('2026-11-23T00:00'));
    expect(startOf('week', at('2026-11-30T00:00'))).toBe(at('2026-11-30T00:00'));
    expect(startOf('month', at('2028-02-29T12:00'))).toBe(at('2028-02-01T00:00'));
    expect(endOf('month', at('2028-02-01T00:00'))).toBe(at('2028-03-01T00:00'));
    expect(endOf('month', at('2026-12-01T00:00'))).toBe(at('2027-01-01T00:00'));
    expect(startOf('day', at('1969-12-31T12:00'))).toBe(at('1969-12-31T00:00'));
  });

  test('has what was taken in a period given back in that one only', () => {
    const algorithm = algorithmOf({
      name: 'q',
      algorithm: 'quota',
      limit: 10,
      period: 'day',
      onStoreLoss: 'limit',
    });
    const usage = algorithm.fresh();
    const midnight = startOf('day', START) + 864e5;
    algorithm.take(usage, 8, midnight - 1);
    algorithm.take(usage, 5, midnight);
    algorithm.adjust(usage, -8, midnight - 1, midnight + 1);
    expect(algorithm.remaining(usage, midnight + 1)).toBe(5);
    algorithm.adjust(usage, 4, midnight, midnight + 2);
    expect(algorithm.remaining(usage, midnight + 2)).toBe(1);
  });
});

describe('a rolling window', () => {
  test('never admits more in any window, and has each unit back a sixtieth later at most', () => {
    fc.assert(
      fc.property(steps(500), fc.constantFrom(1000, 997, 60_000), (list, windowMs) => {
        const rule: LimitRule = { name: 'w', algorithm: 'rolling', limit: 9, windowMs, onStoreLoss: 'limit' };
        run(rule, list, ({ now, amount, enough, log }) => {
          const within = (ms: number) => sum(log.filter(({ at }) => at > now - ms));
          if (enough) expect(within(windowMs) + amount).toBeLessThanOrEqual(9);
          else expect(within((windowMs * 61) / 60 + 1) + amount).toBeGreaterThan(9);
        });
      }),
    );
  });

  test('keeps as many numbers as there are sixtieths, however much is used', () => {
    const algorithm = algorithmOf({
      name: 'w',
      algorithm: 'rolling',
      limit: 1e6,
      windowMs: 6000,
      onStoreLoss: 'limit',
    });
    const usage = algorithm.fresh();
    for (let now = START; now < START + 20_000; now += 7) algorithm.take(usage, 1, now);
    expect(usage.length).toBeLessThanOrEqual(1 + 2 * 61);
    expect(algorithm.used(usage, START + 20_000).reduce((total, { amount }) => total + amount, 0)).toBe(
      usage[0],
    );
  });
});

describe('where the clock goes back', () => {
  test.each([
    { name: 'l', algorithm: 'rate', limit: 5, windowMs: 60_000 },
    { name: 'l', algorithm: 'rolling', limit: 5, windowMs: 60_000 },
    { name: 'l', algorithm: 'quota', limit: 5, period: 'minute' },
  ] as const)('a $algorithm gives nothing back', (rule) => {
    const algorithm = algorithmOf({ ...rule, onStoreLoss: 'limit' });
    const usage = algorithm.fresh();
    algorithm.take(usage, 5, START);
    expect(algorithm.remaining(usage, START - 300_000)).toBe(0);
    expect(algorithm.remaining(usage, START)).toBe(0);
    const wait = algorithm.waitMs(usage, 1, START);
    expect(algorithm.remaining(usage.slice(), START + wait)).toBeGreaterThanOrEqual(1 - 1e-6);
    // A clock that was wrong by years locks nobody out for years.
    const wrong = algorithm.fresh();
    algorithm.take(wrong, 5, START + 1e11);
    expect(algorithm.remaining(wrong, START)).toBe(0);
    expect(algorithm.resetMs(wrong, START)).toBeLessThanOrEqual(61_000);
  });
});

describe('the steady clock', () => {
  test('goes on evenly where the machine’s clock is set, and follows it slowly', () => {
    let wall = START;
    let monotonic = 1000;
    const clock = steadyClock(
      () => wall,
      () => monotonic,
    );
    const pass = (ms: number) => {
      wall += ms;
      monotonic += ms;
      return clock();
    };
    expect(pass(1000)).toBe(START + 1000);
    wall += 300_000;
    expect(pass(0)).toBe(START + 1000);
    expect(pass(10_000)).toBe(START + 11_020);
    wall -= 600_000;
    expect(pass(10_000)).toBe(START + 21_000);
    wall += 300_000;
    for (let hours = 0; hours < 100; hours++) pass(3_600_000);
    expect(clock()).toBe(wall);
  });

  test('believes the machine where it slept', () => {
    let wall = START;
    const clock = steadyClock(
      () => wall,
      () => 0,
    );
    wall += 8 * 3_600_000;
    expect(clock()).toBe(wall);
  });
});
