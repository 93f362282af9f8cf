/** Records in memory, as far as they were read. */
import type { RecordChange, StoredRecord } from './record-store.ts';

/** One record as it travels; a value of undefined says that it was removed. */
export interface RecordRow extends StoredRecord {
  readonly table: string;
}

export class RecordTables {
  /** Up to which version everything is here. */
  revision = 0;
  /** Which history the versions are of: a store that lost its data begins another. */
  epoch = '';
  readonly #tables = new Map<string, Map<string, RecordRow>>();
  #changes: RecordChange[] = [];

  get<Value>(table: string, id: string): StoredRecord<Value> | undefined {
    const row = this.#tables.get(table)?.get(id);
    return row?.value === undefined ? undefined : (row as StoredRecord<Value>);
  }

  all<Value>(table: string): readonly StoredRecord<Value>[] {
    return [...(this.#tables.get(table)?.values() ?? [])].filter(
      (row): row is RecordRow & StoredRecord<Value> => row.value !== undefined,
    );
  }

  /** Those that were removed, too. */
  rows(): readonly RecordRow[] {
    return [...this.#tables.values()].flatMap((table) => [...table.values()]);
  }

  /** What is not newer than what is here changes nothing. */
  apply(row: RecordRow): void {
    let table = this.#tables.get(row.table);
    if (table === undefined) {
      table = new Map();
      this.#tables.set(row.table, table);
    }
    if ((table.get(row.id)?.version ?? 0) >= row.version) return;
    table.set(row.id, row);
    this.#changes.push({ table: row.table, id: row.id });
  }

  /** Becomes what others are. All may have changed: the same version may be of another history. */
  replaceBy(others: RecordTables): void {
    const before = this.rows();
    const rows = others.rows();
    this.#tables.clear();
    for (const row of rows) this.apply(row);
    this.#changes = [...before, ...rows].map(({ table, id }) => ({ table, id }));
    this.revision = others.revision;
    this.epoch = others.epoch;
  }

  /** What has changed since this was last called. */
  takeChanges(): readonly RecordChange[] {
    const changes = this.#changes;
    if (changes.length > 0) this.#changes = [];
    return changes;
  }
}
