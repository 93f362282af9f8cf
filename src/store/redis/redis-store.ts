/** The store that several machines share. */
import type { Logger } from 'pino';
import type { RedisSettings } from '../../load/store-settings.ts';
import type { Store } from '../store.ts';
import { RedisLink } from './link.ts';
import { RedisUsage } from './redis-usage.ts';

export function openRedisStore(settings: RedisSettings, log: Logger): Store {
  const link = new RedisLink(settings, log.child({ store: 'redis' }));
  return {
    kind: 'redis',
    get isUp() {
      return link.isUp;
    },
    usage: new RedisUsage(link),
    [Symbol.asyncDispose]: () => link[Symbol.asyncDispose](),
  };
}
