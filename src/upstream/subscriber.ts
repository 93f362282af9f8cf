/** One reader of events that a backend pushes: a bounded buffer that is read as an async iterator, and ended from either side. */
import { UpstreamError } from '../errors.ts';

/** Many events come at once: a reader is late when it has not caught up with them by then. */
const CATCH_UP_MS = 5000;
/** What is counted for an event beyond its bytes on the wire: two of them can become a value, whose place here takes many times that. */
const ITEM_BYTES = 100;

export interface SubscriberOptions {
  readonly connector: string;
  /** What may wait to be read, in events and in bytes, of which each event counts some beyond its own. One event always fits. */
  readonly events: number;
  readonly bytes: number;
  /**
   * For backends that wait with what has no place: how long that may be while nothing is taken. By default more events than `events`,
   * but no more bytes, wait for a few seconds: a reader that has not caught up by then is cut off.
   */
  readonly patienceMs?: number;
  /** The reader leaves when it aborts. One that has aborted already is the caller's affair. */
  readonly signal?: AbortSignal;
  /** Called once, when nothing more is to be pushed. */
  onEnd?(): void;
}

interface Item {
  readonly value: unknown;
  /** On the wire, and those of its place. */
  readonly bytes: number;
  /** To be called once the event has a place in the buffer. */
  readonly accepted: (() => void) | undefined;
}

/** Why the stream of a reader that is late ends. @param internal how late it was */
export function notRead(connector: string, internal: string): UpstreamError {
  return new UpstreamError('UPSTREAM_LIMITED', connector, {
    internal,
    publicText: 'The subscription was ended because its events were not read in time.',
  });
}

export class Subscriber implements AsyncIterableIterator<unknown> {
  readonly #options: SubscriberOptions;
  /** Unread from `#head` on. */
  #items: Item[] = [];
  #head = 0;
  /** Between `#head` and this are those that have their place. */
  #acceptedEnd = 0;
  #acceptedBytes = 0;
  /** Of all that is unread. */
  #bytes = 0;
  #readers: Array<PromiseWithResolvers<IteratorResult<unknown>>> = [];
  #ended = false;
  #error: UpstreamError | undefined;
  #stalling: NodeJS.Timeout | undefined;
  readonly #onAbort = () => this.leave();

  constructor(options: SubscriberOptions) {
    this.#options = options;
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** A stream that only says why there is none. */
  static failed(error: UpstreamError): Subscriber {
    const subscriber = new Subscriber({ connector: error.connector, events: 0, bytes: 0 });
    subscriber.fail(error);
    return subscriber;
  }

  /**
   * Takes an event of so many bytes on the wire. Returns true when it needs no waiting for: it is read, has its place in the buffer, or nobody wants it.
   * Otherwise `accepted` is called when that has become so.
   */
  push(value: unknown, wireBytes: number, accepted?: () => void): boolean {
    if (this.#ended) return true;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value });
      return true;
    }
    const bytes = wireBytes + ITEM_BYTES;
    const fits = this.#acceptedEnd === this.#items.length && this.#fits(bytes);
    const { patienceMs, bytes: maxBytes } = this.#options;
    if (!fits && patienceMs === undefined && this.#bytes + bytes > maxBytes) {
      this.#cutOff();
      return true;
    }
    this.#items.push({ value, bytes, accepted: fits ? undefined : accepted });
    this.#bytes += bytes;
    if (fits) {
      this.#accept(bytes);
    } else if (this.#stalling === undefined) {
      this.#stalling = setTimeout(() => this.#cutOff(), patienceMs ?? CATCH_UP_MS);
      this.#stalling.unref();
    }
    return fits;
  }

  /** What was pushed before is still read; then the error is thrown, once. */
  fail(error: UpstreamError): void {
    this.#finish(error);
  }

  /** What was pushed before is still read. */
  end(): void {
    this.#finish(undefined);
  }

  /** Nothing more is read. Takes effect at once, also while a `next` waits. */
  leave(): void {
    this.end();
    this.#clear();
    this.#error = undefined;
  }

  next(): Promise<IteratorResult<unknown>> {
    const item = this.#items[this.#head];
    if (item !== undefined) {
      this.#advance();
      return Promise.resolve({ done: false, value: item.value });
    }
    const error = this.#error;
    if (error !== undefined) {
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve(DONE);
    const reader = Promise.withResolvers<IteratorResult<unknown>>();
    this.#readers.push(reader);
    return reader.promise;
  }

  return(): Promise<IteratorResult<unknown>> {
    this.leave();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #cutOff(): void {
    const { connector, events, bytes } = this.#options;
    this.fail(notRead(connector, `the subscriber did not read ${events} events or ${bytes} bytes`));
    this.#clear();
  }

  #finish(error: UpstreamError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#stalling);
    const waiting = this.#items.slice(this.#acceptedEnd);
    this.#acceptedEnd = this.#items.length;
    for (const { accepted } of waiting) accepted?.();
    const [first, ...others] = this.#readers;
    this.#readers = [];
    if (first === undefined) this.#error = error;
    else if (error === undefined) first.resolve(DONE);
    else first.reject(error);
    for (const reader of others) reader.resolve(DONE);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#options.onEnd?.();
  }

  #advance(): void {
    const { bytes } = this.#items[this.#head]!;
    this.#acceptedBytes -= bytes;
    this.#bytes -= bytes;
    this.#head++;
    const moved: Item[] = [];
    for (;;) {
      const item = this.#items[this.#acceptedEnd];
      if (item === undefined || !this.#fits(item.bytes)) break;
      this.#accept(item.bytes);
      moved.push(item);
    }
    if (this.#stalling !== undefined) this.#moved(this.#stalling);
    if (this.#head === this.#items.length) {
      this.#clear();
    } else if (this.#head >= 64 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#acceptedEnd -= this.#head;
      this.#head = 0;
    }
    for (const { accepted } of moved) accepted?.();
  }

  /** A backend that waits keeps the buffer full for a reader that takes one event after another: that alone is not late. */
  #moved(stalling: NodeJS.Timeout): void {
    if (this.#acceptedEnd === this.#items.length) {
      clearTimeout(stalling);
      this.#stalling = undefined;
    } else if (this.#options.patienceMs !== undefined) {
      stalling.refresh();
    }
  }

  #fits(bytes: number): boolean {
    const count = this.#acceptedEnd - this.#head;
    const { events, bytes: maxBytes } = this.#options;
    return count === 0 || (count < events && this.#acceptedBytes + bytes <= maxBytes);
  }

  #accept(bytes: number): void {
    this.#acceptedEnd++;
    this.#acceptedBytes += bytes;
  }

  #clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#acceptedEnd = 0;
    this.#acceptedBytes = 0;
    this.#bytes = 0;
  }
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };
