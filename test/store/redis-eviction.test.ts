/** A Redis that may evict is told of in the log, once, whichever server it is, and where Hem may ask. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { storeSettings } from '../../src/load/settings/store-settings.ts';
import { openStore } from '../../src/store/open.ts';
import { PrivateRedis } from '../support/private-redis.ts';
import { RedisCluster } from '../support/redis-topologies.ts';

const until = { timeout: 10_000, interval: 25 };
const ACL = ['on', '>secret', '~hem:*', '~{hem:*', '&hem:*', '+@all'];

function urlAs(user: string, { port }: PrivateRedis): string {
  return `redis://${user}:secret@127.0.0.1:${port}`;
}

/** A gateway's store, and what its log says. */
async function open(where: object, isForGateway = true) {
  const stack = new AsyncDisposableStack();
  const root = await mkdtemp(join(tmpdir(), 'hem-eviction-'));
  stack.defer(() => rm(root, { recursive: true, force: true }));
  const lines: Array<{ readonly level: number; readonly policy?: string; readonly msg: string }> = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const settings = storeSettings.parse({ kind: 'redis', timeout: '1s', ...where });
  const store = stack.use(await openStore(settings, root, log, isForGateway));
  await expect.poll(() => store.isUp, until).toBe(true);
  return {
    lines,
    policies: () => lines.filter(({ level }) => level === 40).flatMap(({ policy }) => policy ?? []),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

test.each([
  [['--maxmemory', '50mb', '--maxmemory-policy', 'volatile-lru'], ['volatile-lru']],
  [['--maxmemory', '50mb', '--maxmemory-policy', 'noeviction'], []],
  // Without a bound nothing is ever short.
  [['--maxmemory-policy', 'allkeys-lru'], []],
])('%j', async (args, expected) => {
  await using server = await PrivateRedis.start({ args });
  using onlooker = await Onlooker.of(server);
  await onlooker.call('ACL', 'SETUSER', 'gateway', ...ACL);
  await using opened = await open({ url: urlAs('gateway', server) });
  await expect.poll(() => onlooker.asked, until).toBeGreaterThanOrEqual(1);
  await expect.poll(opened.policies, until).toEqual(expected);
  // Again, it is no news.
  const before = onlooker.asked;
  await onlooker.call('CLIENT', 'KILL', 'USER', 'gateway');
  await expect.poll(() => onlooker.asked, until).toBeGreaterThan(before);
  expect(opened.policies()).toEqual(expected);
  // Whoever runs a command is not who runs the server.
  const { asked } = onlooker;
  await using command = await open({ url: server.url }, false);
  await onlooker.call('PING');
  expect([onlooker.asked, command.lines]).toEqual([asked, []]);
});

test('the server that takes over is looked at, too', async () => {
  await using server = await PrivateRedis.start();
  using onlooker = await Onlooker.of(server);
  await onlooker.call('ACL', 'SETUSER', 'gateway', ...ACL);
  await using opened = await open({ url: urlAs('gateway', server) });
  await expect.poll(() => onlooker.asked, until).toBeGreaterThanOrEqual(1);
  await onlooker.call('CONFIG', 'SET', 'maxmemory', '50mb', 'maxmemory-policy', 'allkeys-random');
  expect(opened.policies()).toEqual([]);
  await onlooker.call('CLIENT', 'KILL', 'USER', 'gateway');
  await expect.poll(opened.policies, until).toEqual(['allkeys-random']);
});

test('of all masters of a Cluster', { timeout: 60_000 }, async () => {
  await using cluster = await RedisCluster.start();
  for (const master of cluster.masters.slice(1))
    await master.command('CONFIG', 'SET', 'maxmemory', '50mb', 'maxmemory-policy', 'volatile-ttl');
  await using opened = await open({ cluster: { nodes: cluster.nodes } });
  await expect.poll(opened.policies, until).toEqual(['volatile-ttl']);
});

test('who may not ask says nothing', async () => {
  await using server = await PrivateRedis.start({
    args: ['--maxmemory', '50mb', '--maxmemory-policy', 'volatile-lru'],
  });
  await server.command('ACL', 'SETUSER', 'some', ...ACL);
  await server.command('ACL', 'SETUSER', 'other', ...ACL, '-info');
  const stats = () => server.command('INFO', 'commandstats') as Promise<string>;
  const as = (user: string) => open({ url: urlAs(user, server) });
  await using some = await as('some');
  await expect.poll(some.policies, until).toEqual(['volatile-lru']);
  await using other = await as('other');
  const rejected = async () => Number(/cmdstat_info:\S*rejected_calls=(\d+)/.exec(await stats())?.[1]);
  // Two connections by themselves, before they are used, and this.
  await expect.poll(rejected, until).toBeGreaterThanOrEqual(3);
  expect(other.lines.filter(({ level }) => level >= 40)).toEqual([]);
});

/** A connection that sees what others ask. */
class Onlooker implements Disposable {
  readonly #client: Redis;
  #monitor: Redis | undefined;
  /** How often the server was asked for how it keeps its memory. */
  asked = 0;

  private constructor({ url }: PrivateRedis) {
    this.#client = new Redis(url);
  }

  static async of(server: PrivateRedis): Promise<Onlooker> {
    const onlooker = new Onlooker(server);
    onlooker.#monitor = await onlooker.#client.monitor();
    onlooker.#monitor.on('monitor', (_time: string, command: readonly string[]) => {
      if (command.join(' ').toLowerCase() === 'info memory') onlooker.asked++;
    });
    return onlooker;
  }

  call(name: string, ...args: readonly string[]): Promise<unknown> {
    return this.#client.call(name, ...args);
  }

  [Symbol.dispose](): void {
    this.#monitor?.disconnect();
    this.#client.disconnect();
  }
}
