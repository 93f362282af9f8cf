/** One reader of a shared queue: a bounded buffer that is read as a stream. */
import type { UpstreamError } from '../../errors.ts';

export interface SubscriberOptions {
  /** Places in the buffer. What comes on top is unacknowledged, so the broker's prefetch bounds it. */
  readonly buffer: number;
  /** How long the buffer may stay full. */
  readonly patienceMs: number;
  /** The buffer stayed full for too long. */
  onStalled(subscriber: Subscriber): void;
  /** The reader wants no more. May be called repeatedly. */
  onLeave(subscriber: Subscriber): void;
}

interface Item {
  readonly event: unknown;
  /** To be called once the event has a place in the buffer. */
  accepted: (() => void) | undefined;
}

export class Subscriber {
  readonly #options: SubscriberOptions;
  /** Unread from `#head` on. */
  #items: Item[] = [];
  #head = 0;
  #readers: Array<PromiseWithResolvers<IteratorResult<unknown>>> = [];
  #ended = false;
  #error: UpstreamError | undefined;
  #stalling: NodeJS.Timeout | undefined;

  constructor(options: SubscriberOptions) {
    this.#options = options;
  }

  /**
   * Takes an event. Returns true when it has its place in the buffer; otherwise `accepted` is called when it gets one, or when
   * the subscriber is gone and needs none.
   */
  push(event: unknown, accepted?: () => void): boolean {
    if (this.#ended) return true;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: event });
      return true;
    }
    const fits = this.#items.length - this.#head < this.#options.buffer;
    this.#items.push({ event, accepted: fits ? undefined : accepted });
    if (!fits && this.#stalling === undefined) {
      this.#stalling = setTimeout(() => this.#options.onStalled(this), this.#options.patienceMs);
      this.#stalling.unref();
    }
    return fits;
  }

  next(): Promise<IteratorResult<unknown>> {
    const item = this.#items[this.#head];
    if (item !== undefined) {
      this.#advance();
      return Promise.resolve({ done: false, value: item.event });
    }
    if (this.#ended) {
      const error = this.#error;
      this.#error = undefined;
      return error === undefined ? Promise.resolve(DONE) : Promise.reject(error);
    }
    const reader = Promise.withResolvers<IteratorResult<unknown>>();
    this.#readers.push(reader);
    return reader.promise;
  }

  /** Ends the stream: at once with an error, otherwise after what is buffered. */
  end(error?: UpstreamError): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#stalling);
    const waiting = this.#items.slice(this.#head);
    if (error !== undefined) this.#clear();
    for (const item of waiting) {
      item.accepted?.();
      item.accepted = undefined;
    }
    const [first, ...others] = this.#readers;
    this.#readers = [];
    if (first === undefined) {
      this.#error = error;
    } else if (error === undefined) {
      first.resolve(DONE);
    } else {
      first.reject(error);
    }
    for (const reader of others) reader.resolve(DONE);
  }

  leave(): void {
    this.end();
    this.#clear();
    this.#options.onLeave(this);
  }

  #advance(): void {
    this.#head++;
    const count = this.#items.length - this.#head;
    // The item that just moved into the last place of the buffer.
    const moved = this.#items[this.#head + this.#options.buffer - 1];
    const accepted = moved?.accepted;
    if (moved !== undefined) moved.accepted = undefined;
    if (count <= this.#options.buffer && this.#stalling !== undefined) {
      clearTimeout(this.#stalling);
      this.#stalling = undefined;
    }
    if (count === 0) {
      this.#clear();
    } else if (this.#head >= 64 && this.#head >= count) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    accepted?.();
  }

  #clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };
