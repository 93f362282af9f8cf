/** The store without a service: memory, and a SQLite file beside the configuration that survives a restart. */
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Store } from '../store.ts';
import { SqliteUsage } from './sqlite-usage.ts';

/** Another process may hold the file: `hem keys` beside a running gateway. */
const BUSY_MS = 2000;

export function openEmbeddedStore(file: string, root: string): Store {
  const path = isAbsolute(file) ? file : join(root, file);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  chmodSync(path, 0o600);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;');
  let usage: SqliteUsage | undefined;
  return {
    kind: 'embedded',
    isUp: true,
    usage: () => {
      usage ??= new SqliteUsage(database);
      return usage;
    },
    [Symbol.asyncDispose]: async () => database.close(),
  };
}
