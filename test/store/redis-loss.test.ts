/** Redis killed, frozen, cut off, read-only, full: what is decided meanwhile, and what it is told when it is back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RedisSettings, storeSettings } from '../../src/load/settings/store-settings.ts';
import type { Demand, LimitRule, Reservation } from '../../src/store/limit-store.ts';
import { RedisLimits } from '../../src/store/redis/limits/redis-limits.ts';
import { PrivateRedis } from '../support/private-redis.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

let server: PrivateRedis;
let proxy: TcpProxy & { readonly url: string };
let count = 0;
let partition: string;

beforeAll(async () => {
  // What it has answered is on its disk: what it is told after a kill has to fit that.
  server = await PrivateRedis.start({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  proxy = await TcpProxy.before(server.url);
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});
beforeEach(async () => {
  partition = `case-${++count}`;
  // Whatever became of the case before.
  proxy.accept();
  proxy.resume();
  if (!server.isRunning) await server.start();
});

const until = { timeout: 10_000 };
const quota = (limit: number, onStoreLoss: LimitRule['onStoreLoss'] = 'limit'): LimitRule => ({
  name: 'quota',
  algorithm: 'quota',
  limit,
  period: 'month',
  onStoreLoss,
});
const demand = (rule: LimitRule, amount = 1): Demand => ({ rule, partition, amount });

/** As many processes, as far as Redis can tell. Each has heard of the others. */
async function openProcesses(number: number, urls: readonly string[] = [proxy.url]): Promise<Processes> {
  const settings = (url: string) =>
    storeSettings.parse({
      kind: 'redis',
      url,
      prefix: `loss-${count}`,
      // A machine that is busy with other tests takes its time.
      timeout: '250ms',
    }) as RedisSettings;
  const log = pino({ level: process.env.HEM_TEST_LOG ?? 'silent' });
  const processes = Array.from(
    { length: number },
    (_, index) => new RedisLimits(settings(urls[index % urls.length]!), log),
  );
  const rule = quota(1);
  // Heartbeats come every two seconds: the last one to begin is known to all with the next.
  if (number > 1) await sleep(2300);
  for (const limits of processes) {
    await expect.poll(async () => (await limits.reserve([demand(rule, 0)])).decidedBy, until).toBe('store');
  }
  return Object.assign(processes, {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(processes.map((limits) => limits[Symbol.asyncDispose]()));
    },
  });
}
type Processes = RedisLimits[] & AsyncDisposable;

/** Reserves until it is refused. None may take longer than the store's time, and what is decided alone takes none. */
async function useUp(limits: RedisLimits, rule: LimitRule, most = 1000): Promise<number> {
  let admitted = 0;
  for (; admitted < most; admitted++) {
    const reservation = await limits.reserve([demand(rule)]);
    if (!reservation.admitted) break;
  }
  return admitted;
}

const remaining = async (limits: RedisLimits, rule: LimitRule): Promise<number | string> => {
  const { decidedBy, states } = await limits.reserve([demand(rule, 0)]);
  return decidedBy === 'store' ? states[0]!.remaining : decidedBy;
};

/** Decided without waiting for anything, by this process. */
function alone(reservation: Reservation | Promise<Reservation>): Reservation {
  expect(reservation).not.toBeInstanceOf(Promise);
  expect((reservation as Reservation).decidedBy).toBe('process');
  return reservation as Reservation;
}

describe('killed', () => {
  test('each process has its share of what was left, and Redis is told exactly that', {
    timeout: 60_000,
  }, async () => {
    await using processes = await openProcesses(2);
    const [first, second] = [processes[0]!, processes[1]!];
    const [strict, open] = [quota(100), { ...quota(100, 'availability'), name: 'open' }];
    await first.reserve([demand(strict, 41), demand(open, 41)]);
    await second.reserve([demand(strict, 0), demand(open, 0)]);
    await server.kill();
    await expect
      .poll(async () => (await first.reserve([demand(strict, 0)])).decidedBy, until)
      .toBe('process');
    await expect
      .poll(async () => (await second.reserve([demand(strict, 0)])).decidedBy, until)
      .toBe('process');
    for (const limits of processes) {
      const { states } = alone(limits.reserve([demand(strict, 30)]));
      expect(states[0]).toMatchObject({ admitted: false, remaining: 29 });
      expect(states[0]!.retryAfterMs).toBeLessThan(Infinity);
      alone(limits.reserve([demand(strict, 9)])).settle([8]);
      expect(await useUp(limits, strict)).toBe(21);
      expect(await useUp(limits, open)).toBe(100);
    }
    await server.start();
    for (const limits of processes) await expect.poll(() => remaining(limits, strict), until).toBe(1);
    expect(await remaining(second, open)).toBe(0);
    // Told once: it does not become more.
    await sleep(500);
    expect(await remaining(first, strict)).toBe(1);
  });

  test('under load nobody waits, nothing fails, and all that is admitted is counted', {
    timeout: 60_000,
  }, async () => {
    await using processes = await openProcesses(2);
    const rule = quota(1e6, 'availability');
    // More than a thousandth of the limit: each of them asks.
    const amount = 1001;
    let admitted = 0;
    let byProcess = 0;
    let longestMs = 0;
    let isRunning = true;
    const callers = processes.flatMap((limits) =>
      Array.from({ length: 10 }, async () => {
        while (isRunning) {
          const startedAt = performance.now();
          const reservation = await limits.reserve([demand(rule, amount)]);
          // The time of a command, and what a busy machine adds.
          longestMs = Math.max(longestMs, performance.now() - startedAt);
          if (reservation.admitted) admitted++;
          if (reservation.decidedBy === 'process') byProcess++;
          // All that is taken, also while each process decides alone, is less than the limit.
          await sleep(120);
        }
      }),
    );
    await sleep(300);
    await server.kill();
    await sleep(400);
    await server.start();
    await expect.poll(() => remaining(processes[0]!, rule), until).not.toBe('process');
    await expect.poll(() => remaining(processes[1]!, rule), until).not.toBe('process');
    isRunning = false;
    await Promise.all(callers);
    expect(byProcess).toBeGreaterThan(0);
    expect(longestMs).toBeLessThan(1500);
    const counted = (1e6 - ((await remaining(processes[0]!, rule)) as number)) / amount;
    // What was under way when it was killed may have been counted without an answer, or not at all: it is not told again.
    expect(counted).toBeLessThanOrEqual(admitted + 20);
    expect(counted).toBeGreaterThanOrEqual(admitted - 20);
  });

  test('what runs goes on, and Redis learns of it though it lost everything', {
    timeout: 60_000,
  }, async () => {
    await using processes = await openProcesses(1);
    const limits = processes[0]!;
    const rule: LimitRule = { name: 'running', algorithm: 'concurrency', limit: 4, onStoreLoss: 'limit' };
    const before = [await limits.reserve([demand(rule)]), await limits.reserve([demand(rule)])];
    await server.command('flushall');
    proxy.refuse();
    await expect.poll(async () => (await limits.reserve([demand(rule, 0)])).decidedBy, until).toBe('process');
    before[0]!.settle([]);
    const during = [limits.reserve([demand(rule)]), limits.reserve([demand(rule)])].map(alone);
    expect(during.map(({ admitted }) => admitted)).toEqual([true, true]);
    during[1]!.settle([]);
    proxy.accept();
    await expect.poll(() => remaining(limits, rule), until).toBe(2);
    before[1]!.settle([]);
    during[0]!.settle([]);
    await expect.poll(() => remaining(limits, rule), until).toBe(4);
  });
});

test('what more partitions used than there is memory for is told, too', { timeout: 60_000 }, async () => {
  await using _ = await openProcesses(1);
  const settings = storeSettings.parse({
    kind: 'redis',
    url: proxy.url,
    prefix: `loss-${count}`,
    timeout: '250ms',
  });
  await using limits = new RedisLimits(settings as RedisSettings, pino({ level: 'silent' }), { maxKept: 20 });
  const rule = quota(10);
  await expect.poll(() => remaining(limits, rule), until).toBe(10);
  proxy.refuse();
  await expect.poll(async () => (await limits.reserve([demand(rule, 0)])).decidedBy, until).toBe('process');
  const names = Array.from({ length: 200 }, (_, index) => `address-${index}`);
  for (const name of names) alone(limits.reserve([{ ...demand(rule, 4), partition: name }])).settle([3]);
  proxy.accept();
  await expect.poll(() => remaining(limits, rule), until).toBe(10);
  for (const name of names) {
    const { states } = await limits.reserve([{ ...demand(rule, 0), partition: name }]);
    expect([name, states[0]!.remaining]).toEqual([name, 7]);
  }
});

test('scripts that Redis has forgotten are sent again', async () => {
  await using processes = await openProcesses(1);
  const rule = quota(10);
  await processes[0]!.reserve([demand(rule)]);
  await server.command('script', 'flush');
  expect((await processes[0]!.reserve([demand(rule)])).decidedBy).toBe('store');
  expect(await remaining(processes[0]!, rule)).toBe(8);
});

test('a Redis that comes and goes does not give anybody more', { timeout: 60_000 }, async () => {
  await using processes = await openProcesses(1);
  const limits = processes[0]!;
  const rule = quota(20);
  let admitted = 0;
  for (let turn = 0; turn < 3; turn++) {
    proxy.refuse();
    // Asked about another limit only: of this one nobody hears anything in between.
    const other: LimitRule = { ...rule, name: 'other' };
    const decidedBy = async () => (await limits.reserve([demand(other, 0)])).decidedBy;
    await expect.poll(decidedBy, until).toBe('process');
    admitted += await useUp(limits, rule, 12);
    proxy.accept();
    await expect.poll(decidedBy, until).toBe('store');
  }
  expect(admitted).toBe(20);
  expect(await remaining(limits, rule)).toBe(0);
});

test('who finds Redis again takes nothing of what others have admitted and not told yet', {
  timeout: 60_000,
}, async () => {
  await using other = await TcpProxy.before(server.url);
  await using processes = await openProcesses(2, [proxy.url, other.url]);
  const rule = quota(100);
  for (const limits of processes) await limits.reserve([demand(rule, 0)]);
  proxy.hang();
  other.hang();
  for (const limits of processes) {
    await expect.poll(async () => (await limits.reserve([demand(rule, 0)])).decidedBy, until).toBe('process');
    expect(await useUp(limits, rule)).toBe(50);
  }
  // A loss that is no matter of a moment.
  await sleep(600);
  proxy.resume();
  const watched = performance.now() + 1000;
  while (performance.now() < watched) {
    expect(await useUp(processes[0]!, rule)).toBe(0);
    await sleep(50);
  }
  other.resume();
  for (const limits of processes) await expect.poll(() => remaining(limits, rule), until).toBe(0);
});

describe('frozen', () => {
  test('those under way are decided in time, later ones at once; late answers count once', {
    timeout: 60_000,
  }, async () => {
    await using processes = await openProcesses(1);
    const limits = processes[0]!;
    const rule = quota(500);
    await limits.reserve([demand(rule, 100)]);
    proxy.hang();
    const asked = Array.from({ length: 10 }, () => limits.reserve([demand(rule)]));
    const decided = await Promise.all(asked);
    expect(decided.map(({ decidedBy, admitted }) => [decidedBy, admitted])).toEqual(
      Array.from({ length: 10 }, () => ['process', true]),
    );
    const more = Array.from({ length: 5 }, () => alone(limits.reserve([demand(rule, 2)])));
    // Settled before the answer comes, after it, and while nothing was asked.
    decided[0]!.settle([0]);
    more[0]!.settle([1]);
    proxy.resume();
    await expect.poll(() => remaining(limits, rule), until).toBe(500 - 100 - 9 - 9);
    decided[1]!.settle([0]);
    more[1]!.settle([0]);
    expect(await remaining(limits, rule)).toBe(500 - 100 - 8 - 7);
  });

  test('what was refused here and counted there is given back', { timeout: 60_000 }, async () => {
    await using processes = await openProcesses(2);
    const rule = quota(1);
    proxy.hang();
    const refused = await processes[0]!.reserve([demand(rule)]);
    expect([refused.decidedBy, refused.admitted]).toEqual(['process', false]);
    proxy.resume();
    await expect.poll(() => remaining(processes[0]!, rule), until).toBe(1);
  });

  test('connections that are cut are made again', { timeout: 60_000 }, async () => {
    await using processes = await openProcesses(1);
    const rule = quota(10);
    await processes[0]!.reserve([demand(rule, 4)]);
    proxy.cut();
    await expect
      .poll(async () => (await processes[0]!.reserve([demand(rule, 0)])).decidedBy, until)
      .toBe('process');
    alone(processes[0]!.reserve([demand(rule, 2)]));
    await expect.poll(() => remaining(processes[0]!, rule), until).toBe(4);
  });
});

describe('answering with errors', () => {
  const FAULTS: ReadonlyArray<readonly [string, readonly string[], readonly string[]]> = [
    ['out of memory', ['config', 'set', 'maxmemory', '1'], ['config', 'set', 'maxmemory', '0']],
    ['read-only', ['replicaof', '127.0.0.1', '1'], ['replicaof', 'no', 'one']],
    ['wanting a password', ['config', 'set', 'requirepass', 'secret'], ['config', 'set', 'requirepass', '']],
  ];
  test.each(FAULTS)('%s: it is as if it were gone', { timeout: 60_000 }, async (name, breaks, mends) => {
    await using processes = await openProcesses(1);
    const limits = processes[0]!;
    const rule = quota(20);
    const before = await limits.reserve([demand(rule, 4)]);
    await server.command(...(breaks as [string, ...string[]]));
    try {
      // Connections that were let in before stay.
      if (name === 'wanting a password') proxy.cut();
      // Nobody knows yet: it is sent, refused, and kept.
      else before.settle([1]);
      // A read-only server still looks.
      const other: LimitRule = { ...rule, name: 'other' };
      const isAlone = async () => (await limits.reserve([demand(other)])).decidedBy;
      await expect.poll(isAlone, until).toBe('process');
      expect(await useUp(limits, rule)).toBeGreaterThan(0);
      await sleep(300);
      expect(alone(limits.reserve([demand(rule)])).admitted).toBe(false);
    } finally {
      await (name === 'wanting a password'
        ? open(mends)
        : server.command(...(mends as [string, ...string[]])));
    }
    const left = name === 'wanting a password' ? 0 : 3;
    await expect.poll(() => remaining(limits, rule), until).toBe(left);
  });

  const open = async (command: readonly string[]): Promise<void> => {
    const { Redis } = await import('ioredis');
    const client = new Redis(server.url, { password: 'secret' });
    await client.call(...(command as [string, ...string[]]));
    client.disconnect();
  };
});

test('a wrong password is as good as no Redis, and stands in no log', { timeout: 30_000 }, async () => {
  await using guarded = await PrivateRedis.start();
  await guarded.command('config', 'set', 'requirepass', 'right');
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) });
  const settings = { kind: 'redis', url: guarded.url, username: 'default', password: 'wrong-secret' };
  await using limits = new RedisLimits(storeSettings.parse(settings) as RedisSettings, log);
  const decided = await limits.reserve([demand(quota(2))]);
  expect(decided).toMatchObject({ admitted: true, decidedBy: 'process' });
  await expect.poll(() => lines.join(''), until).toMatch(/WRONGPASS|NOAUTH/);
  expect(lines.join('')).not.toContain('wrong-secret');
});
