/** Redis counts as this process does: the same steps by the scripts and by the algorithms, at times that the test chooses. */
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LimitRule } from '../../src/store/limit-store.ts';
import { algorithmOf } from '../../src/store/limits/algorithm.ts';
import { decide } from '../../src/store/limits/decide.ts';
import { meterOf } from '../../src/store/limits/meter.ts';
import { LimitCommands } from '../../src/store/redis/limits/limit-commands.ts';
import { LIMIT_SCRIPTS } from '../../src/store/redis/limits/limit-scripts.ts';
import { Share } from '../../src/store/redis/limits/share.ts';

const TIME = "redis.call('TIME')";
const EXPIRY = ", 'PX', string.format('%.0f', ttl)";
/** Keys expire by the clock of the server, which is not that of the test. */
const AT =
  "(function() local at = tonumber(redis.call('GET', 'time')) return { math.floor(at / 1000), at % 1000 * 1000 } end)()";

let client: Redis;
let commands: LimitCommands;
const prefix = `scripts-${process.pid}`;
let count = 0;

beforeAll(() => {
  client = new Redis(process.env.HEM_TEST_REDIS_URL ?? '');
  commands = new LimitCommands({ client, prefix, isWhole: true }, 1);
  const timeKey = `${prefix}:time`;
  for (const name of ['hemLimitsReserve', 'hemLimitsAdjust'] as const) {
    const lua = LIMIT_SCRIPTS[name];
    expect(lua.split(TIME)).toHaveLength(2);
    expect(lua.split(EXPIRY)).toHaveLength(2);
    client.defineCommand(name, { lua: lua.replace(TIME, AT.replace('time', timeKey)).replace(EXPIRY, '') });
  }
});
afterAll(async () => {
  const keys = await client.keys(`${prefix}:*`);
  if (keys.length > 0) await client.del(...keys);
  client.disconnect();
});

const PERIODS = { minute: 6e4, hour: 36e5, day: 864e5, week: 6048e5, month: 26784e5 } as const;
const rules: ReadonlyArray<readonly [string, LimitRule, number]> = [
  ['a rate', { name: 'l', algorithm: 'rate', limit: 13, burst: 7, windowMs: 997, onStoreLoss: 'limit' }, 500],
  [
    'a rolling window',
    { name: 'l', algorithm: 'rolling', limit: 9, windowMs: 997, onStoreLoss: 'limit' },
    500,
  ],
  ...Object.entries(PERIODS).map(([period, ms]): readonly [string, LimitRule, number] => [
    `a quota of a ${period}`,
    { name: 'l', algorithm: 'quota', limit: 9, period: period as keyof typeof PERIODS, onStoreLoss: 'limit' },
    ms / 2,
  ]),
];

test.each(rules)('%s', { timeout: 60_000 }, async (_, rule, longestMs) => {
  const step = fc.record({
    // Clocks also go back.
    afterMs: fc.oneof(
      { weight: 1, arbitrary: fc.constant(0) },
      { weight: 6, arbitrary: fc.nat(longestMs) },
      {
        weight: 1,
        arbitrary: fc.integer({ min: -longestMs, max: 0 }),
      },
    ),
    amount: fc.nat(10),
    adjusts: fc.option(fc.record({ difference: fc.integer({ min: -6, max: 6 }), agoMs: fc.nat(longestMs) })),
  });
  const start = fc.integer({ min: Date.UTC(1999, 11), max: Date.UTC(2101, 2) });
  await fc.assert(
    fc.asyncProperty(start, fc.array(step, { maxLength: 25 }), async (startsAt, steps) => {
      const share = new Share(`p${++count}`, meterOf(rule));
      const algorithm = algorithmOf(rule);
      let usage = algorithm.fresh();
      let now = startsAt;
      for (const { afterMs, amount, adjusts } of steps) {
        now += afterMs;
        await client.set(`${prefix}:time`, now);
        if (adjusts !== null) {
          const { difference, agoMs } = adjusts;
          algorithm.adjust(usage, difference, now - agoMs, now);
          // Of what is not used Redis keeps nothing.
          if (algorithm.resetMs(usage, now) === 0) usage = algorithm.fresh();
          await commands.adjust([{ share, difference, at: now - agoMs }]);
        }
        const demand = { rule, partition: share.tag, amount };
        const before = usage.slice();
        const { admitted, states } = decide([demand], [{ algorithm, usage }], now);
        const verdict = await commands.reserve([{ share, amount, isShadow: false, ahead: 0 }]);
        // Redis writes only what is taken, and does not know of the times in between.
        if (!admitted || amount === 0) usage = before;
        const { remaining, resetMs, retryAfterMs } = states[0]!;
        expect(verdict).toEqual({
          admitted,
          now,
          answers: [{ enough: admitted, remaining, resetMs, retryAfterMs, ahead: 0 }],
        });
      }
    }),
    { numRuns: 40 },
  );
});
