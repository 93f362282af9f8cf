/** Which plans stay in memory: as many as have no more fields together than a limit. All clients share it. */

/** Some 5 KB each. */
const MAX_FIELDS = 20_000;

/** A plan that may be forgotten, to be compiled anew if it comes back. */
export interface Forgettable {
  /** What it weighs. */
  readonly fields: number;
  /** Set whenever it is used. */
  used: boolean;
  forget(): void;
}

export class KeptPlans {
  readonly #maxFields: number;
  /** The next to be looked at first. */
  readonly #queue = new Set<Forgettable>();
  #fields = 0;

  constructor(maxFields = MAX_FIELDS) {
    this.#maxFields = maxFields;
  }

  get fields(): number {
    return this.#fields;
  }

  /** Makes room where there is none: what was used since it was looked at last stays for another round. */
  add(plan: Forgettable): void {
    this.#queue.add(plan);
    this.#fields += plan.fields;
    for (const next of this.#queue) {
      if (this.#fields <= this.#maxFields || this.#queue.size === 1) return;
      if (next.used) {
        next.used = false;
        // To the end of the queue, which this loop reaches, too.
        this.#queue.delete(next);
        this.#queue.add(next);
      } else {
        this.remove(next);
        next.forget();
      }
    }
  }

  remove(plan: Forgettable): void {
    if (this.#queue.delete(plan)) this.#fields -= plan.fields;
  }
}
