/** What is made for one caller takes time, and counts for a while: made once at a time for each, and kept for a bounded number. */
import { hash, randomBytes } from 'node:crypto';

const MAX_KEPT = 5000;
/** A call may take a while, and what is refused is made anew every second. */
const MAX_EARLIER = 10;
/** What failed is not tried again, and what was refused not made anew, before this is over. */
const COOL_DOWN_MS = 1000;

export interface Made<Value> {
  readonly value: Value;
  /** How long it counts. */
  readonly lifeMs: number;
}

interface Entry<Value> {
  /** A promise while it is made, and after that has failed. */
  outcome: Value | Promise<Value>;
  until: number;
  readonly madeAt: number;
  /** Those before, the last one first. */
  readonly earlier: readonly Value[];
}

export class PerCaller<Value extends object> {
  readonly #secret = randomBytes(32).toString('base64url');
  /** Oldest first. */
  readonly #entries = new Map<string, Entry<Value>>();

  /** @param caller what makes callers different; kept as a keyed hash */
  get(caller: string, make: () => Promise<Made<Value>>): Value | Promise<Value> {
    const id = this.#idOf(caller);
    const now = performance.now();
    const known = this.#entries.get(id);
    if (known !== undefined && now < known.until) return known.outcome;
    const earlier = this.last(caller).slice(0, MAX_EARLIER);
    this.#entries.delete(id);
    if (this.#entries.size >= MAX_KEPT) this.#entries.delete(this.#entries.keys().next().value!);
    const making = make();
    const entry: Entry<Value> = {
      outcome: making.then(({ value }) => value),
      until: Number.POSITIVE_INFINITY,
      madeAt: now,
      earlier,
    };
    this.#entries.set(id, entry);
    making.then(
      ({ value, lifeMs }) => {
        entry.outcome = value;
        entry.until = performance.now() + lifeMs;
      },
      () => {
        entry.until = performance.now() + COOL_DOWN_MS;
      },
    );
    return entry.outcome;
  }

  /** A backend has refused what this caller had. */
  forget(caller: string): void {
    const id = this.#idOf(caller);
    const known = this.#entries.get(id);
    if (known !== undefined && performance.now() > known.madeAt + COOL_DOWN_MS) known.until = 0;
  }

  /** What was made for this caller, whether it still counts or not: the last first. */
  last(caller: string): readonly Value[] {
    const known = this.#entries.get(this.#idOf(caller));
    if (known === undefined) return [];
    const { outcome, earlier } = known;
    return outcome instanceof Promise ? earlier : [outcome, ...earlier];
  }

  #idOf(caller: string): string {
    return hash('sha256', this.#secret + caller, 'base64url');
  }
}
