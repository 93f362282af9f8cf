/** Every kind of store, each as several processes would see it: opened anew, on the same data. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { storeSettings } from '../../src/load/settings/store-settings.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import type { RedisCluster } from '../support/redis-topologies.ts';

export interface TestStores extends AsyncDisposable {
  /** As another process on the same data. */
  open(): Promise<Store>;
  /** The directory of all of them. */
  readonly root: string;
}

export const STORE_KINDS: Readonly<Record<Store['kind'], () => Promise<TestStores>>> = {
  embedded: () => stores({ kind: 'embedded' }),
  redis: () => redisStores(process.env.HEM_TEST_REDIS_URL!),
};

/** On keys of their own, which nobody else uses. */
export function redisStores(url: string, prefix = newPrefix()): Promise<TestStores> {
  return stores({ kind: 'redis', url, prefix });
}

export function clusterStores({ nodes }: RedisCluster): Promise<TestStores> {
  return stores({ kind: 'redis', cluster: { nodes }, prefix: newPrefix() });
}

export function newPrefix(): string {
  return `test-${randomBytes(6).toString('hex')}`;
}

async function stores(settings: Readonly<Record<string, unknown>>): Promise<TestStores> {
  const root = await mkdtemp(join(tmpdir(), 'hem-store-'));
  const opened: Store[] = [];
  return {
    root,
    async open() {
      const log = pino({ level: process.env.HEM_TEST_LOG ?? 'silent' });
      const store = await openStore(storeSettings.parse(settings), root, log);
      opened.push(store);
      return store;
    },
    async [Symbol.asyncDispose]() {
      for (const store of opened) await store[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}
