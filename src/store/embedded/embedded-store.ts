/** The store without a service: memory, and a SQLite file beside the configuration that survives a restart. */
import type { Logger } from 'pino';
import { FollowedRecords } from '../followed-records.ts';
import type { Store } from '../store.ts';
import { EmbeddedDatabase } from './database.ts';
import { EmbeddedLimits } from './embedded-limits.ts';
import { EmbeddedRecords } from './embedded-records.ts';

export function openEmbeddedStore(file: string, root: string, log: Logger): Store {
  const database = new EmbeddedDatabase(file, root);
  let limits: EmbeddedLimits | undefined;
  let records: Promise<FollowedRecords> | undefined;
  return {
    kind: 'embedded',
    isUp: true,
    limits: () => {
      limits ??= new EmbeddedLimits(database.opened, { log });
      return limits;
    },
    async records() {
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
