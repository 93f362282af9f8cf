/** Requests that are held back for one limit and caller: who came first goes first, and there are only so many chairs. */
import type { Cancellation } from '../cancellation.ts';

export interface Turn {
  /** False when the time is over, or the caller has left, before it came. */
  readonly comes: Promise<boolean>;
  /** Once it has come: when there will be enough, on the clock of `performance.now()`. */
  expect(at: number): void;
  /** Has to be called, whether it came or not: the next one goes on. */
  end(): void;
}

interface Waiting {
  readonly needsMs: number;
  call(): void;
}

export interface Entrance {
  /** On the clock of `performance.now()`. */
  readonly until: number;
  readonly left: Cancellation;
  /** How long what it asks for takes to refill, once all before it have had theirs. 0 where nobody knows. */
  readonly needsMs: number;
}

export class WaitingRoom {
  /** In the order in which they came; the first has its turn. */
  readonly #waiting: Waiting[] = [];
  /** When the first of them will have enough, as far as it is known. */
  #firstAt = 0;
  readonly #chairs: number;

  constructor(chairs: number) {
    this.#chairs = chairs;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Undefined when there is no chair, or those who came before leave too little time: then it would wait in vain. */
  enter({ until, left, needsMs }: Entrance): Turn | undefined {
    if (this.#waiting.length >= this.#chairs) return undefined;
    if (needsMs > 0 && !this.isEmpty && this.#lastAt() + needsMs > until) return undefined;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const giveUp = () => resolve(false);
    const timer = setTimeout(giveUp, until - performance.now());
    left.add(giveUp);
    const settle = () => {
      clearTimeout(timer);
      left.remove(giveUp);
    };
    const waiting: Waiting = {
      needsMs,
      call: () => {
        this.#firstAt = 0;
        settle();
        resolve(!left.isCancelled);
      },
    };
    this.#waiting.push(waiting);
    if (this.#waiting[0] === waiting) waiting.call();
    return {
      comes: promise,
      expect: (at) => {
        this.#firstAt = at;
      },
      end: () => {
        settle();
        const at = this.#waiting.indexOf(waiting);
        if (at !== -1) this.#waiting.splice(at, 1);
        if (at === 0) this.#waiting[0]?.call();
      },
    };
  }

  /** When the last of them will have had enough, at the earliest. */
  #lastAt(): number {
    let at = Math.max(this.#firstAt, performance.now());
    for (let index = 1; index < this.#waiting.length; index++) at += this.#waiting[index]!.needsMs;
    return at;
  }
}
