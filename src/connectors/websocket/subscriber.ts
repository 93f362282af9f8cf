/** One listener of a topic: a bounded queue that is read as an async iterator. */
import { UpstreamError } from '../../errors.ts';

export interface SubscriberLimits {
  readonly events: number;
  /** Counted in bytes of the frames that the events came in. */
  readonly bytes: number;
}

export class Subscriber implements AsyncIterableIterator<unknown> {
  /** The connection was lost since the last event: the next thing to deliver is a gap. */
  interrupted = false;
  readonly #connector: string;
  readonly #limits: SubscriberLimits;
  readonly #onEnd: () => void;
  #queue: Array<{ readonly value: unknown; readonly bytes: number }> = [];
  #bytes = 0;
  #waiting: Array<{
    readonly resolve: (result: IteratorResult<unknown>) => void;
    readonly reject: (error: UpstreamError) => void;
  }> = [];
  #ended = false;
  #error: UpstreamError | undefined;

  /** @param onEnd called once, when nothing more is to be pushed */
  constructor(connector: string, limits: SubscriberLimits, onEnd: () => void) {
    this.#connector = connector;
    this.#limits = limits;
    this.#onEnd = onEnd;
  }

  /** A subscriber that has too much unread already is ended with UPSTREAM_LIMITED. */
  push(value: unknown, bytes: number): void {
    if (this.#ended) return;
    const reader = this.#waiting.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value });
      return;
    }
    const { events, bytes: maxBytes } = this.#limits;
    const isFull = this.#queue.length >= events || this.#bytes + bytes > maxBytes;
    if (isFull && this.#queue.length > 0) {
      this.#empty();
      this.fail(
        new UpstreamError('UPSTREAM_LIMITED', this.#connector, {
          internal: `the subscriber did not read ${events} events or ${maxBytes} bytes`,
          publicText: 'The subscription was ended because its events were not read in time.',
        }),
      );
      return;
    }
    this.#queue.push({ value, bytes });
    this.#bytes += bytes;
  }

  /** What was pushed before is still read; then the error is thrown, once. */
  fail(error: UpstreamError): void {
    if (this.#ended) return;
    this.#ended = true;
    const reader = this.#waiting.shift();
    if (reader === undefined) this.#error = error;
    else reader.reject(error);
    this.#finish();
  }

  /** What was pushed before is still read. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#finish();
  }

  /** Nothing more is read. */
  leave(): void {
    this.#empty();
    this.#error = undefined;
    this.end();
  }

  next(): Promise<IteratorResult<unknown>> {
    const item = this.#queue.shift();
    if (item !== undefined) {
      this.#bytes -= item.bytes;
      return Promise.resolve({ done: false, value: item.value });
    }
    const error = this.#error;
    if (error !== undefined) {
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<unknown>> {
    this.leave();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #empty(): void {
    this.#queue = [];
    this.#bytes = 0;
  }

  #finish(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
    this.#onEnd();
  }
}
