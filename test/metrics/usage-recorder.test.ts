/** What becomes of usage while the store is away: held, handed in again, counted once, and lost only where that is told. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { usageSettings } from '../../src/load/settings/metrics-settings.ts';
import { storeSettings } from '../../src/load/settings/store-settings.ts';
import { OperationUse } from '../../src/metrics/operation-use.ts';
import { UsageRecorder } from '../../src/metrics/usage-recorder.ts';
import { reportUsage } from '../../src/metrics/usage-report.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { freePort } from '../support/services/daemon.ts';
import { redis } from '../support/services/redis.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const log = pino({ level: 'silent' });
const settings = usageSettings.parse({});

/** One operation of a consumer. */
function use(recorder: UsageRecorder, consumer: string, ...fields: readonly string[]): void {
  const operation = new OperationUse([], () => ({ fields, args: [], enumValues: [], variables: new Set() }));
  const tally = operation.tallyOf(consumer);
  tally.count = 1;
  tally.firstAt = performance.now();
  tally.lastAt = performance.now();
  recorder.used('web', tally);
}

/** How often each field was used, by consumer. */
async function counted(store: Store): Promise<Readonly<Record<string, number>>> {
  const { rows } = await reportUsage(
    store.usage(),
    { since: Date.now() - 60_000, until: Date.now() + 1 },
    settings,
  );
  return Object.fromEntries(
    rows.map(({ consumer, coordinate, count }) => [`${consumer} ${coordinate}`, count]),
  );
}

async function open(url: string, prefix: string, timeout: string): Promise<Store> {
  const store = await openStore(storeSettings.parse({ kind: 'redis', url, prefix, timeout }), '', log);
  await until(() => store.isUp);
  return store;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let times = 0; times < 500; times++) {
    if (await condition()) return;
    await sleep(10);
  }
  throw new Error('not within 5 s');
}

describe('a store that answers late', () => {
  it('has what was handed in twice once', async () => {
    const prefix = `late-${crypto.randomUUID()}`;
    await using proxy = await TcpProxy.before(process.env.HEM_TEST_REDIS_URL!);
    await using slow = await open(proxy.url, prefix, '100ms');
    await using direct = await open(process.env.HEM_TEST_REDIS_URL!, prefix, '1s');
    const recorder = new UsageRecorder(() => slow.usage(), { settings, log });
    use(recorder, 'acme', 'A.x');
    proxy.delay(300);
    // It reaches Redis after its time is over: nobody can know.
    await recorder.flush();
    await until(async () => (await counted(direct))['acme A.x'] === 1);
    use(recorder, 'acme', 'A.x');
    proxy.delay(0);
    await sleep(400);
    await recorder.flush();
    expect(await counted(direct)).toEqual({ 'acme A.x': 2 });
    await recorder.flush();
    expect(await counted(direct)).toEqual({ 'acme A.x': 2 });
  });
});

describe('a store that is killed', () => {
  it('gets what was held when it is back, and what was held up to a bound', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'hem-redis-'));
    const port = await freePort();
    const start = () => redis.start({ directory, port } as never);
    const url = redis.url(port);
    let server = await start();
    try {
      await using store = await open(url, 'killed', '200ms');
      const recorder = new UsageRecorder(() => store.usage(), { settings, log, maxHeld: 3 });
      use(recorder, 'acme', 'A.x');
      await server[Symbol.asyncDispose]();
      await until(() => !store.isUp);
      await recorder.flush();
      use(recorder, 'acme', 'A.x', 'A.y');
      await recorder.flush();
      server = await start();
      await until(() => store.isUp);
      await recorder.flush();
      expect(await counted(store)).toEqual({ 'acme A.x': 2, 'acme A.y': 1 });

      // Three are held, what comes then is lost, and that is told.
      for (const field of ['B.a', 'B.b', 'B.c', 'B.d', 'B.e']) use(recorder, 'acme', field);
      await sleep(1100);
      await recorder.flush();
      use(recorder, 'acme', 'B.d');
      await sleep(10);
      await recorder.flush();
      expect(await counted(store)).toMatchObject({
        'acme B.a': 1,
        'acme B.b': 1,
        'acme B.c': 1,
        'acme B.d': 1,
      });
      const report = await reportUsage(
        store.usage(),
        { since: Date.now() - 60_000, until: Date.now() },
        settings,
      );
      const gaps = report.counted.gaps.filter(({ since }) => since !== report.window.since);
      expect(gaps).toHaveLength(1);
      expect(gaps[0]!.until - gaps[0]!.since).toBeGreaterThan(1000);
    } finally {
      await server[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    }
  });
});

it('what a store has lost was not counted, whoever else counted meanwhile', async () => {
  const url = process.env.HEM_TEST_REDIS_URL!;
  const prefix = `emptied-${crypto.randomUUID()}`;
  await using store = await open(url, prefix, '1s');
  const startedAt = Date.now();
  const [recorder, other] = [0, 1].map(() => new UsageRecorder(() => store.usage(), { settings, log }));
  await sleep(1200);
  use(recorder!, 'acme', 'A.x');
  const flushingAt = Date.now();
  await recorder!.flush();
  const client = new Redis(url);
  try {
    await client.del(...(await client.keys(`*${prefix}*`)));
  } finally {
    client.disconnect();
  }
  // Of another one nothing was there yet, so that nothing of it is lost.
  use(other!, 'acme', 'A.z');
  await other!.flush();
  use(recorder!, 'acme', 'A.y');
  await recorder!.flush();
  const report = await reportUsage(store.usage(), { since: startedAt, until: Date.now() }, settings);
  expect(report.rows).toMatchObject([{ coordinate: 'A.y' }, { coordinate: 'A.z' }]);
  const [gap] = report.counted.gaps.filter(({ until }) => until > startedAt + 1000);
  expect(gap!.since).toBeLessThanOrEqual(startedAt + 200);
  expect(gap!.until).toBeGreaterThanOrEqual(flushingAt);
  expect(gap!.until).toBeLessThanOrEqual(Date.now());
});

it('the last counts are handed in at the end; an end without a store does not wait for long, and tells what is lost', async () => {
  const prefix = `end-${crypto.randomUUID()}`;
  await using proxy = await TcpProxy.before(process.env.HEM_TEST_REDIS_URL!);
  await using store = await open(proxy.url, prefix, '1s');
  const lines: string[] = [];
  const told = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const recorder = new UsageRecorder(() => store.usage(), { settings, log: told });
  use(recorder, '-', 'A.x');
  await recorder[Symbol.asyncDispose]();
  expect(lines).toEqual([]);
  expect(await counted(store)).toEqual({ '- A.x': 1 });
  proxy.hang();
  use(recorder, '-', 'A.x');
  const startedAt = performance.now();
  await recorder[Symbol.asyncDispose]();
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({
    msg: 'usage was lost: the store did not take it before the end',
    lost: 1,
  });
});
