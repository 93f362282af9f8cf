/** One operation's time: what runs is told to stop, and is not waited for when it does not. */
import { HemError } from '../errors.ts';

/** For what runs to give up by itself and to say what it has. */
const PATIENCE_MS = 500;

export class Deadline {
  readonly #over = new AbortController();
  readonly #caller: AbortSignal;
  #timer: NodeJS.Timeout;
  #miss: ((error: HemError) => void) | undefined;
  #missed = false;

  /** @param caller aborts when the caller leaves */
  constructor(deadlineMs: number, caller: AbortSignal) {
    this.#caller = caller;
    this.#timer = setTimeout(() => {
      this.#stop();
      this.#timer = setTimeout(() => {
        this.#missed = true;
        this.#miss?.(new HemError('DEADLINE_EXCEEDED'));
      }, PATIENCE_MS);
    }, deadlineMs);
    if (caller.aborted) this.#stop();
    caller.addEventListener('abort', this.#stop, { once: true });
  }

  /** Aborts at the deadline, or when the caller leaves. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Waits for work. @throws {HemError} DEADLINE_EXCEEDED when it has not ended some time after the signal */
  wait<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#miss = reject;
      work.then(resolve, reject);
      // Of an operation in parts, further work may be waited for after that time: it has a turn of the event loop to be there.
      if (this.#missed) setImmediate(reject, new HemError('DEADLINE_EXCEEDED'));
    });
  }

  /** The operation has answered. */
  end(): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener('abort', this.#stop);
  }

  readonly #stop = (): void => this.#over.abort();
}
