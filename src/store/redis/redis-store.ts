/** The store that several machines share. */
import type { Logger } from 'pino';
import type { RedisSettings } from '../../load/store-settings.ts';
import type { Store } from '../store.ts';
import { RedisLink } from './link.ts';
import { RedisCacheStore } from './redis-cache-store.ts';

export function openRedisStore(settings: RedisSettings, log: Logger): Store {
  const own = log.child({ store: 'redis' });
  const link = new RedisLink(settings, own);
  const cache = new RedisCacheStore(link, own);
  return {
    kind: 'redis',
    get isUp() {
      return link.isUp;
    },
    cache,
    async [Symbol.asyncDispose]() {
      await cache[Symbol.asyncDispose]();
      await link[Symbol.asyncDispose]();
    },
  };
}
