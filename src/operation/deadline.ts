/** One operation's time: what runs is told to stop, and is not waited for when it does not. */

import { Cancellation } from '../cancellation.ts';
import { HemError } from '../errors.ts';
import { type Timeout, timeoutsOf } from '../timeouts.ts';

/** For what runs to give up by itself and to say what it has. */
const PATIENCE_MS = 500;

/** Cancelled when the time is over, or when the caller leaves. */
export class Deadline extends Cancellation {
  /** On the clock of `performance.now()`. */
  readonly at: number;
  readonly #caller: Cancellation;
  readonly #onMissed: () => void;
  #timeout: Timeout;

  /**
   * @param caller cancelled when the caller leaves
   * @param onMissed called some time after the end of the time, unless the operation has answered by then. Given here and not set
   * later: written into an object that has lived for a while, V8 keeps all that it refers to until the next full collection.
   */
  constructor(deadlineMs: number, caller: Cancellation, onMissed: () => void) {
    super();
    const now = performance.now();
    this.at = now + deadlineMs;
    this.#caller = caller;
    this.#onMissed = onMissed;
    this.#timeout = timeoutsOf(deadlineMs).start(this.#over, now);
    if (caller.isCancelled) this.cancel();
    caller.add(this.#leave);
  }

  /** The operation has answered: what still runs for it runs for nobody. */
  end(): void {
    this.#timeout.stop();
    this.#caller.remove(this.#leave);
    this.cancel();
  }

  readonly #leave = (): void => this.cancel();

  readonly #over = (): void => {
    this.#timeout = timeoutsOf(PATIENCE_MS).start(this.#onMissed);
    this.cancel();
  };
}

/** The time of an operation that answers in parts, each of which is waited for. */
export class DeadlineOfParts {
  readonly deadline: Deadline;
  #miss: ((error: HemError) => void) | undefined;
  #missed = false;

  /** @param caller cancelled when the caller leaves */
  constructor(deadlineMs: number, caller: Cancellation) {
    this.deadline = new Deadline(deadlineMs, caller, () => {
      this.#missed = true;
      this.#miss?.(new HemError('DEADLINE_EXCEEDED'));
    });
  }

  /** Waits for work. @throws {HemError} DEADLINE_EXCEEDED when it has not ended some time after the end of the time */
  wait<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#miss = reject;
      work.then(resolve, reject);
      // Further work may be waited for after that time: it has a turn of the event loop to be there.
      if (this.#missed) setImmediate(reject, new HemError('DEADLINE_EXCEEDED'));
    });
  }

  end(): void {
    this.deadline.end();
  }
}
