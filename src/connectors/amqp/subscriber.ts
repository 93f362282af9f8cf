/** One reader of a shared queue: a bounded buffer that is read as a stream. */
import type { UpstreamError } from '../../errors.ts';

export interface SubscriberOptions {
  /** What the buffer holds; one event always fits. What comes on top is unacknowledged, so the prefetch bounds it. */
  readonly buffer: number;
  readonly bufferBytes: number;
  /** How long the buffer may stay full. */
  readonly patienceMs: number;
  /** The buffer stayed full for too long. */
  onStalled(subscriber: Subscriber): void;
  /** The reader wants no more. May be called repeatedly. */
  onLeave(subscriber: Subscriber): void;
}

interface Item {
  readonly event: unknown;
  readonly bytes: number;
  /** To be called once the event has a place in the buffer. */
  readonly accepted: (() => void) | undefined;
}

export class Subscriber {
  readonly #options: SubscriberOptions;
  /** Unread from `#head` on. */
  #items: Item[] = [];
  #head = 0;
  /** Between `#head` and this are those that have their place. */
  #acceptedEnd = 0;
  #acceptedBytes = 0;
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
  push(event: unknown, bytes: number, accepted?: () => void): boolean {
    if (this.#ended) return true;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: event });
      return true;
    }
    const fits = this.#acceptedEnd === this.#items.length && this.#fits(bytes);
    this.#items.push({ event, bytes, accepted: fits ? undefined : accepted });
    if (fits) {
      this.#accept(bytes);
    } else if (this.#stalling === undefined) {
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
    const waiting = this.#items.slice(this.#acceptedEnd);
    if (error !== undefined) this.#clear();
    else this.#acceptedEnd = this.#items.length;
    for (const { accepted } of waiting) accepted?.();
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
    this.#acceptedBytes -= this.#items[this.#head]!.bytes;
    this.#head++;
    const moved: Item[] = [];
    for (;;) {
      const item = this.#items[this.#acceptedEnd];
      if (item === undefined || !this.#fits(item.bytes)) break;
      this.#accept(item.bytes);
      moved.push(item);
    }
    if (this.#acceptedEnd === this.#items.length && this.#stalling !== undefined) {
      clearTimeout(this.#stalling);
      this.#stalling = undefined;
    }
    if (this.#head === this.#items.length) {
      this.#clear();
    } else if (this.#head >= 64 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#acceptedEnd -= this.#head;
      this.#head = 0;
    }
    for (const { accepted } of moved) accepted?.();
  }

  #fits(bytes: number): boolean {
    const count = this.#acceptedEnd - this.#head;
    const { buffer, bufferBytes } = this.#options;
    return count === 0 || (count < buffer && this.#acceptedBytes + bytes <= bufferBytes);
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
  }
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };
