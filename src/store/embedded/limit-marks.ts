/**
 * What the SQLite file knows of limits: of each partition a mark, at least what it has used. A mark is written before what it covers is
 * used, and ahead of it, so that nothing is given back however the process ends.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Usage } from '../limits/algorithm.ts';
import { atOnce } from './at-once.ts';

export interface Mark {
  readonly key: string;
  readonly usage: Usage;
  /** From then on it says nothing any more. */
  readonly until: number;
}

/** Rows of one sweep: it must not hold up requests. */
const SWEPT = 2000;

export class LimitMarks {
  readonly #database: DatabaseSync;
  readonly #read: StatementSync;
  readonly #write: StatementSync;
  readonly #sweep: StatementSync;

  constructor(database: DatabaseSync) {
    database.exec(`
      CREATE TABLE IF NOT EXISTS limits (key TEXT PRIMARY KEY, usage TEXT NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS limits_until ON limits (until);
    `);
    this.#database = database;
    this.#read = database.prepare('SELECT usage FROM limits WHERE key = ?');
    this.#write = database.prepare('INSERT OR REPLACE INTO limits (key, usage, until) VALUES (?, ?, ?)');
    this.#sweep = database.prepare(
      `DELETE FROM limits WHERE key IN (SELECT key FROM limits WHERE until <= ? LIMIT ${SWEPT})`,
    );
  }

  read(key: string): Usage | undefined {
    const row = this.#read.get(key);
    if (row === undefined) return undefined;
    const usage: unknown = JSON.parse(String(row.usage));
    return Array.isArray(usage) && usage.every(Number.isFinite) ? usage : undefined;
  }

  write(marks: readonly Mark[]): void {
    if (marks.length === 1) this.#put(marks[0]!);
    else
      atOnce(this.#database, () => {
        for (const mark of marks) this.#put(mark);
      });
  }

  /** Removes some of those that are over. @returns whether there may be more */
  sweep(now: number): boolean {
    return this.#sweep.run(now).changes === SWEPT;
  }

  #put({ key, usage, until }: Mark): void {
    this.#write.run(key, JSON.stringify(usage), Math.ceil(until));
  }
}
