/** Hands results on until it is told to end, also while none comes. */
type Step<Result> = IteratorResult<Result, undefined>;

const DONE = { done: true, value: undefined } as const;

/**
 * An async generator that waits for its source cannot return before the source has something: this can. Written by hand because
 * a race of every `next` against one long-lived promise would keep a reaction per event.
 */
export class Relay<Result> implements AsyncGenerator<Result, undefined, undefined> {
  readonly #source: AsyncIterator<Result, unknown>;
  readonly #onReturn: (() => void) | undefined;
  #waiting: ((step: Step<Result>) => void) | undefined;
  #farewell: Result | undefined;
  #ended = false;

  /** @param onReturn told when the reader wants no more, before anything else is */
  constructor(source: AsyncIterable<Result>, onReturn?: () => void) {
    this.#onReturn = onReturn;
    this.#source = source[Symbol.asyncIterator]();
  }

  /** No more results but this one. */
  end(farewell?: Result): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#farewell = farewell;
    this.#source.return?.().then(undefined, () => {});
    this.#waiting?.(this.#last());
  }

  next(): Promise<Step<Result>> {
    if (this.#ended) return Promise.resolve(this.#last());
    return new Promise((resolve, reject) => {
      this.#waiting = resolve;
      this.#source.next().then(
        (step) => {
          if (step.done !== true) return resolve(step);
          this.#ended = true;
          resolve(DONE);
        },
        (error: unknown) => {
          this.#ended = true;
          reject(error);
        },
      );
    });
  }

  return(): Promise<Step<Result>> {
    this.#onReturn?.();
    this.end();
    this.#farewell = undefined;
    return Promise.resolve(DONE);
  }

  throw(error: unknown): Promise<Step<Result>> {
    this.end();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #last(): Step<Result> {
    const farewell = this.#farewell;
    this.#farewell = undefined;
    return farewell === undefined ? DONE : { done: false, value: farewell };
  }
}
