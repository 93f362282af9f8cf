/** Requests that are held back for one limit and caller: who came first goes first, and there are only so many chairs. */
import type { Cancellation } from '../cancellation.ts';

export interface Turn {
  /** False when the time is over, or the caller has left, before it came. */
  readonly comes: Promise<boolean>;
  /** Has to be called, whether it came or not: the next one goes on. */
  end(): void;
}

interface Waiting {
  call(): void;
}

export class WaitingRoom {
  /** In the order in which they came; the first has its turn. */
  readonly #waiting: Waiting[] = [];
  readonly #chairs: number;

  constructor(chairs: number) {
    this.#chairs = chairs;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Undefined when there is no chair. @param until on the clock of `performance.now()` */
  enter({ until, left }: { readonly until: number; readonly left: Cancellation }): Turn | undefined {
    if (this.#waiting.length >= this.#chairs) return undefined;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const giveUp = () => resolve(false);
    const timer = setTimeout(giveUp, until - performance.now());
    left.add(giveUp);
    const settle = () => {
      clearTimeout(timer);
      left.remove(giveUp);
    };
    const waiting: Waiting = {
      call() {
        settle();
        resolve(!left.isCancelled);
      },
    };
    this.#waiting.push(waiting);
    if (this.#waiting[0] === waiting) waiting.call();
    return {
      comes: promise,
      end: () => {
        settle();
        const at = this.#waiting.indexOf(waiting);
        if (at !== -1) this.#waiting.splice(at, 1);
        if (at === 0) this.#waiting[0]?.call();
      },
    };
  }
}
