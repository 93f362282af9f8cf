/** The key `reconnect` of connector.yml and its pauses, which all kinds with lasting connections share. */
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Attempts, pauseMs, reconnect } from '../../src/upstream/reconnect.ts';

describe('the setting', () => {
  test('has the defaults of its kind', () => {
    expect(reconnect(250, 30_000).parse(undefined)).toEqual({ minMs: 250, maxMs: 30_000, attempts: 10 });
    expect(reconnect(250, 30_000).parse({ max: '1s' })).toEqual({ minMs: 250, maxMs: 1000, attempts: 10 });
  });

  test.each([{ min: '5s', max: '1s' }, { min: '0ms' }, { attempts: 0 }, { tries: 3 }])(
    'refuses %j',
    (given) => {
      expect(reconnect(250, 30_000).safeParse(given).success).toBe(false);
    },
  );
});

describe('pauses between attempts', () => {
  const bounds = { minMs: 250, maxMs: 30_000 };

  test('spreads the first attempt after a loss, then doubles, up to the maximum', () => {
    expect(pauseMs(bounds, 0, 0)).toBe(0);
    expect(pauseMs(bounds, 0, 1)).toBe(250);
    expect([1, 2, 3, 4].map((failures) => pauseMs(bounds, failures, 1))).toEqual([250, 500, 1000, 2000]);
    expect([1, 2, 3, 4].map((failures) => pauseMs(bounds, failures, 0))).toEqual([125, 250, 500, 1000]);
  });

  test('is bounded for any number of failures', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
        const delay = pauseMs(bounds, failures, random);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(30_000);
      }),
    );
  });
});

describe('attempts', () => {
  afterEach(() => void vi.useRealTimers());

  const settings = { minMs: 100, maxMs: 1000, attempts: 3 };
  const attempts = () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    return new Attempts(settings);
  };

  test('in vain are those that fail, and what they open when it does not stay', () => {
    const row = attempts();
    row.ended();
    row.opened();
    vi.advanceTimersByTime(4999);
    expect(row.ended()).toBeGreaterThanOrEqual(100);
    expect(row.inVain).toBe(2);
    expect(row.areOver).toBe(false);
    row.ended();
    expect(row.areOver).toBe(true);
  });

  test('what stayed begins a new row', () => {
    const row = attempts();
    row.ended();
    row.opened();
    vi.advanceTimersByTime(5000);
    expect(row.ended()).toBeLessThanOrEqual(100);
    expect(row.inVain).toBe(0);
  });

  test('what did what it is for was not in vain, but the next one waits longer all the same', () => {
    const row = attempts();
    row.ended();
    let pause = 0;
    for (let round = 0; round < 10; round++) {
      row.opened();
      row.proved();
      pause = row.ended();
      expect(row.inVain).toBe(0);
    }
    expect(pause).toBeGreaterThanOrEqual(500);
    row.ended();
    expect(row.inVain).toBe(1);
  });
});
