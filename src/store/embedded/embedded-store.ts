/** The store without a service: memory, and a SQLite file beside the configuration that survives a restart. */
import type { Logger } from 'pino';
import { FollowedRecords } from '../followed-records.ts';
import type { Store } from '../store.ts';
import { EmbeddedDatabase } from './database.ts';
import { EmbeddedRecords } from './embedded-records.ts';

export function openEmbeddedStore(file: string, root: string, log: Logger): Store {
  const database = new EmbeddedDatabase(file, root);
  let records: Promise<FollowedRecords> | undefined;
  return {
    kind: 'embedded',
    isUp: true,
    records: () => {
      records ??= FollowedRecords.open(new EmbeddedRecords(database.opened), { log });
      return records;
    },
    async [Symbol.asyncDispose]() {
      await (await records)?.[Symbol.asyncDispose]();
      database.close();
    },
  };
}
