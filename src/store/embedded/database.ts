/** The SQLite file. Opened, and made, when somebody first needs it: a configuration that needs no store writes nothing. */
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { HemError } from '../../errors.ts';
import { lockForGateway } from './gateway-lock.ts';

/** Another process may hold the file: `hem keys` beside a running gateway. */
const BUSY_MS = 2000;
/** While a gateway waits, nobody is answered: what holds the file longer is no command of Hem's. */
const BUSY_MS_OF_GATEWAY = 200;

export class EmbeddedDatabase {
  readonly path: string;
  readonly #isForGateway: boolean;
  #lock: DatabaseSync | undefined;
  #opened: DatabaseSync | undefined;

  /** @param isForGateway the only one that may have it open; commands may beside it */
  constructor(file: string, root: string, isForGateway: boolean) {
    this.#isForGateway = isForGateway;
    this.path = isAbsolute(file) ? file : join(root, file);
  }

  /** @throws {HemError} that says what to do when the file can be neither opened nor made */
  get opened(): DatabaseSync {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  close(): void {
    this.#opened?.close();
    this.#opened = undefined;
    this.#lock?.close();
    this.#lock = undefined;
  }

  #open(): DatabaseSync {
    let database: DatabaseSync | undefined;
    // Loading it takes a few milliseconds, which those without a store are spared.
    const { DatabaseSync: Database } = process.getBuiltinModule('node:sqlite');
    try {
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      if (this.#isForGateway) this.#lock = lockForGateway(this.path);
      database = new Database(this.path, {
        timeout: this.#isForGateway ? BUSY_MS_OF_GATEWAY : BUSY_MS,
      });
      chmodSync(this.path, 0o600);
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;');
      return database;
    } catch (error) {
      // Whoever tries again would be kept out by what this attempt holds.
      database?.close();
      this.#lock?.close();
      this.#lock = undefined;
      if (error instanceof HemError) throw error;
      throw new HemError('STORE_UNAVAILABLE', {
        publicText: `the store ${this.path} can be neither opened nor made (${(error as Error).message}); "store: { kind: embedded, file: … }" in hem.yml names another place`,
        cause: error,
      });
    }
  }
}
