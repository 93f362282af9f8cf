/**
 * The records of a store, followed: what others wrote is asked for several times a second. That is one small question to a store which
 * answers hundreds of thousands; in return nothing can be missed, however connections come and go.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { HemError } from '../errors.ts';
import type { RecordChange, RecordStore, RecordWrite, StoredRecord } from './record-store.ts';
import { RecordTables } from './record-tables.ts';

/** Others' changes are known after so long, and the time of a question. */
const POLL_MS = 250;

/** Who cannot wait for that long asks before; all of them together so often at most. */
const CATCH_UP_MS = 50;
/** So long they wait for a store that does not answer; who comes while it still does not, waits no more. */
const CATCH_UP_MAX_MS = 500;

/** What each kind of store does by itself. */
export interface RecordDriver {
  /** Brings the tables up to what is stored. @throws when the store cannot be asked; what was read by then counts */
  refresh(tables: RecordTables): Promise<void> | void;
  /** @returns the version of the first, those of the others follow; undefined where one was changed meanwhile */
  write(writes: readonly RecordWrite[]): Promise<number | undefined> | number | undefined;
  mark(table: string, times: ReadonlyMap<string, number>): Promise<void> | void;
  marks(table: string): Promise<ReadonlyMap<string, number>> | ReadonlyMap<string, number>;
  /** After each change, for those that keep a copy elsewhere. */
  keep?(tables: RecordTables): void;
  close(): Promise<void>;
}

export interface FollowOptions {
  readonly log: Logger;
  /** What an earlier process knew; used when the store cannot be asked at once. */
  readonly copy?: () => RecordTables | undefined;
}

export class FollowedRecords implements RecordStore {
  readonly #driver: RecordDriver;
  readonly #log: Logger;
  readonly #tables = new RecordTables();
  readonly #listeners = new Set<(changes: readonly RecordChange[]) => void>();
  #complete = false;
  #failing = false;
  #closed = false;
  #refreshing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Has not begun to read yet. */
  #catchingUp: Promise<void> | undefined;
  #caughtUpAt = Number.NEGATIVE_INFINITY;

  private constructor(driver: RecordDriver, log: Logger) {
    this.#driver = driver;
    this.#log = log;
  }

  /** Waits for the first answer of the store, good or bad. */
  static async open(driver: RecordDriver, { log, copy }: FollowOptions): Promise<FollowedRecords> {
    const records = new FollowedRecords(driver, log);
    await records.#refresh();
    if (!records.#complete) {
      const known = copy?.();
      if (known !== undefined) {
        records.#tables.replaceBy(known);
        records.#complete = true;
        records.#tell();
        log.warn({ revision: known.revision }, 'records are those that an earlier process knew');
      }
    }
    records.#wait();
    return records;
  }

  get isComplete(): boolean {
    return this.#complete;
  }

  get isFollowed(): boolean {
    return !this.#failing;
  }

  get<Value>(table: string, id: string): StoredRecord<Value> | undefined {
    return this.#tables.get(table, id);
  }

  all<Value>(table: string): readonly StoredRecord<Value>[] {
    return this.#tables.all(table);
  }

  async write(writes: readonly RecordWrite[]): Promise<boolean> {
    const first = await this.#asking(() => this.#driver.write(writes));
    if (first === undefined) {
      await this.#refreshing;
      await this.#refresh();
      return false;
    }
    writes.forEach(({ table, id, value }, index) => {
      this.#tables.apply({ table, id, version: first + index, value });
    });
    this.#tell();
    return true;
  }

  catchUp(): Promise<void> {
    // While the store does not answer nobody waits for it.
    if (this.#failing) return Promise.resolve();
    this.#catchingUp ??= this.#catchUp();
    return this.#catchingUp;
  }

  async #catchUp(): Promise<void> {
    const pauseMs = this.#caughtUpAt + CATCH_UP_MS - performance.now();
    if (pauseMs > 0) await sleep(pauseMs);
    await Promise.race([this.#readAll(), sleep(CATCH_UP_MAX_MS, undefined, { ref: false })]);
  }

  async #readAll(): Promise<void> {
    // What is being read may have been read before it was written.
    await this.#refreshing;
    this.#caughtUpAt = performance.now();
    this.#catchingUp = undefined;
    if (!this.#closed) await this.#refresh();
  }

  onChange(listener: (changes: readonly RecordChange[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async mark(table: string, times: ReadonlyMap<string, number>): Promise<void> {
    await this.#asking(() => this.#driver.mark(table, times));
  }

  marks(table: string): Promise<ReadonlyMap<string, number>> {
    return this.#asking(() => this.#driver.marks(table));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#refreshing;
    await this.#driver.close();
  }

  async #asking<Answer>(ask: () => Promise<Answer> | Answer): Promise<Answer> {
    try {
      return await ask();
    } catch (error) {
      throw new HemError('STORE_UNAVAILABLE', { internal: `the store does not answer: ${reasonOf(error)}` });
    }
  }

  #wait(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#refresh().then(() => this.#wait()), POLL_MS).unref();
  }

  /** Never rejects: what is known stays as it is. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#readChanges().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #readChanges(): Promise<void> {
    try {
      await this.#driver.refresh(this.#tables);
      this.#complete = true;
      if (this.#failing) this.#log.info('records are followed again');
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        this.#log.warn({ reason: reasonOf(error) }, 'records cannot be read; what is known stays');
      this.#failing = true;
    }
    this.#tell();
  }

  #tell(): void {
    const changes = this.#tables.takeChanges();
    if (changes.length === 0) return;
    this.#driver.keep?.(this.#tables);
    for (const listener of this.#listeners) {
      try {
        listener(changes);
      } catch (error) {
        // One who cannot deal with a change must not keep it from the others, nor end the following.
        this.#log.error({ err: error }, 'a change of records was not dealt with');
      }
    }
  }
}

/** Errors of commands carry what was to be written: that is not for the log. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown';
}
