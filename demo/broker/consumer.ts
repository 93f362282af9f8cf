/** One consumer of a queue on one channel. */
import type { BrokerChannel } from './channel.ts';
import type { Consumer, Queue, Stored } from './queue.ts';

export interface ConsumerSettings {
  readonly tag: string;
  readonly queue: Queue;
  readonly noAck: boolean;
  readonly exclusive: boolean;
  /** How many messages it may hold unacknowledged; 0 for any number. */
  readonly prefetch: number;
}

export class ChannelConsumer implements Consumer {
  readonly settings: ConsumerSettings;
  readonly #channel: BrokerChannel;
  /** Delivered and not acknowledged. */
  held = 0;

  constructor(channel: BrokerChannel, settings: ConsumerSettings) {
    this.#channel = channel;
    this.settings = settings;
  }

  get exclusive(): boolean {
    return this.settings.exclusive;
  }

  isReady(): boolean {
    const { noAck, prefetch } = this.settings;
    return this.#channel.hasRoom(noAck) && (noAck || prefetch === 0 || this.held < prefetch);
  }

  take(stored: Stored): void {
    this.#channel.deliver(this, stored);
  }

  cancel(): void {
    this.#channel.consumerCancelled(this);
  }
}
