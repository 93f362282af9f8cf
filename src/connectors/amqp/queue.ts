/**
 * One queue at the broker for one binding (exchange and routing key), shared by all who subscribe to it. The queue is exclusive and
 * deletes itself; it has a channel of its own, so closing the channel is all it takes to leave.
 */
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { UpstreamError } from '../../errors.ts';
import type { Drops } from '../../upstream/drops.ts';
import type { Subscriber } from '../../upstream/subscriber.ts';
import type { CommonSettings } from '../settings.ts';
import { type DropReason, readContent } from './content.ts';
import { FanOut } from './fan-out.ts';
import type { AmqpOptions } from './options.ts';

export interface QueueSettings {
  readonly connector: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly options: Pick<AmqpOptions, 'prefetch' | 'queues'>;
  readonly limits: CommonSettings['limits'];
  readonly drops: Drops<DropReason>;
  /** From now on events arrive. Called before the first of them. */
  onLive(): void;
  onEvent(): void;
  /** The queue went away after it had started although the connection stands: deleted, or the channel was closed. */
  onGone(cause: unknown): void;
}

export class SharedQueue {
  readonly subscribers = new Set<Subscriber>();
  readonly #settings: QueueSettings;
  readonly #fanOut: FanOut;
  /** That events arrive on. */
  #channel: Channel | undefined;
  #closed = false;

  constructor(settings: QueueSettings) {
    this.#settings = settings;
    const { connector, options, limits } = settings;
    this.#fanOut = new FanOut(
      { connector, events: options.prefetch, bytes: limits.responseBytes },
      this.subscribers,
    );
  }

  /**
   * Declares, binds and consumes the queue. When `limit` aborts meanwhile no event comes of it any more, and it is given back once the
   * broker has answered: only a queue that was consumed deletes itself.
   * @throws what amqplib throws: for one, 404 when there is no such exchange
   */
  async start(model: ChannelModel, limit: AbortSignal): Promise<void> {
    const channel = await model.createChannel();
    const isGivenUp = () => limit.aborted || this.#closed;
    let isStarting = true;
    let failure: unknown;
    channel.on('error', (error) => {
      failure = error;
    });
    channel.on('close', () => {
      // amqplib says why a channel is closed, unless it goes with its connection.
      const isAlone = failure !== undefined;
      failure ??= new Error('the connection closed');
      if (this.#channel !== channel) return;
      this.#channel = undefined;
      if (isAlone && !isStarting) this.#settings.onGone(failure);
    });
    try {
      await this.#consume(channel, (message) => {
        if (isGivenUp()) return;
        if (message === null) {
          failure = new Error('the broker cancelled the consumer');
          if (this.#channel === channel) void closeQuietly(channel);
          return;
        }
        // The first may come before it is known here that there will be any.
        this.#begin(channel);
        this.#receive(channel, message);
      });
      if (failure !== undefined) throw failure;
      if (isGivenUp()) throw new Error('given up');
      this.#begin(channel);
      isStarting = false;
    } catch (error) {
      if (this.#channel === channel) this.#channel = undefined;
      void closeQuietly(channel);
      throw error;
    }
  }

  async #consume(channel: Channel, onMessage: (message: ConsumeMessage | null) => void): Promise<void> {
    const { exchange, routingKey, options } = this.#settings;
    const { queue } = await channel.assertQueue('', {
      exclusive: true,
      autoDelete: true,
      durable: false,
      maxLength: options.queues.length,
      ...(options.queues.deadLetterExchange !== undefined && {
        deadLetterExchange: options.queues.deadLetterExchange,
      }),
    });
    await channel.bindQueue(queue, exchange, routingKey);
    await channel.prefetch(options.prefetch);
    await channel.consume(queue, onMessage);
  }

  #begin(channel: Channel): void {
    if (this.#channel === channel) return;
    this.#channel = channel;
    this.#settings.onLive();
  }

  /** Whether events arrive. */
  get isLive(): boolean {
    return this.#channel !== undefined;
  }

  /** Ends every subscriber's stream. */
  end(error?: UpstreamError): void {
    for (const subscriber of [...this.subscribers]) {
      if (error === undefined) subscriber.end();
      else subscriber.fail(error);
    }
  }

  /** Leaves the broker; the queue is deleted there. */
  close(): void {
    this.#closed = true;
    const channel = this.#channel;
    this.#channel = undefined;
    if (channel !== undefined) void closeQuietly(channel);
  }

  #receive(channel: Channel, message: ConsumeMessage): void {
    let event: unknown;
    try {
      event = readContent(message, this.#settings.limits);
    } catch {
      this.#refuse(channel, message);
      return;
    }
    this.#settings.onEvent();
    this.#fanOut.deliver(event, message.content.length, () => settle(channel, (open) => open.ack(message)));
  }

  /**
   * What cannot be read is never put back into the queue. Rejected it goes to the dead-letter exchange if there is one; what comes
   * back from there again and again is acknowledged, which ends the circle.
   */
  #refuse(channel: Channel, message: ConsumeMessage): void {
    const { drops, options } = this.#settings;
    if (rejectionsOf(message) >= options.queues.returns) {
      drops.count('event-returned');
      settle(channel, (open) => open.ack(message));
    } else {
      drops.count('event-unreadable');
      settle(channel, (open) => open.reject(message, false));
    }
  }
}

/** How often consumers have rejected this message, as brokers count in the header `x-death`. */
function rejectionsOf({ properties }: ConsumeMessage): number {
  const deaths: unknown = properties.headers?.['x-death'];
  if (!Array.isArray(deaths)) return 0;
  return deaths.reduce<number>((sum, death: unknown) => {
    const { reason, count } = (death ?? {}) as { readonly reason?: unknown; readonly count?: unknown };
    return reason === 'rejected' && typeof count === 'number' ? sum + count : sum;
  }, 0);
}

/** A channel that closed meanwhile needs no acknowledgement: its messages went with its queue. */
function settle(channel: Channel, act: (channel: Channel) => void): void {
  try {
    act(channel);
  } catch {}
}

async function closeQuietly(channel: Channel): Promise<void> {
  try {
    await channel.close();
  } catch {}
}
