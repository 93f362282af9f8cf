/** When what was kept under a tag came to be out of date, on a clock that only counts. Bounded: what is forgotten counts as out of date. */

const MAX_TAGS = 10_000;

export class TagClock {
  /** Oldest first. */
  readonly #marked = new Map<string, number>();
  /** Whatever was kept before is out of date. */
  #floor = 0;
  #now = 0;

  /** Of the last mark. What begins to be made now, and is kept later, is stamped with it. */
  get now(): number {
    return this.#now;
  }

  /** Everything kept under these tags so far is out of date. @param at not before now; by default the next tick */
  mark(tags: Iterable<string>, at = this.#now + 1): void {
    this.#now = at;
    for (const tag of tags) {
      this.#marked.delete(tag);
      this.#marked.set(tag, at);
    }
    for (const [oldest, marked] of this.#marked) {
      if (this.#marked.size <= MAX_TAGS) break;
      this.#marked.delete(oldest);
      this.#floor = Math.max(this.#floor, marked);
    }
  }

  /** When one of these tags was last marked, or everything was; of what is forgotten, not before that. */
  lastMarked(tags: readonly string[]): number {
    return tags.reduce((last, tag) => Math.max(last, this.#marked.get(tag) ?? 0), this.#floor);
  }

  /** Everything kept so far is out of date. */
  markAll(at = this.#now + 1): void {
    this.#now = at;
    this.#floor = at;
    this.#marked.clear();
  }

  /** Whether nothing was marked since a stamp under any of the tags. */
  isCurrent(tags: readonly string[], stamp: number): boolean {
    if (stamp >= this.#now) return true;
    return stamp >= this.#floor && tags.every((tag) => (this.#marked.get(tag) ?? 0) <= stamp);
  }
}
