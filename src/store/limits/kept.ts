/**
 * What is kept in memory of partitions, by key, bounded: callers choose some of them, such as addresses. Where room is needed, those go
 * that were not asked for since the last time room was needed. Finding one changes nothing in the Map: see `src/doors/in-flight.ts`.
 */
export interface Keepable {
  /** Set whenever it is found. */
  isRecent: boolean;
  /** What must not be forgotten now. */
  readonly isNeeded: boolean;
}

export class Kept<Item extends Keepable> {
  readonly #items = new Map<string, Item>();
  readonly #most: number;
  readonly #forgetting: (forgotten: readonly Item[]) => void;

  /** @param forgetting is given those that go, once they are gone */
  constructor(most: number, forgetting: (forgotten: readonly Item[]) => void = () => {}) {
    this.#most = most;
    this.#forgetting = forgetting;
  }

  get size(): number {
    return this.#items.size;
  }

  find(key: string): Item | undefined {
    const item = this.#items.get(key);
    if (item !== undefined) item.isRecent = true;
    return item;
  }

  add(key: string, item: Item): void {
    if (this.#items.size >= this.#most) this.#makeRoom();
    this.#items.set(key, item);
  }

  values(): Iterable<Item> {
    return this.#items.values();
  }

  /** A tenth, the oldest first; each is spared once when it was asked for. What is needed stays, even if there are too many. */
  #makeRoom(): void {
    const forgotten: Item[] = [];
    const wanted = Math.ceil(this.#most / 10);
    let seen = 0;
    const most = this.#items.size * 2;
    for (const [key, item] of this.#items) {
      if (forgotten.length >= wanted || ++seen > most) break;
      this.#items.delete(key);
      if (item.isNeeded || item.isRecent) {
        item.isRecent = false;
        this.#items.set(key, item);
      } else forgotten.push(item);
    }
    this.#forgetting(forgotten);
  }
}
