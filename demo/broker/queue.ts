/** A queue: keeps messages in order until a consumer has room for them. */
import { LIMITS } from './limits.ts';

export interface Message {
  readonly exchange: string;
  readonly routingKey: string;
  /** As they came; see `properties.ts`. */
  readonly properties: Buffer;
  readonly body: Buffer;
  /** How long it may wait, in milliseconds. */
  readonly lifeMs: number;
}

/** A message in a queue, or on its way to a consumer that has not acknowledged it. */
export interface Stored {
  readonly message: Message;
  /** Its place, to which it returns when it is put back. */
  readonly position: number;
  /** On the clock of `performance.now()`. */
  readonly expiresAt: number;
  redelivered: boolean;
}

export interface Consumer {
  readonly exclusive: boolean;
  /** Whether it has room for one more. */
  isReady(): boolean;
  take(stored: Stored): void;
  /** The queue is gone. */
  cancel(): void;
}

export interface QueueSettings {
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  readonly maxLength: number;
  readonly lifeMs: number;
}

export class Queue {
  readonly name: string;
  readonly settings: QueueSettings;
  /** The connection that an exclusive queue belongs to. */
  readonly owner: object | undefined;
  readonly #consumers: Consumer[] = [];
  #stored: Stored[] = [];
  #bytes = 0;
  #nextPosition = 0;
  #deleted = false;

  constructor(name: string, settings: QueueSettings, owner: object | undefined) {
    this.name = name;
    this.settings = settings;
    this.owner = owner;
  }

  get consumerCount(): number {
    return this.#consumers.length;
  }

  get hasExclusiveConsumer(): boolean {
    return this.#consumers.some(({ exclusive }) => exclusive);
  }

  get messageCount(): number {
    this.#expire();
    return this.#stored.length;
  }

  enqueue(message: Message): void {
    const lifeMs = Math.min(message.lifeMs, this.settings.lifeMs);
    const stored: Stored = {
      message,
      position: this.#nextPosition++,
      expiresAt: performance.now() + lifeMs,
      redelivered: false,
    };
    const consumer = this.#stored.length === 0 ? this.#nextConsumer() : undefined;
    if (consumer !== undefined) {
      consumer.take(stored);
      return;
    }
    this.#insert(this.#stored.length, [stored]);
    this.#trim();
    this.deliver();
  }

  /** The next message, for a client that fetches it. */
  dequeue(): Stored | undefined {
    this.#expire();
    return this.#shift();
  }

  /** Puts back what was not acknowledged, each at its old place. */
  requeue(returned: readonly Stored[]): void {
    if (this.#deleted || returned.length === 0) return;
    for (const stored of returned) {
      stored.redelivered = true;
      const after = this.#stored.findIndex(({ position }) => position > stored.position);
      this.#insert(after === -1 ? this.#stored.length : after, [stored]);
    }
    this.#trim();
    this.deliver();
  }

  /** Gives waiting messages to consumers, in turn, as long as one has room. */
  deliver(): void {
    for (;;) {
      this.#expire();
      if (this.#stored.length === 0) return;
      const consumer = this.#nextConsumer();
      if (consumer === undefined) return;
      consumer.take(this.#shift()!);
    }
  }

  addConsumer(consumer: Consumer): void {
    this.#consumers.push(consumer);
  }

  removeConsumer(consumer: Consumer): void {
    const index = this.#consumers.indexOf(consumer);
    if (index !== -1) this.#consumers.splice(index, 1);
  }

  /** @returns how many messages there were */
  purge(): number {
    this.#expire();
    const count = this.#stored.length;
    this.#stored = [];
    this.#bytes = 0;
    return count;
  }

  /** Tells its consumers. */
  delete(): void {
    this.#deleted = true;
    this.purge();
    for (const consumer of this.#consumers.splice(0)) consumer.cancel();
  }

  /** The first that has room, which then goes to the end of the line. */
  #nextConsumer(): Consumer | undefined {
    const index = this.#consumers.findIndex((consumer) => consumer.isReady());
    if (index === -1) return undefined;
    const [consumer] = this.#consumers.splice(index, 1);
    this.#consumers.push(consumer!);
    return consumer;
  }

  #insert(index: number, stored: readonly Stored[]): void {
    this.#stored.splice(index, 0, ...stored);
    for (const { message } of stored) this.#bytes += message.body.length;
  }

  #shift(): Stored | undefined {
    const stored = this.#stored.shift();
    if (stored !== undefined) this.#bytes -= stored.message.body.length;
    return stored;
  }

  #trim(): void {
    while (this.#stored.length > this.settings.maxLength || this.#bytes > LIMITS.queueBytes) this.#shift();
  }

  /** Only at the head: behind a message that may still be delivered nothing is looked at. */
  #expire(): void {
    const now = performance.now();
    while (this.#stored.length > 0 && this.#stored[0]!.expiresAt <= now) this.#shift();
  }
}
