/** The store without a service: memory, and a SQLite file beside the configuration that survives a restart. */
import type { Logger } from 'pino';
import { MEMORY_ONLY } from '../cache-store.ts';
import { FollowedRecords } from '../followed-records.ts';
import type { Store } from '../store.ts';
import { EmbeddedDatabase } from './database.ts';
import { EmbeddedLimits } from './embedded-limits.ts';
import { EmbeddedRecords } from './embedded-records.ts';
import { SqliteUsage } from './sqlite-usage.ts';

export function openEmbeddedStore(
  file: string,
  root: string,
  { log, isForGateway }: { readonly log: Logger; readonly isForGateway: boolean },
): Store {
  const database = new EmbeddedDatabase(file, root, isForGateway);
  let limits: EmbeddedLimits | undefined;
  let usage: SqliteUsage | undefined;
  let records: Promise<FollowedRecords> | undefined;
  return {
    kind: 'embedded',
    isUp: true,
    cache: MEMORY_ONLY,
    limits: () => {
      limits ??= new EmbeddedLimits(database.opened, { log });
      return limits;
    },
    usage: () => {
      usage ??= new SqliteUsage(database.opened);
      return usage;
    },
    records: () => {
      records ??= FollowedRecords.open(new EmbeddedRecords(database.opened), { log });
      return records;
    },
    async [Symbol.asyncDispose]() {
      limits?.[Symbol.dispose]();
      await (await records)?.[Symbol.asyncDispose]();
      database.close();
    },
  };
}
