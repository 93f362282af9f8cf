/** The store that several machines share. */
import type { Logger } from 'pino';
import type { RedisSettings } from '../../load/store-settings.ts';
import type { Store } from '../store.ts';
import { RedisLink } from './link.ts';
import { RedisUsage } from './redis-usage.ts';

export function openRedisStore(settings: RedisSettings, log: Logger): Store {
  const link = new RedisLink(settings, log.child({ store: 'redis' }));
  const usage = new RedisUsage(link);
  return {
    kind: 'redis',
    get isUp() {
      return link.isUp;
    },
    usage: () => usage,
    [Symbol.asyncDispose]: () => link[Symbol.asyncDispose](),
  };
}
