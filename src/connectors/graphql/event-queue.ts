/** Events between a backend that pushes and a subscriber that pulls: bounded, and ended from either side. */
import { UpstreamError } from '../../errors.ts';

/** How many events may wait for one slow subscriber. */
export const MAX_WAITING_EVENTS = 1000;

export class EventQueue implements AsyncIterableIterator<unknown> {
  readonly #connector: string;
  readonly #onDone: () => void;
  readonly #waiting: unknown[] = [];
  #asking: Array<(result: IteratorResult<unknown> | PromiseLike<IteratorResult<unknown>>) => void> = [];
  #done = false;
  #failure: UpstreamError | undefined;

  /** @param onDone called once, when no more events are wanted or to be had */
  constructor(connector: string, onDone: () => void) {
    this.#connector = connector;
    this.#onDone = onDone;
  }

  push(event: unknown): void {
    if (this.#done) return;
    const ask = this.#asking.shift();
    if (ask !== undefined) ask({ value: event, done: false });
    else if (this.#waiting.length < MAX_WAITING_EVENTS) this.#waiting.push(event);
    else {
      this.fail(
        new UpstreamError('UPSTREAM_LIMITED', this.#connector, {
          internal: `${MAX_WAITING_EVENTS} events wait for a subscriber that does not take them`,
        }),
      );
    }
  }

  /** Events that wait are still delivered, then the failure. */
  fail(error: UpstreamError): void {
    if (this.#done) return;
    const ask = this.#asking.shift();
    if (ask === undefined) this.#failure = error;
    else ask(Promise.reject(error));
    this.end();
  }

  end(): void {
    if (this.#done) return;
    this.#done = true;
    for (const ask of this.#asking) ask({ value: undefined, done: true });
    this.#asking = [];
    this.#onDone();
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#waiting.length > 0) return Promise.resolve({ value: this.#waiting.shift(), done: false });
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    if (this.#done) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#asking.push(resolve));
  }

  /** Takes effect at once, also while a `next` waits. */
  return(): Promise<IteratorResult<unknown>> {
    this.#waiting.length = 0;
    this.#failure = undefined;
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
