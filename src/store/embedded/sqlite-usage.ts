/** Roll-ups of usage in SQLite. */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import {
  beginningOf,
  brokenOff,
  type UsageAddition,
  type UsageCount,
  type UsageQuery,
  type UsageRun,
  type UsageStore,
} from '../usage-store.ts';
import { atOnce } from './at-once.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS usage_counts (
    by TEXT NOT NULL, beginning INTEGER NOT NULL, client TEXT NOT NULL, coordinate TEXT NOT NULL, consumer TEXT NOT NULL,
    count INTEGER NOT NULL, errors INTEGER NOT NULL, firstAt INTEGER NOT NULL, lastAt INTEGER NOT NULL,
    PRIMARY KEY (by, beginning, client, coordinate, consumer)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS usage_runs (
    run TEXT PRIMARY KEY, seq INTEGER NOT NULL, "from" INTEGER NOT NULL, until INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;
const ADD = `
  INSERT INTO usage_counts (by, beginning, client, coordinate, consumer, count, errors, firstAt, lastAt)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET count = count + excluded.count, errors = errors + excluded.errors,
    firstAt = min(firstAt, excluded.firstAt), lastAt = max(lastAt, excluded.lastAt)
`;
const NOTE_RUN = `
  INSERT INTO usage_runs (run, seq, "from", until) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET seq = excluded.seq, until = max(until, excluded.until)
`;
/** Rows that are handed out at once. */
const PAGE = 500;

export class SqliteUsage implements UsageStore {
  readonly #database: DatabaseSync;
  readonly #add: StatementSync;
  readonly #noteRun: StatementSync;
  readonly #seqOf: StatementSync;
  readonly #setApart: StatementSync;
  /** The hour in which what is too old was last removed. */
  #cleanedAt = 0;

  constructor(database: DatabaseSync) {
    this.#database = database;
    database.exec(SCHEMA);
    this.#add = database.prepare(ADD);
    this.#noteRun = database.prepare(NOTE_RUN);
    this.#seqOf = database.prepare('SELECT seq FROM usage_runs WHERE run = ?');
    this.#setApart = database.prepare('UPDATE usage_runs SET run = ? WHERE run = ?');
  }

  async add(addition: UsageAddition): Promise<void> {
    const { run, seq, from, since, until } = addition;
    atOnce(this.#database, () => {
      const known = Number(this.#seqOf.get(run)?.seq ?? 0);
      if (known >= seq) return;
      this.#addCounts(addition);
      if (known === seq - 1) this.#noteRun.run(run, seq, from, until);
      else {
        // What went before is lost here, but for its beginning.
        if (known > 0) this.#setApart.run(brokenOff(run, known), run);
        else this.#noteRun.run(brokenOff(run, 0), 0, from, from);
        this.#noteRun.run(run, seq, since, Math.max(since, until));
      }
      this.#clean(addition);
    });
  }

  async *read({ by, since, until, ...key }: UsageQuery): AsyncGenerator<readonly UsageCount[]> {
    const given = (['client', 'coordinate', 'consumer'] as const).flatMap((name) => {
      const value = key[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    const statement = this.#database.prepare(`
      SELECT client, coordinate, consumer, sum(count) AS count, sum(errors) AS errors, min(firstAt) AS firstAt, max(lastAt) AS lastAt
      FROM usage_counts WHERE by = ? AND beginning >= ? AND beginning < ?${given.map(([name]) => ` AND ${name} = ?`).join('')}
      GROUP BY client, coordinate, consumer
    `);
    const values: SQLInputValue[] = [by, since, until, ...given.map(([, value]) => value)];
    let page: UsageCount[] = [];
    for (const row of statement.iterate(...values)) {
      page.push({ ...row } as unknown as UsageCount);
      if (page.length < PAGE) continue;
      yield page;
      page = [];
    }
    if (page.length > 0) yield page;
  }

  async runs(): Promise<readonly UsageRun[]> {
    const rows = this.#database.prepare('SELECT run, "from", until FROM usage_runs').all();
    return rows.map((row) => ({ ...row })) as unknown as readonly UsageRun[];
  }

  #addCounts({ hour, counts }: UsageAddition): void {
    for (const { client, coordinate, consumer, count, errors, firstAt, lastAt } of counts) {
      for (const by of ['hour', 'day'] as const) {
        const beginning = beginningOf(hour, by);
        this.#add.run(by, beginning, client, coordinate, consumer, count, errors, firstAt, lastAt);
      }
    }
  }

  #clean({ until, keepMs }: UsageAddition): void {
    const hour = beginningOf(until, 'hour');
    if (hour === this.#cleanedAt) return;
    this.#cleanedAt = hour;
    const remove = this.#database.prepare('DELETE FROM usage_counts WHERE by = ? AND beginning < ?');
    for (const by of ['hour', 'day'] as const) remove.run(by, beginningOf(until - keepMs[by], by));
    this.#database.prepare('DELETE FROM usage_runs WHERE until < ?').run(until - keepMs.day);
  }
}
