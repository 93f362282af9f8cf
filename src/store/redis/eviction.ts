/** A Redis that makes room by taking keys away, which ones nobody can say: whoever runs it is told before it does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from 'ioredis';
import type { Logger } from 'pino';
import type { RedisLink } from './link.ts';

/** Where there was no answer in time. */
const ASK_AGAIN_MS = 1000;

/** Looks at each server that is connected to, and says once of each policy what it takes away. Says nothing where it may not ask. */
export function warnOfEviction(link: RedisLink, log: Logger): void {
  const told = new Set<string>();
  link.onWhole(async () => {
    for (const { maxmemory, policy } of await settingsOf(link)) {
      if (maxmemory === 0 || policy === 'noeviction' || told.has(policy)) continue;
      told.add(policy);
      log.warn(
        { maxmemory, policy },
        'Redis takes keys away when its memory is short: used quotas begin anew, usage is lost, and keys may be answered with 503. Set "maxmemory-policy noeviction", with room enough',
      );
    }
  });
}

interface MemorySettings {
  /** Bytes; 0 without a bound. */
  readonly maxmemory: number;
  readonly policy: string;
}

async function settingsOf(link: RedisLink): Promise<readonly MemorySettings[]> {
  const { client } = link;
  while (link.isUp) {
    try {
      const nodes = client instanceof Cluster ? client.nodes('master') : [client];
      return (await Promise.all(nodes.map((node) => node.info('memory')))).map(toSettings);
    } catch (error) {
      if ((error as Error).name === 'ReplyError') return [];
      await sleep(ASK_AGAIN_MS, undefined, { ref: false });
    }
  }
  return [];
}

function toSettings(info: string): MemorySettings {
  const [, maxmemory = '0'] = /^maxmemory:(\d+)/m.exec(info) ?? [];
  const [, policy = 'noeviction'] = /^maxmemory_policy:([\w-]+)/m.exec(info) ?? [];
  return { maxmemory: Number(maxmemory), policy };
}
