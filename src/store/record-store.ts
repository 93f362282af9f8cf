/**
 * Small tables that every process holds as a whole: reading them waits for nobody, and goes on while the store is gone. What one process
 * writes all know within a second.
 */

export interface StoredRecord<Value = unknown> {
  readonly id: string;
  /** Higher with each write, among the records of all tables. */
  readonly version: number;
  /** JSON. Frozen at no depth: whoever reads it leaves it as it is. */
  readonly value: Value;
}

export interface RecordWrite {
  readonly table: string;
  readonly id: string;
  /** Of what is replaced; 0 where nothing is. */
  readonly version: number;
  /** Undefined removes it. */
  readonly value: unknown;
}

export interface RecordChange {
  readonly table: string;
  readonly id: string;
}

export interface RecordStore extends AsyncDisposable {
  /** Whether this process has had the whole of it: from the store, or from a copy of an earlier process. */
  readonly isComplete: boolean;
  /** Whether the store answered when it was last asked: what is known may be out of date where it did not. */
  readonly isFollowed: boolean;
  get<Value>(table: string, id: string): StoredRecord<Value> | undefined;
  all<Value>(table: string): readonly StoredRecord<Value>[];
  /**
   * All, or none where one of them was changed meanwhile.
   * @returns whether they were written. If not, what changed has been read by then
   * @throws {HemError} STORE_UNAVAILABLE: perhaps it was written all the same
   */
  write(writes: readonly RecordWrite[]): Promise<boolean>;
  /** Resolves once what others have written by now is known, or the store cannot be asked or does not answer soon. Many who ask at once ask once. Never rejects. */
  catchUp(): Promise<void>;
  /** @returns what stops listening */
  onChange(listener: (changes: readonly RecordChange[]) => void): () => void;
  /** Notes when something last happened, beside the records and without their guarantees. @throws {HemError} STORE_UNAVAILABLE */
  mark(table: string, times: ReadonlyMap<string, number>): Promise<void>;
  /** @throws {HemError} STORE_UNAVAILABLE */
  marks(table: string): Promise<ReadonlyMap<string, number>>;
}
