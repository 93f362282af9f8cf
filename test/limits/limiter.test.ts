/** What the door cannot show: who is told of decisions, who waits for whom, whose addresses are one, and problems for what is no GraphQL. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { Cancellation } from '../../src/cancellation.ts';
import { sendProblem } from '../../src/doors/refusal.ts';
import { Accounts } from '../../src/limits/accounts.ts';
import { Charge } from '../../src/limits/charge.ts';
import { limitHeaders } from '../../src/limits/headers.ts';
import { type Limit, toLimits } from '../../src/limits/limit.ts';
import { Limiter } from '../../src/limits/limiter.ts';
import { networkOf, partitionOf } from '../../src/limits/partition.ts';
import { refusedBy } from '../../src/limits/refused.ts';
import { limitSettings } from '../../src/load/settings/limit-settings.ts';
import { EmbeddedLimits } from '../../src/store/embedded/embedded-limits.ts';
import { readLimits } from './rate-limit.ts';

const log = pino({ level: 'silent' });
const caller = { client: 'web', address: '192.0.2.1' };
const opened: EmbeddedLimits[] = [];
afterEach(() => {
  for (const store of opened.splice(0)) store[Symbol.dispose]();
});

function open(settings: readonly unknown[]) {
  const told: string[] = [];
  const store = new EmbeddedLimits(new DatabaseSync(':memory:'), { log });
  opened.push(store);
  const limiter = new Limiter(store, {
    log,
    onDecision: (limit, outcome) => told.push(`${limit.name} ${outcome}`),
  });
  const limits = toLimits(
    settings.map((one) => limitSettings.parse(one)),
    'test',
  );
  const ask = async (left = new Cancellation()) => {
    const charge = chargeOf(limits);
    return limiter.decide(charge, left);
  };
  return { told, limits, limiter, ask };
}

function chargeOf(limits: readonly Limit[]): Charge {
  return new Charge(limits, new Accounts(limits, caller.client).of(caller), 1);
}

describe('who listens', () => {
  test('is told of each limit what became of it', async () => {
    const { told, ask } = open([
      { name: 'real', limit: 2, per: '1h' },
      { name: 'shadow', limit: 1, per: '1h', shadow: true },
    ]);
    for (let asked = 0; asked < 3; asked++) await ask();
    expect(told).toEqual([
      'real admitted',
      'shadow admitted',
      'real admitted',
      'shadow shadow',
      'real refused',
      'shadow shadow',
    ]);
  });

  test('is told that somebody waited', async () => {
    const { told, ask } = open([{ name: 'rate', limit: 50, per: '1s', burst: 1, delay: '5s' }]);
    await Promise.all([ask(), ask()]);
    expect(told).toEqual(['rate admitted', 'rate delayed']);
  });
});

test('the largest limit fits into the headers', async () => {
  const { ask, limits } = open([{ name: 'huge', limit: 1e15, per: 'month' }]);
  const headers = limitHeaders(chargeOf(limits), await ask());
  expect(readLimits(new Headers(headers))).toMatchObject({
    huge: { quota: 999_999_999_999_999, remaining: 999_999_999_999_999 },
  });
});

describe('who waits', () => {
  const RATE = { name: 'rate', limit: 100, per: '1s', burst: 1, delay: '5s' };

  test('goes in the order of coming', async () => {
    const { ask } = open([RATE]);
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        expect((await ask()).admitted).toBe(true);
        order.push(index);
      }),
    );
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('is one of a hundred: the rest is refused at once', async () => {
    // Slow enough that none is refilled while a busy machine asks for all of them.
    const { ask } = open([{ ...RATE, limit: 100, per: '20s', delay: '30s' }]);
    const leaving = new Cancellation();
    const all = Array.from({ length: 120 }, () => ask(leaving));
    const first = await Promise.race([
      ...all.slice(101),
      new Promise((resolve) => setTimeout(resolve, 5000)),
    ]);
    expect(first).toMatchObject({ admitted: false });
    expect(await Promise.all(all.slice(101))).toEqual(
      Array(19).fill(expect.objectContaining({ admitted: false })),
    );
    // Those who wait leave, and all of it is over at once.
    leaving.cancel();
    await Promise.all(all);
  });

  test('does not begin to wait where those before leave no time for it', async () => {
    const { ask } = open([{ name: 'rate', limit: 10, per: '1s', burst: 1, delay: '350ms' }]);
    await ask();
    const startedAt = performance.now();
    const asked = Array.from({ length: 9 }, async () => {
      const { admitted } = await ask();
      return { admitted, afterMs: performance.now() - startedAt };
    });
    const answers = await Promise.all(asked);
    const refused = answers.filter(({ admitted }) => !admitted);
    // The machine may be late by one.
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(2);
    expect(answers.length - refused.length).toBeLessThanOrEqual(3);
    // Who has to hear that others were late may wait; those who come after hear at once.
    for (const { afterMs } of refused.slice(1)) expect(afterMs).toBeLessThan(90);
  });

  test('gives up in time when others take all there is', async () => {
    const { ask } = open([{ ...RATE, limit: 10, delay: '250ms' }]);
    const admitted = (await Promise.all(Array.from({ length: 10 }, () => ask()))).filter(
      (one) => one.admitted,
    );
    expect(admitted.length).toBeGreaterThanOrEqual(2);
    expect(admitted.length).toBeLessThan(6);
  });

  test('leaves nothing behind by leaving', async () => {
    const { ask, told } = open([RATE]);
    await ask();
    const leaving = new Cancellation();
    const waiting = [ask(leaving), ask(leaving), ask()];
    leaving.cancel();
    expect((await Promise.all(waiting)).at(-1)!.admitted).toBe(true);
    // Of those who left nobody is told: they were not refused.
    expect(told.length).toBe(2);
  });
});

describe('an address', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['1::2:3:4:5:6', '1:0:0:2::/64'],
    ['no:address', 'no:address'],
    ['', ''],
  ])('%s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  test('is never taken for a key or a claim', () => {
    const principal = {
      kind: 'known',
      claims: { sub: 'ip:192.0.2.1', list: ['a'] },
      scopes: new Set<string>(),
      expiresAt: Infinity,
    } as const;
    const of = (by: Limit['by'], claim?: string) => partitionOf({ by, claim }, { ...caller, principal });
    expect(of('claim', 'sub')).toBe('claim:"ip:192.0.2.1"');
    for (const claim of ['list', 'absent', 'constructor', '__proto__'])
      expect(of('claim', claim)).toBe('ip:192.0.2.1');
    expect(of('key')).toBe('ip:192.0.2.1');
    expect(of('consumer')).toBe('ip:192.0.2.1');
    expect(of('client')).toBe('client:web');
  });
});

test('where there is no GraphQL, the refusal is a problem of the draft’s type', async () => {
  const { limits, limiter } = open([{ name: 'one', limit: 1, per: '1h' }]);
  const server = createServer(async (_request, response) => {
    const charge = chargeOf(limits);
    const reservation = await limiter.decide(charge, new Cancellation());
    for (const [name, value] of Object.entries(limitHeaders(charge, reservation)!))
      response.setHeader(name, value);
    if (reservation.admitted) response.end();
    else sendProblem(response, refusedBy(charge, reservation), 'r1');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const ask = () => fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    expect((await ask()).status).toBe(200);
    const response = await ask();
    expect([response.status, response.headers.get('content-type')]).toEqual([
      429,
      'application/problem+json',
    ]);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(3000);
    expect(await response.json()).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'LIMIT_EXCEEDED',
      status: 429,
      'violated-policies': ['one'],
      limit: { name: 'one', remaining: 0 },
      requestId: 'r1',
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
