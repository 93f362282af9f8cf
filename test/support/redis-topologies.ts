/** Several servers of one test's own: a Redis Cluster, or a master with a replica and a Sentinel. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PrivateRedis } from './private-redis.ts';
import { freePort } from './services/daemon.ts';

const SLOTS = 16_384;
const PATIENCE_MS = 20_000;

export class RedisCluster implements AsyncDisposable {
  readonly masters: readonly PrivateRedis[];

  private constructor(masters: readonly PrivateRedis[]) {
    this.masters = masters;
  }

  /** Three masters without replicas. */
  static async start(): Promise<RedisCluster> {
    const busPorts = await Promise.all([freePort(), freePort(), freePort()]);
    const masters = await Promise.all(
      busPorts.map((busPort) =>
        PrivateRedis.start({
          args: [
            ...[
              '--cluster-enabled',
              'yes',
              '--cluster-port',
              String(busPort),
              '--cluster-node-timeout',
              '1000',
            ],
            ...['--appendonly', 'yes', '--appendfsync', 'always'],
          ],
        }),
      ),
    );
    for (const [index, master] of masters.entries()) {
      const [from, to] = [index, index + 1].map((part) => Math.floor((SLOTS * part) / masters.length));
      await master.command('cluster', 'addslotsrange', String(from), String(to! - 1));
      await master.command('cluster', 'set-config-epoch', String(index + 1));
      if (index > 0) {
        const { port } = masters[0]!;
        await master.command('cluster', 'meet', '127.0.0.1', String(port), String(busPorts[0]));
      }
    }
    const cluster = new RedisCluster(masters);
    await cluster.isWhole();
    return cluster;
  }

  get nodes(): readonly string[] {
    return this.masters.map(({ port }) => `127.0.0.1:${port}`);
  }

  /** Resolves when every master says so. */
  async isWhole(): Promise<void> {
    for (const master of this.masters) {
      await says(master, ['cluster', 'info'], 'cluster_state:ok');
      await says(master, ['cluster', 'info'], `cluster_known_nodes:${this.masters.length}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.masters.map((master) => master[Symbol.asyncDispose]()));
  }
}

export class RedisSentinel implements AsyncDisposable {
  static readonly NAME = 'hem';
  readonly master: PrivateRedis;
  readonly replica: PrivateRedis;
  readonly sentinel: PrivateRedis;

  private constructor(master: PrivateRedis, replica: PrivateRedis, sentinel: PrivateRedis) {
    this.master = master;
    this.replica = replica;
    this.sentinel = sentinel;
  }

  static async start(): Promise<RedisSentinel> {
    const master = await PrivateRedis.start();
    const replica = await PrivateRedis.start({ args: ['--replicaof', '127.0.0.1', String(master.port)] });
    await says(replica, ['info', 'replication'], 'master_link_status:up');
    const sentinel = await PrivateRedis.start({
      sentinel: [
        `sentinel monitor ${RedisSentinel.NAME} 127.0.0.1 ${master.port} 1`,
        `sentinel down-after-milliseconds ${RedisSentinel.NAME} 500`,
        `sentinel failover-timeout ${RedisSentinel.NAME} 5000`,
      ],
    });
    await says(sentinel, ['info', 'sentinel'], 'slaves=1');
    return new RedisSentinel(master, replica, sentinel);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.sentinel, this.replica, this.master].map((one) => one[Symbol.asyncDispose]()));
  }
}

/** Waits until a server says so. */
async function says(
  server: PrivateRedis,
  command: readonly [string, ...string[]],
  text: string,
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = String(await server.command(...command));
    if (answer.includes(text)) return;
    if (performance.now() > deadline) throw new Error(`no ${text} in what it says: ${answer}`);
    await sleep(50);
  }
}
