/** Services behind a broker, written with plain amqplib: what answers, publishes and listens in tests of the AMQP connector. */
import { randomUUID } from 'node:crypto';
import {
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  type ConsumeMessage,
  connect,
  type Options,
} from 'amqplib';

export type Reply = {
  readonly body: unknown;
  readonly options?: Options.Publish;
};

/** Gives the reply, several of them, or none. */
export type Answer = (
  body: unknown,
  request: ConsumeMessage,
) => Reply | readonly Reply[] | undefined | Promise<Reply | undefined>;

export class AmqpService implements AsyncDisposable {
  readonly #connection: ChannelModel;
  readonly channel: Channel;
  readonly #publisher: ConfirmChannel;
  readonly #exchanges: string[] = [];
  readonly #queues: string[] = [];
  /** In every name, so that runs and files do not meet. */
  readonly #run = randomUUID().slice(0, 8);

  private constructor(connection: ChannelModel, channel: Channel, publisher: ConfirmChannel) {
    this.#connection = connection;
    this.channel = channel;
    this.#publisher = publisher;
  }

  static async connect(url: string): Promise<AmqpService> {
    const connection = await connect(url, { timeout: 5000, noDelay: true });
    connection.on('error', () => {});
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    const publisher = await connection.createConfirmChannel();
    publisher.on('error', () => {});
    return new AmqpService(connection, channel, publisher);
  }

  name(what: string): string {
    return `hem-test-${this.#run}-${what}`;
  }

  /** A queue whose messages are answered to where they ask for it. */
  async answer(what: string, answer: Answer, options: Options.AssertQueue = {}): Promise<string> {
    return this.take(
      what,
      async (message) => {
        const { replyTo, correlationId } = message.properties;
        const given = await answer(JSON.parse(message.content.toString()), message);
        const replies = given === undefined ? [] : 'length' in given ? given : [given];
        for (const reply of replies)
          this.reply(replyTo, { ...reply, options: { correlationId, ...reply.options } });
      },
      options,
    );
  }

  reply(replyTo: string, { body, options }: Reply): void {
    this.channel.sendToQueue(replyTo, toContent(body), { contentType: 'application/json', ...options });
  }

  /** A queue whose messages are taken. */
  async take(
    what: string,
    take: (message: ConsumeMessage) => void | Promise<void>,
    options: Options.AssertQueue = {},
  ): Promise<string> {
    const queue = await this.queue(what, options);
    await this.channel.consume(queue, (message) => message !== null && void take(message), { noAck: true });
    return queue;
  }

  async queue(what: string, options: Options.AssertQueue = {}): Promise<string> {
    const queue = this.name(what);
    await this.channel.assertQueue(queue, { durable: false, ...options });
    this.#queues.push(queue);
    return queue;
  }

  async exchange(what: string, type = 'topic'): Promise<string> {
    const exchange = this.name(what);
    await this.channel.assertExchange(exchange, type, { durable: false });
    this.#exchanges.push(exchange);
    return exchange;
  }

  /** @returns whether at least one queue took it */
  async publish(
    exchange: string,
    routingKey: string,
    body: unknown,
    options: Options.Publish = {},
  ): Promise<boolean> {
    const messageId = randomUUID();
    let routed = true;
    const onReturn = ({ properties }: { properties: { messageId?: unknown } }) => {
      if (properties.messageId === messageId) routed = false;
    };
    this.#publisher.on('return', onReturn);
    await new Promise<void>((resolve, reject) => {
      this.#publisher.publish(
        exchange,
        routingKey,
        toContent(body),
        { mandatory: true, messageId, ...options },
        (error: Error | null) => (error === null ? resolve() : reject(error)),
      );
    });
    this.#publisher.off('return', onReturn);
    return routed;
  }

  /** Publishes again and again until somebody takes it: subscriptions do not say when they have begun. */
  async publishOnceHeard(exchange: string, routingKey: string, body: unknown): Promise<void> {
    const late = AbortSignal.timeout(10_000);
    while (!(await this.publish(exchange, routingKey, body))) {
      late.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      const channel = await this.#connection.createChannel();
      for (const exchange of this.#exchanges) await channel.deleteExchange(exchange);
      for (const queue of this.#queues) await channel.deleteQueue(queue);
      await this.#connection.close();
    } catch {
      // The broker of this test is gone.
    }
  }
}

/** Text and bytes go as they are. */
function toContent(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}
