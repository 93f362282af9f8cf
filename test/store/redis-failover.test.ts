/** Limits where Redis is several servers, and one of them dies. */
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { type RedisSettings, storeSettings } from '../../src/load/settings/store-settings.ts';
import type { Demand, LimitRule } from '../../src/store/limit-store.ts';
import { RedisLimits } from '../../src/store/redis/limits/redis-limits.ts';
import { RedisCluster, RedisSentinel } from '../support/redis-topologies.ts';

const rule: LimitRule = {
  name: 'quota',
  algorithm: 'quota',
  limit: 100,
  period: 'month',
  onStoreLoss: 'limit',
};
const demand = (partition: string, amount = 1): Demand => ({ rule, partition, amount });
const open = (where: object): RedisLimits => {
  const settings = storeSettings.parse({ kind: 'redis', ...where }) as RedisSettings;
  return new RedisLimits(settings, pino({ level: process.env.HEM_TEST_LOG ?? 'silent' }));
};
/** Undefined where the store did not decide. */
const remaining = async (limits: RedisLimits, partition: string): Promise<number | undefined> => {
  const { decidedBy, states } = await limits.reserve([demand(partition, 0)]);
  return decidedBy === 'store' ? states[0]!.remaining : undefined;
};
const until = { timeout: 20_000 };

describe('Cluster', () => {
  test('where a master dies, this process decides; it is told when the master is back', {
    timeout: 90_000,
  }, async () => {
    await using cluster = await RedisCluster.start();
    await using limits = open({ cluster: { nodes: cluster.nodes } });
    const partitions = Array.from({ length: 12 }, (_, index) => `p${index}`);
    for (const partition of partitions) {
      await expect.poll(() => remaining(limits, partition), until).toBe(100);
      await limits.reserve([demand(partition, 10)]);
    }
    const lost = cluster.masters[1]!;
    await lost.kill();
    // Some of them are its.
    await expect
      .poll(async () => {
        const decisions = await Promise.all(
          partitions.map((partition) => limits.reserve([demand(partition, 0)])),
        );
        return decisions.every(({ decidedBy }) => decidedBy === 'process');
      }, until)
      .toBe(true);
    for (const partition of partitions) {
      const decided = limits.reserve([demand(partition, 5)]);
      expect(decided).not.toBeInstanceOf(Promise);
      expect(await decided).toMatchObject({ admitted: true, decidedBy: 'process' });
    }
    await lost.start();
    await cluster.isWhole();
    for (const partition of partitions) await expect.poll(() => remaining(limits, partition), until).toBe(85);
    // All of them at once: all connections are made anew, and all that was decided meanwhile is told through them.
    await Promise.all(cluster.masters.map((master) => master.kill()));
    await expect.poll(() => remaining(limits, 'p0'), until).toBe(undefined);
    for (const partition of partitions) await limits.reserve([demand(partition, 5)]);
    await Promise.all(cluster.masters.map((master) => master.start()));
    await cluster.isWhole();
    for (const partition of partitions) await expect.poll(() => remaining(limits, partition), until).toBe(80);
  });

  test('a first burst, whose keys lie everywhere, is decided by the store', async () => {
    await using cluster = await RedisCluster.start();
    const burst = async () => {
      await using limits = open({ cluster: { nodes: cluster.nodes }, timeout: '1s' });
      const asked = Array.from({ length: 20 }, (_, index) => limits.reserve([demand(`p${index}`)]));
      return (await Promise.all(asked)).map(({ decidedBy }) => decidedBy);
    };
    for (let round = 1; round <= 3; round++) expect(await burst()).toEqual(Array(20).fill('store'));
  });
});

describe('Sentinel', () => {
  test('the replica that becomes the master goes on with what was used', { timeout: 90_000 }, async () => {
    await using servers = await RedisSentinel.start();
    const sentinel = { name: RedisSentinel.NAME, nodes: [`127.0.0.1:${servers.sentinel.port}`] };
    await using limits = open({ sentinel });
    await expect.poll(() => remaining(limits, 'acme'), until).toBe(100);
    await limits.reserve([demand('acme', 10)]);
    await servers.master.command('wait', '1', '5000');
    await servers.master.kill();
    await expect.poll(() => remaining(limits, 'acme'), until).toBe(undefined);
    const alone = limits.reserve([demand('acme', 5)]);
    expect(await alone).toMatchObject({ admitted: true, decidedBy: 'process' });
    await expect.poll(() => remaining(limits, 'acme'), until).toBe(85);
    expect(String(await servers.replica.command('role'))).toContain('master');
  });
});
