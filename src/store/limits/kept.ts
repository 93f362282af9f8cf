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

/** So much at once, as a part of all: a request has to wait for it. */
const FORGOTTEN = 1 / 500;
/** For each that is forgotten, so many are looked at, and fewer of them spared. */
const SEEN = 20;
const SPARED = 10;

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

  /** The oldest first; those that were asked for are spared once, unless that would take long. What is needed stays, even if it is too many. */
  #makeRoom(): void {
    const wanted = Math.ceil(this.#most * FORGOTTEN);
    const forgotten: Item[] = [];
    let seen = 0;
    for (const [key, item] of this.#items) {
      if (forgotten.length >= wanted || ++seen > wanted * SEEN) break;
      this.#items.delete(key);
      if (item.isNeeded || (item.isRecent && seen < wanted * SPARED)) {
        item.isRecent = false;
        this.#items.set(key, item);
      } else forgotten.push(item);
    }
    this.#forgetting(forgotten);
  }
}
