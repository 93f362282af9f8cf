/** What was answered, where several processes share it; and what is out of date, for all of them. */

export interface StoredAnswer {
  readonly json: string;
  readonly tags: readonly string[];
}

export interface CacheStore {
  /** Whether there is more than this process's memory. */
  readonly isShared: boolean;
  /** What is known to be out of date so far; goes with what begins to be made now. */
  readonly revision: number;
  /** Undefined for what is not there, is out of date, or cannot be had at once. Never rejects. */
  get(key: string): Promise<(StoredAnswer & { readonly ageMs: number }) | undefined>;
  /** What was made now. Neither waits nor throws. @param revision when it began to be made */
  set(key: string, answer: StoredAnswer, how: { readonly revision: number; readonly ttlMs: number }): void;
  /** Tells all processes, this one by the caller's own care; as soon as the store is there again, when it is not. Never throws. */
  invalidate(tags: readonly string[]): void;
  /** What other processes found out of date. @param listener undefined: everything may be */
  onInvalidated(listener: (tags: readonly string[] | undefined) => void): void;
}

/** For a single process: nothing is shared. */
export const MEMORY_ONLY: CacheStore = {
  isShared: false,
  revision: 0,
  get: async () => undefined,
  set: () => {},
  invalidate: () => {},
  onInvalidated: () => {},
};
