/** The store that several machines share. */
import type { Logger } from 'pino';
import type { RedisSettings } from '../../load/store-settings.ts';
import type { Store } from '../store.ts';
import { RedisLink } from './link.ts';
import { RedisLimits } from './redis-limits.ts';

export function openRedisStore(settings: RedisSettings, log: Logger): Store {
  const ownLog = log.child({ store: 'redis' });
  const link = new RedisLink(settings, ownLog);
  let limits: RedisLimits | undefined;
  return {
    kind: 'redis',
    get isUp() {
      return link.isUp;
    },
    limits: () => {
      limits ??= new RedisLimits(settings, ownLog);
      return limits;
    },
    async [Symbol.asyncDispose]() {
      await limits?.[Symbol.asyncDispose]();
      await link[Symbol.asyncDispose]();
    },
  };
}
