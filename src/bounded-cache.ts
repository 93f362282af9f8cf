/** What is kept until there is no room: then the least recently used goes. Tells how full it is. */
import { LRUCache } from 'lru-cache';

export interface CacheSize {
  readonly bytes: number;
  readonly entries: number;
  /** How many went because others came, since the beginning. */
  readonly evicted: number;
}

export class BoundedCache<Value extends object> {
  readonly #kept: LRUCache<string, Value>;
  #evicted = 0;

  /** @param maxBytes of all values together; one that is larger is not kept */
  constructor(maxBytes: number) {
    this.#kept = new LRUCache({
      ...{ maxSize: maxBytes, maxEntrySize: maxBytes },
      dispose: (_value, _key, reason) => {
        if (reason === 'evict') this.#evicted++;
      },
    });
  }

  get size(): CacheSize {
    return { bytes: this.#kept.calculatedSize, entries: this.#kept.size, evicted: this.#evicted };
  }

  get(key: string): Value | undefined {
    return this.#kept.get(key);
  }

  set(key: string, value: Value, bytes: number): void {
    this.#kept.set(key, value, { size: bytes });
  }

  delete(key: string): void {
    this.#kept.delete(key);
  }
}
