/** A copy of the records on this machine, so that a process which starts while Redis is gone knows what an earlier one knew. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import { type RecordRow, RecordTables } from '../record-tables.ts';

/** Several changes are written at once. */
const WRITE_AFTER_MS = 1000;

interface Copied {
  readonly epoch: string;
  readonly revision: number;
  readonly rows: readonly RecordRow[];
}

export class RecordCopy {
  readonly #file: string;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
  #latest: RecordTables | undefined;
  #failed = false;

  constructor(file: string, log: Logger) {
    this.#file = file;
    this.#log = log;
  }

  /** Undefined when there is none that can be read. */
  read(): RecordTables | undefined {
    try {
      const { epoch, revision, rows } = toCopied(JSON.parse(readFileSync(this.#file, 'utf8')));
      const tables = new RecordTables();
      for (const row of rows) tables.apply(row);
      tables.epoch = epoch;
      tables.revision = revision;
      return tables;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#log.warn({ err: error, file: this.#file }, 'the copy of the records cannot be read');
      return undefined;
    }
  }

  keep(tables: RecordTables): void {
    this.#latest = tables;
    this.#timer ??= setTimeout(() => this.#write(), WRITE_AFTER_MS).unref();
  }

  /** Writes what is still to be written. */
  close(): void {
    clearTimeout(this.#timer);
    if (this.#timer !== undefined) this.#write();
  }

  #write(): void {
    this.#timer = undefined;
    const { epoch, revision } = this.#latest!;
    const copied: Copied = { epoch, revision, rows: this.#latest!.rows() };
    // Complete or not there at all: another process may write at the same time.
    const draft = `${this.#file}.${process.pid}`;
    try {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
      writeFileSync(draft, JSON.stringify(copied), { mode: 0o600 });
      renameSync(draft, this.#file);
      this.#failed = false;
    } catch (error) {
      if (!this.#failed)
        this.#log.warn({ err: error }, 'no copy of the records is kept; a start without Redis knows no keys');
      this.#failed = true;
    }
  }
}

/** @throws {Error} when it is not one */
function toCopied(value: unknown): Copied {
  const { epoch, revision, rows } = (value ?? {}) as Partial<Copied>;
  const isRow = (row: Partial<RecordRow> | null) =>
    typeof row?.table === 'string' && typeof row.id === 'string' && Number.isSafeInteger(row.version);
  if (typeof epoch === 'string' && Number.isSafeInteger(revision) && Array.isArray(rows) && rows.every(isRow))
    return value as Copied;
  throw new Error('not a copy of records');
}
