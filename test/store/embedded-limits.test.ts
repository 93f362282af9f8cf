/** Limits of one process, and what the SQLite file keeps of them: however the process ends, nothing is given back. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { storeSettings } from '../../src/load/settings/store-settings.ts';
import { EmbeddedLimits } from '../../src/store/embedded/embedded-limits.ts';
import type { Demand, LimitRule } from '../../src/store/limit-store.ts';
import { steadyClock } from '../../src/store/limits/steady-clock.ts';
import { openStore } from '../../src/store/open.ts';
import { LimitProcess } from '../support/limit-process.ts';

const LIMIT = 800;
const RULES = (
  [
    { algorithm: 'quota', period: 'month' },
    { algorithm: 'rate', windowMs: 86_400_000_000 },
    { algorithm: 'rolling', windowMs: 86_400_000 },
  ] as const
).map((rule): LimitRule => ({ name: 'limit', limit: LIMIT, onStoreLoss: 'limit', ...rule }));
const log = pino({ level: 'silent' });
const demand = (rule: LimitRule, amount = 1, partition = 'acme'): Demand => ({ rule, partition, amount });
const left = (limits: EmbeddedLimits, rule: LimitRule, partition = 'acme'): number =>
  limits.reserve([demand(rule, 0, partition)]).states[0]!.remaining;

let root: string;
let file: string;
/** As the store opens it. */
const openDatabase = (): DatabaseSync => {
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
  return database;
};
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hem-limits-'));
  file = join(root, 'limits.sqlite');
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe.each(RULES)('$algorithm', (rule) => {
  test('a restart changes nothing', () => {
    for (const remaining of [790, 780, 770]) {
      const database = openDatabase();
      const limits = new EmbeddedLimits(database, { log });
      expect(limits.reserve([demand(rule, 15)]).admitted).toBe(true);
      limits.reserve([demand(rule, 15)]).settle([10]);
      limits.reserve([demand(rule, 15)]).settle([0]);
      const more = limits.reserve([demand(rule, 1)]);
      more.settle([5]);
      limits.reserve([demand(rule, 5)]).settle([0]);
      limits.reserve([demand(rule, LIMIT)]).settle([0]);
      expect(left(limits, rule)).toBe(remaining - (800 - remaining) * 2);
      limits[Symbol.dispose]();
      database.close();
    }
  });

  test('SIGKILL gives nothing back, and costs a sixteenth of the limit at most', {
    timeout: 60_000,
  }, async () => {
    let used = 0;
    for (let turn = 0; turn < 2; turn++) {
      using worker = new LimitProcess({
        ...{ store: { kind: 'embedded', file }, root, rules: [rule], partition: 'acme', callers: 1 },
        ...{ turns: 1000, pauseMs: 1, settles: false, tells: true, ends: false },
      });
      const admittedSoFar = () => worker.used?.admitted ?? 0;
      await expect.poll(admittedSoFar, { timeout: 20_000 }).toBeGreaterThan(60 + turn * 30);
      await worker.kill();
      used += admittedSoFar();
    }
    const database = openDatabase();
    const limits = new EmbeddedLimits(database, { log });
    // Each turn may have admitted one that it could not tell any more.
    expect(left(limits, rule)).toBeLessThanOrEqual(LIMIT - used);
    expect(left(limits, rule)).toBeGreaterThanOrEqual(LIMIT - used - 2 * (LIMIT / 16 + 1));
    limits[Symbol.dispose]();
    database.close();
  });

  test('what was given back is there again, however the process ends', () => {
    const database = openDatabase();
    const limits = new EmbeddedLimits(database, { log });
    limits.reserve([demand(rule, 700)]).settle([3]);
    const many = Array.from({ length: 70 }, () => limits.reserve([demand(rule, 10)]));
    for (const reservation of many) reservation.settle([1]);
    // As after a kill: nothing more is written.
    const after = new EmbeddedLimits(openDatabase(), { log });
    expect(left(after, rule)).toBeLessThanOrEqual(LIMIT - 73);
    expect(left(after, rule)).toBeGreaterThanOrEqual(LIMIT - 73 - (2 * LIMIT) / 16 - 1);
    after[Symbol.dispose]();
    limits[Symbol.dispose]();
    database.close();
  });

  test('partitions that there is no room for in memory are in the file', () => {
    const database = openDatabase();
    const limits = new EmbeddedLimits(database, { log, maxKept: 50 });
    const names = Array.from({ length: 300 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
    for (const name of names) expect(limits.reserve([demand(rule, LIMIT - 7, name)]).admitted).toBe(true);
    for (const name of names) expect(left(limits, rule, name)).toBe(7);
    limits[Symbol.dispose]();
    database.close();
  });

  test('the machine’s clock may be set', () => {
    let wall = Date.UTC(2026, 9, 31, 23, 58);
    let monotonic = 0;
    const clock = steadyClock(
      () => wall,
      () => monotonic,
    );
    const database = openDatabase();
    const short: LimitRule =
      rule.algorithm === 'quota' ? { ...rule, period: 'minute' } : { ...rule, windowMs: 60_000 };
    const limits = new EmbeddedLimits(database, { log, clock });
    let admitted = 0;
    for (let second = 0; second < 240; second++) {
      if (second % 20 === 10) wall += second % 40 === 10 ? 300_000 : -300_000;
      wall += 1000;
      monotonic += 1000;
      while (limits.reserve([demand(short, 20)]).admitted) admitted += 20;
    }
    // Four minutes: a full limit at the start, and one for each minute, whatever the clock said; the clock is followed by a 500th.
    expect(admitted).toBeGreaterThanOrEqual(4 * LIMIT * 0.95);
    expect(admitted).toBeLessThanOrEqual(5 * LIMIT * 1.01);
    limits[Symbol.dispose]();
    database.close();
  });
});

test('what runs ends with the process', () => {
  const rule: LimitRule = { name: 'running', algorithm: 'concurrency', limit: 2, onStoreLoss: 'limit' };
  const database = openDatabase();
  const limits = new EmbeddedLimits(database, { log, maxKept: 10 });
  const reservation = limits.reserve([demand(rule, 2)]);
  // Others come and go: what runs is not forgotten.
  for (let other = 0; other < 100; other++) limits.reserve([demand(rule, 1, `other-${other}`)]).settle([]);
  expect(left(limits, rule)).toBe(0);
  expect(left(new EmbeddedLimits(database, { log }), rule)).toBe(2);
  reservation.settle([]);
  expect(left(limits, rule)).toBe(2);
  limits[Symbol.dispose]();
  database.close();
});

test('where the file takes nothing any more, limits hold on in memory', () => {
  const database = openDatabase();
  const errors: unknown[] = [];
  const telling = pino({ level: 'warn' }, { write: (line: string) => errors.push(JSON.parse(line)) });
  const limits = new EmbeddedLimits(database, { log: telling });
  database.close();
  for (const rule of RULES) {
    expect(limits.reserve([demand(rule, LIMIT)]).admitted).toBe(true);
    expect(limits.reserve([demand(rule, 1)]).admitted).toBe(false);
  }
  limits[Symbol.dispose]();
  expect(errors).toHaveLength(1);
});

test('what is over is removed from the file', () => {
  let now = Date.UTC(2026, 10, 26);
  const database = openDatabase();
  const rule: LimitRule = { ...RULES[2]!, windowMs: 1000 };
  const rows = () => database.prepare('SELECT count(*) AS n FROM limits').get()!.n;
  const limits = new EmbeddedLimits(database, { log, clock: () => now });
  for (let index = 0; index < 10; index++) limits.reserve([demand(rule, 1, `p${index}`)]);
  expect(rows()).toBe(10);
  limits.sweep();
  expect(rows()).toBe(10);
  now += 2000;
  limits.sweep();
  expect(rows()).toBe(0);
  limits[Symbol.dispose]();
  database.close();
});

test('no file is made where there are no limits', async () => {
  const settings = storeSettings.parse({ kind: 'embedded' });
  const unused = await openStore(settings, root, log);
  await unused[Symbol.asyncDispose]();
  expect(existsSync(join(root, '.hem'))).toBe(false);
  const used = await openStore(settings, root, log);
  await used.limits().reserve([demand(RULES[0]!)]);
  await used[Symbol.asyncDispose]();
  expect(existsSync(join(root, '.hem/store.sqlite'))).toBe(true);
});
