/** One operation's time: what runs is told to stop, and is not waited for when it does not. */
import { Cancellation } from '../upstream/cancellation.ts';

/** For what runs to give up by itself and to say what it has. */
const PATIENCE_MS = 500;

/** Cancelled when the time is over, or when the caller leaves. */
export class Deadline extends Cancellation {
  /** On the clock of `performance.now()`. */
  readonly at: number;
  readonly #caller: Cancellation;
  readonly #onMissed: () => void;
  #timer: NodeJS.Timeout;

  /**
   * @param caller cancelled when the caller leaves
   * @param onMissed called some time after the end of the time, unless the operation has answered by then
   */
  constructor(deadlineMs: number, caller: Cancellation, onMissed: () => void) {
    super();
    this.at = performance.now() + deadlineMs;
    this.#caller = caller;
    this.#onMissed = onMissed;
    this.#timer = setTimeout(this.#over, deadlineMs);
    if (caller.isCancelled) this.cancel();
    caller.add(this.#leave);
  }

  /** The operation has answered: what still runs for it runs for nobody. */
  end(): void {
    clearTimeout(this.#timer);
    this.#caller.remove(this.#leave);
    this.cancel();
  }

  readonly #leave = (): void => this.cancel();

  readonly #over = (): void => {
    this.#timer = setTimeout(this.#onMissed, PATIENCE_MS);
    this.cancel();
  };
}
