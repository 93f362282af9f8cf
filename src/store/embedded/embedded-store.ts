/** The store without a service: memory, and a SQLite file beside the configuration that survives a restart. */
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Logger } from 'pino';
import type { Store } from '../store.ts';
import { EmbeddedLimits } from './embedded-limits.ts';

/** Another process may hold the file: `hem keys` beside a running gateway. */
const BUSY_MS = 2000;

export function openEmbeddedStore(file: string, root: string, log: Logger): Store {
  let database: DatabaseSync | undefined;
  let limits: EmbeddedLimits | undefined;
  const opened = () => {
    database ??= open(isAbsolute(file) ? file : join(root, file));
    return database;
  };
  return {
    kind: 'embedded',
    isUp: true,
    limits: () => {
      limits ??= new EmbeddedLimits(opened(), { log });
      return limits;
    },
    async [Symbol.asyncDispose]() {
      limits?.[Symbol.dispose]();
      database?.close();
    },
  };
}

function open(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  chmodSync(path, 0o600);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;');
  return database;
}
