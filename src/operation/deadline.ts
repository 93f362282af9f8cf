/** One operation's time: what runs is told to stop, and is not waited for when it does not. */
import { HemError } from '../errors.ts';

/** For what runs to give up by itself and to say what it has. */
const PATIENCE_MS = 500;

export class Deadline {
  readonly #over = new AbortController();
  readonly #caller: AbortSignal;
  #timer: NodeJS.Timeout;
  /** Rejects with DEADLINE_EXCEEDED some time after the signal; never resolves. */
  readonly missed: Promise<never>;

  /** @param caller aborts when the caller leaves */
  constructor(deadlineMs: number, caller: AbortSignal) {
    this.#caller = caller;
    let miss!: (error: HemError) => void;
    this.missed = new Promise((_resolve, reject) => {
      miss = reject;
    });
    // Whoever waits reads it; nobody else is to be told.
    this.missed.catch(() => {});
    this.#timer = setTimeout(() => {
      this.#stop();
      this.#timer = setTimeout(() => miss(new HemError('DEADLINE_EXCEEDED')), PATIENCE_MS);
    }, deadlineMs);
    if (caller.aborted) this.#stop();
    caller.addEventListener('abort', this.#stop, { once: true });
  }

  /** Aborts at the deadline, or when the caller leaves. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** The operation has answered. */
  end(): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener('abort', this.#stop);
  }

  readonly #stop = (): void => this.#over.abort();
}
