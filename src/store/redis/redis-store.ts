/** The store that several machines share. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { RedisSettings } from '../../load/settings/store-settings.ts';
import { FollowedRecords } from '../followed-records.ts';
import type { Store } from '../store.ts';
import { warnOfEviction } from './eviction.ts';
import { RedisLimits } from './limits/redis-limits.ts';
import { RedisLink } from './link.ts';
import { RecordCopy } from './record-copy.ts';
import { RedisCacheStore } from './redis-cache-store.ts';
import { RedisRecords } from './redis-records.ts';
import { RedisUsage } from './redis-usage.ts';

/** @param isForGateway whether it stays open, so that there is a log to be told what is wrong with the server */
export function openRedisStore(
  settings: RedisSettings,
  root: string,
  { log, isForGateway }: { readonly log: Logger; readonly isForGateway: boolean },
): Store {
  const ownLog = log.child({ store: 'redis' });
  const link = new RedisLink(settings, ownLog);
  if (isForGateway) warnOfEviction(link, ownLog);
  const usage = new RedisUsage(link);
  const cache = new RedisCacheStore(link, ownLog);
  let limits: RedisLimits | undefined;
  let records: Promise<FollowedRecords> | undefined;
  return {
    kind: 'redis',
    get isUp() {
      return link.isUp;
    },
    usage: () => usage,
    cache,
    limits: () => {
      limits ??= new RedisLimits(settings, ownLog);
      return limits;
    },
    records: () => {
      records ??= openRecords(settings, root, ownLog);
      return records;
    },
    async [Symbol.asyncDispose]() {
      await cache[Symbol.asyncDispose]();
      await limits?.[Symbol.asyncDispose]();
      await (await records)?.[Symbol.asyncDispose]();
      await link[Symbol.asyncDispose]();
    },
  };
}

function openRecords(settings: RedisSettings, root: string, log: Logger): Promise<FollowedRecords> {
  const copy = new RecordCopy(join(root, '.hem', `records-${placeOf(settings)}.json`), log);
  return FollowedRecords.open(new RedisRecords(settings, copy, log), { log, copy: () => copy.read() });
}

/** A copy of another Redis must not be taken for one of this. */
function placeOf({ url, sentinel, cluster, prefix }: RedisSettings): string {
  // Without a password, which may change, and is nothing for the name of a file.
  const { host = url, pathname = '' } = URL.parse(url ?? '') ?? {};
  const place = JSON.stringify([host, pathname, sentinel?.name, sentinel?.nodes, cluster?.nodes, prefix]);
  return createHash('sha256').update(place).digest('hex').slice(0, 16);
}
