/** Records in SQLite. What other processes write is seen by a counter that SQLite keeps for that. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { RecordDriver } from '../followed-records.ts';
import type { RecordWrite } from '../record-store.ts';
import type { RecordTables } from '../record-tables.ts';
import { atOnce } from './at-once.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS records (
    name TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, value TEXT, PRIMARY KEY (name, id)
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX IF NOT EXISTS records_by_version ON records (version);
  CREATE TABLE IF NOT EXISTS marks (
    name TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (name, id)
  ) WITHOUT ROWID;
`;

interface Row {
  readonly name: string;
  readonly id: string;
  readonly version: number;
  readonly value: string | null;
}

export class EmbeddedRecords implements RecordDriver {
  readonly #database: DatabaseSync;
  readonly #counter: StatementSync;
  readonly #since: StatementSync;
  readonly #one: StatementSync;
  readonly #last: StatementSync;
  readonly #put: StatementSync;
  readonly #mark: StatementSync;
  readonly #marks: StatementSync;
  #seen: unknown;

  constructor(database: DatabaseSync) {
    database.exec(SCHEMA);
    this.#database = database;
    this.#counter = database.prepare('PRAGMA data_version');
    this.#since = database.prepare(
      'SELECT name, id, version, value FROM records WHERE version > ? ORDER BY version',
    );
    this.#one = database.prepare('SELECT version, value FROM records WHERE name = ? AND id = ?');
    this.#last = database.prepare('SELECT max(version) AS version FROM records');
    this.#put = database.prepare(
      'INSERT INTO records (name, id, version, value) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET version = ?3, value = ?4',
    );
    this.#mark = database.prepare(
      'INSERT INTO marks (name, id, at) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET at = max(at, ?3)',
    );
    this.#marks = database.prepare('SELECT id, at FROM marks WHERE name = ?');
  }

  refresh(tables: RecordTables): void {
    const { data_version: counter } = this.#counter.get() as { data_version: number };
    // It counts what others wrote; what this process writes it knows.
    if (counter === this.#seen) return;
    for (const { name, id, version, value } of this.#since.all(tables.revision) as unknown as Row[]) {
      tables.apply({ table: name, id, version, value: value === null ? undefined : JSON.parse(value) });
      tables.revision = version;
    }
    this.#seen = counter;
  }

  write(writes: readonly RecordWrite[]): number | undefined {
    // A key that was revoked has to be so even when the machine loses its power now.
    this.#database.exec('PRAGMA synchronous = FULL');
    try {
      return atOnce(this.#database, () => this.#replace(writes));
    } finally {
      this.#database.exec('PRAGMA synchronous = NORMAL');
    }
  }

  mark(table: string, times: ReadonlyMap<string, number>): void {
    atOnce(this.#database, () => {
      for (const [id, at] of times) this.#mark.run(table, id, at);
    });
  }

  marks(table: string): ReadonlyMap<string, number> {
    const rows = this.#marks.all(table) as unknown as ReadonlyArray<{ id: string; at: number }>;
    return new Map(rows.map(({ id, at }) => [id, at]));
  }

  async close(): Promise<void> {}

  #replace(writes: readonly RecordWrite[]): number | undefined {
    for (const { table, id, version } of writes) {
      const row = this.#one.get(table, id) as Pick<Row, 'version' | 'value'> | undefined;
      if ((row === undefined || row.value === null ? 0 : row.version) !== version) return undefined;
    }
    const { version } = this.#last.get() as { version: number | null };
    const first = (version ?? 0) + 1;
    writes.forEach(({ table, id, value }, index) => {
      this.#put.run(table, id, first + index, value === undefined ? null : JSON.stringify(value));
    });
    return first;
  }
}
