/**
 * What a broker does for plain amqplib: one list of cases, run against RabbitMQ and against the demo's broker, which must not be
 * told apart by it.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Channel,
  type ChannelModel,
  type ConfirmChannel,
  type ConsumeMessage,
  connect,
  type Message,
} from 'amqplib';
import { expect } from 'vitest';
import { TcpProxy } from './tcp-proxy.ts';

export interface AmqpCase {
  readonly name: string;
  run(broker: BrokerUnderTest): Promise<void>;
}

const PATIENCE_MS = 5000;
/** Long enough for what must not happen to happen. */
const SILENCE_MS = 150;
const REPLY_TO = 'amq.rabbitmq.reply-to';

/** Opens connections and closes them all at the end; gives names that no other case has. */
export class BrokerUnderTest implements AsyncDisposable {
  readonly url: string;
  readonly #connections = new Set<ChannelModel>();

  constructor(url: string) {
    this.url = url;
  }

  async connect(url = this.url): Promise<ChannelModel> {
    const connection = await connect(url, { timeout: PATIENCE_MS, noDelay: true });
    connection.on('error', () => {});
    connection.on('close', () => this.#connections.delete(connection));
    this.#connections.add(connection);
    return connection;
  }

  /** A channel on a connection of its own. */
  async channel(): Promise<Channel> {
    return quiet(await (await this.connect()).createChannel());
  }

  async confirmChannel(): Promise<ConfirmChannel> {
    return quiet(await (await this.connect()).createConfirmChannel());
  }

  name(what: string): string {
    return `hem.${what}.${randomUUID()}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => connection.close().catch(() => {})));
  }
}

/** Exceptions of the broker are looked at where they are expected; elsewhere the operation fails. */
function quiet<C extends Channel>(channel: C): C {
  channel.on('error', () => {});
  return channel;
}

/** An exclusive queue that the broker names. */
async function ownQueue(channel: Channel, options: object = {}): Promise<string> {
  return (await channel.assertQueue('', { exclusive: true, ...options })).queue;
}

/** Consumes into a list that can be waited for. */
class Inbox {
  readonly messages: ConsumeMessage[] = [];
  cancelled = false;
  tag = '';
  #arrived = Promise.withResolvers<void>();

  static async open(channel: Channel, queue: string, options = {}): Promise<Inbox> {
    const inbox = new Inbox();
    const { consumerTag } = await channel.consume(
      queue,
      (message) => {
        if (message === null) inbox.cancelled = true;
        else inbox.messages.push(message);
        inbox.#arrived.resolve();
        inbox.#arrived = Promise.withResolvers();
      },
      options,
    );
    inbox.tag = consumerTag;
    return inbox;
  }

  get texts(): string[] {
    return this.messages.map(({ content }) => content.toString());
  }

  async until(done: () => boolean): Promise<void> {
    const late = AbortSignal.timeout(PATIENCE_MS);
    while (!done()) {
      if (late.aborted) throw new Error(`only ${this.messages.length} messages: ${this.texts.slice(0, 20)}`);
      await Promise.race([this.#arrived.promise, sleep(100)]);
    }
  }

  /** Waits for so many, and that no more come. */
  async exactly(count: number): Promise<string[]> {
    await this.until(() => this.messages.length >= count);
    await sleep(SILENCE_MS);
    expect(this.texts).toHaveLength(count);
    return this.texts;
  }
}

async function event<T>(emitter: Channel | ChannelModel, name: string): Promise<T> {
  const [value] = await once(emitter, name, { signal: AbortSignal.timeout(PATIENCE_MS) });
  return value as T;
}

/** What the channel, or the connection, is closed with. `once` would throw it: it is an 'error' event. */
function exception(emitter: Channel | ChannelModel): Promise<{ code: number; message: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number; message: string }>();
  const timer = setTimeout(() => reject(new Error('no exception')), PATIENCE_MS);
  emitter.on('error', (error: Error & { code: number }) => {
    clearTimeout(timer);
    resolve(error);
  });
  return promise;
}

async function refusal(work: Promise<unknown>): Promise<{ code: number; message: string }> {
  try {
    await work;
  } catch (error) {
    return error as { code: number; message: string };
  }
  throw new Error('was not refused');
}

/** RabbitMQ counts a moment later. */
async function holds(channel: Channel, queue: string, messages: number): Promise<void> {
  const count = async () => (await channel.checkQueue(queue)).messageCount;
  await expect.poll(count, { timeout: PATIENCE_MS }).toBe(messages);
}

function text(content: string): Buffer {
  return Buffer.from(content);
}

function withCredentials(url: string, username: string, password: string): string {
  const changed = new URL(url);
  changed.username = username;
  changed.password = password;
  return changed.href;
}

export const AMQP_CASES: readonly AmqpCase[] = [
  {
    name: 'a wrong password is refused',
    async run(broker) {
      const { message } = await refusal(connect(withCredentials(broker.url, 'guest', 'wrong')));
      expect(message).toMatch(/403 \(ACCESS[-_]REFUSED\)/);
    },
  },
  {
    name: 'an unknown virtual host is refused',
    async run(broker) {
      const url = new URL(broker.url);
      url.pathname = '/nowhere';
      const { message } = await refusal(connect(url.href));
      // The handshake of amqplib does not say more.
      expect(message).toMatch(/Expected ConnectionOpenOk; got <ConnectionClose/);
    },
  },
  {
    name: 'a direct exchange delivers where the key is equal',
    async run(broker) {
      const channel = await broker.channel();
      const exchange = broker.name('direct');
      await channel.assertExchange(exchange, 'direct', { autoDelete: true });
      const queue = await ownQueue(channel);
      await channel.bindQueue(queue, exchange, 'a');
      await channel.bindQueue(queue, exchange, 'b.*');
      const inbox = await Inbox.open(channel, queue, { noAck: true });
      for (const key of ['a', 'a.b', 'b.x', 'b.*', '']) channel.publish(exchange, key, text(key));
      expect(await inbox.exactly(2)).toEqual(['a', 'b.*']);
      expect(inbox.messages[0]?.fields).toMatchObject({ exchange, routingKey: 'a', redelivered: false });
    },
  },
  {
    name: 'a topic exchange delivers by pattern',
    async run(broker) {
      const channel = await broker.channel();
      const keys = ['', 'a', 'a.b', 'a.b.c', 'a..c', 'a.b.c.d', 'b.c', '.', 'x.a.b.c.y'];
      const expected: Readonly<Record<string, readonly string[]>> = {
        '#': keys,
        '*': ['a'],
        'a.*': ['a.b'],
        'a.#': ['a', 'a.b', 'a.b.c', 'a..c', 'a.b.c.d'],
        'a.*.c': ['a.b.c', 'a..c'],
        '*.*': ['a.b', 'b.c', '.'],
        '#.c': ['a.b.c', 'a..c', 'b.c'],
        '#.b.#': ['a.b', 'a.b.c', 'a.b.c.d', 'b.c', 'x.a.b.c.y'],
        'a.#.c': ['a.b.c', 'a..c'],
        '*.#': keys.filter((key) => key !== ''),
        '': [''],
        'a*': [],
      };
      for (const [pattern, matching] of Object.entries(expected)) {
        const exchange = broker.name('topic');
        await channel.assertExchange(exchange, 'topic', { autoDelete: true });
        const queue = await ownQueue(channel);
        await channel.bindQueue(queue, exchange, pattern);
        const inbox = await Inbox.open(channel, queue, { noAck: true });
        for (const key of keys) channel.publish(exchange, key, text(key));
        channel.sendToQueue(queue, text('the end'));
        await inbox.until(() => inbox.texts.at(-1) === 'the end');
        expect({ [pattern]: inbox.texts.slice(0, -1) }).toEqual({ [pattern]: matching });
      }
    },
  },
  {
    name: 'a fanout exchange delivers to every queue, and once to each',
    async run(broker) {
      const channel = await broker.channel();
      const exchange = broker.name('fanout');
      await channel.assertExchange(exchange, 'fanout', { autoDelete: true });
      const inboxes = [];
      for (const keys of [['x'], ['y', 'z']]) {
        const queue = await ownQueue(channel);
        for (const key of keys) await channel.bindQueue(queue, exchange, key);
        inboxes.push(await Inbox.open(channel, queue, { noAck: true }));
      }
      channel.publish(exchange, 'anything', text('one'));
      for (const inbox of inboxes) expect(await inbox.exactly(1)).toEqual(['one']);
    },
  },
  {
    name: 'two matching bindings of one queue deliver once',
    async run(broker) {
      const channel = await broker.channel();
      const exchange = broker.name('topic');
      await channel.assertExchange(exchange, 'topic', { autoDelete: true });
      const queue = await ownQueue(channel);
      await channel.bindQueue(queue, exchange, 'a.*');
      await channel.bindQueue(queue, exchange, '#');
      const inbox = await Inbox.open(channel, queue, { noAck: true });
      channel.publish(exchange, 'a.b', text('one'));
      expect(await inbox.exactly(1)).toEqual(['one']);
    },
  },
  {
    name: 'unbinding ends delivery',
    async run(broker) {
      const channel = await broker.channel();
      const exchange = broker.name('direct');
      await channel.assertExchange(exchange, 'direct');
      const queue = await ownQueue(channel);
      await channel.bindQueue(queue, exchange, 'a');
      await channel.bindQueue(queue, exchange, 'a');
      const inbox = await Inbox.open(channel, queue, { noAck: true });
      channel.publish(exchange, 'a', text('bound'));
      await inbox.exactly(1);
      await channel.unbindQueue(queue, exchange, 'a');
      await channel.unbindQueue(queue, exchange, 'never bound');
      channel.publish(exchange, 'a', text('unbound'));
      expect(await inbox.exactly(1)).toEqual(['bound']);
      await channel.deleteExchange(exchange);
    },
  },
  {
    name: 'the default exchange delivers to the queue of that name',
    async run(broker) {
      const channel = await broker.channel();
      const queue = broker.name('queue');
      await channel.assertQueue(queue, { exclusive: true });
      channel.publish('', queue, text('by name'));
      channel.sendToQueue(queue, text('the same'));
      const inbox = await Inbox.open(channel, queue, { noAck: true });
      expect(await inbox.exactly(2)).toEqual(['by name', 'the same']);
    },
  },
  {
    name: 'a queue without a name gets one, and an empty name means it',
    async run(broker) {
      const channel = await broker.channel();
      const { queue, messageCount, consumerCount } = await channel.assertQueue('', { exclusive: true });
      expect(queue).toMatch(/^amq\.gen-/);
      expect({ messageCount, consumerCount }).toEqual({ messageCount: 0, consumerCount: 0 });
      await channel.bindQueue('', 'amq.topic', queue);
      const inbox = await Inbox.open(channel, '', { noAck: true });
      channel.publish('amq.topic', queue, text('one'));
      expect(await inbox.exactly(1)).toEqual(['one']);
    },
  },
  {
    name: 'an exclusive queue is locked for other connections, and goes with its own',
    async run(broker) {
      const owner = await broker.connect();
      const name = broker.name('exclusive');
      await (await owner.createChannel()).assertQueue(name, { exclusive: true });
      const other = await broker.channel();
      expect(await refusal(other.checkQueue(name))).toMatchObject({
        code: 405,
        message: expect.stringMatching(/RESOURCE_LOCKED - cannot obtain exclusive access to locked queue/),
      });
      await owner.close();
      const later = await broker.channel();
      // The broker may take a moment to notice.
      await expect
        .poll(async () => {
          const probe = await broker.channel();
          return (await probe.checkQueue(name).catch(({ code }) => ({ code }))) as object;
        })
        .toMatchObject({ code: 404 });
      await later.assertQueue(name, { exclusive: true });
    },
  },
  {
    name: 'an auto-delete queue goes with its last consumer, not before the first',
    async run(broker) {
      const channel = await broker.channel();
      const name = broker.name('auto');
      await channel.assertQueue(name, { autoDelete: true });
      await channel.checkQueue(name);
      const [first, second] = [await Inbox.open(channel, name), await Inbox.open(channel, name)];
      await channel.cancel(first.tag);
      await channel.checkQueue(name);
      await channel.cancel(second.tag);
      expect(await refusal(channel.checkQueue(name))).toMatchObject({ code: 404 });
    },
  },
  {
    name: 'an auto-delete exchange goes with its last binding',
    async run(broker) {
      const channel = await broker.channel();
      const exchange = broker.name('auto');
      await channel.assertExchange(exchange, 'topic', { autoDelete: true });
      const queue = await ownQueue(channel);
      await channel.bindQueue(queue, exchange, 'a');
      await channel.checkExchange(exchange);
      await channel.unbindQueue(queue, exchange, 'a');
      expect(await refusal(channel.checkExchange(exchange))).toMatchObject({ code: 404 });
    },
  },
  {
    name: 'a missing exchange or queue closes the channel that asked, and no other',
    async run(broker) {
      const connection = await broker.connect();
      const bystander = await connection.createChannel();
      const queue = await ownQueue(bystander);
      const missing = broker.name('missing');
      const attempts: Array<(channel: Channel) => Promise<unknown>> = [
        (channel) => channel.checkExchange(missing),
        (channel) => channel.checkQueue(missing),
        (channel) => channel.bindQueue(queue, missing, 'a'),
        (channel) => channel.bindQueue(missing, 'amq.topic', 'a'),
        (channel) => channel.consume(missing, () => {}),
        (channel) => channel.get(missing),
      ];
      for (const attempt of attempts) {
        const channel = quiet(await connection.createChannel());
        const { code, message } = await refusal(attempt(channel));
        expect(code).toBe(404);
        expect(message).toMatch(new RegExp(`NOT_FOUND - no (exchange|queue) '${missing}' in vhost '/'`));
        await expect(channel.checkQueue(queue)).rejects.toThrow('Channel closed');
      }
      await expect(bystander.checkQueue(queue)).resolves.toMatchObject({ queue });
    },
  },
  {
    name: 'publishing to a missing exchange closes the channel and confirms nothing',
    async run(broker) {
      const channel = await broker.confirmChannel();
      const closed = exception(channel);
      const confirmed = new Promise((resolve) =>
        channel.publish(broker.name('missing'), 'a', text('lost'), {}, (error) => resolve(error)),
      );
      expect(await closed).toMatchObject({ code: 404 });
      expect(await confirmed).toMatchObject({ message: 'channel closed' });
    },
  },
  {
    name: 'declaring something differently is refused, the same again is not',
    async run(broker) {
      const connection = await broker.connect();
      const channel = await connection.createChannel();
      const [queue, exchange] = [broker.name('queue'), broker.name('exchange')];
      await channel.assertQueue(queue, { durable: false, autoDelete: true });
      await channel.assertExchange(exchange, 'topic', { durable: false });
      await channel.assertQueue(queue, { durable: false, autoDelete: true });
      await channel.assertExchange(exchange, 'topic', { durable: false });
      const attempts: Array<[(channel: Channel) => Promise<unknown>, string]> = [
        [(other) => other.assertQueue(queue, { durable: true, autoDelete: true }), 'durable'],
        [(other) => other.assertQueue(queue, { durable: false }), 'auto_delete|autoDelete'],
        [(other) => other.assertExchange(exchange, 'fanout', { durable: false }), 'type'],
        [(other) => other.assertExchange(exchange, 'topic', { durable: true }), 'durable'],
      ];
      for (const [attempt, what] of attempts) {
        const { code, message } = await refusal(attempt(quiet(await connection.createChannel())));
        expect(code).toBe(406);
        expect(message).toMatch(new RegExp(`PRECONDITION_FAILED - inequivalent arg '(${what})' for `));
      }
      await channel.deleteQueue(queue);
      await channel.deleteExchange(exchange);
    },
  },
  {
    name: 'reserved names and the default exchange are refused',
    async run(broker) {
      const connection = await broker.connect();
      const attempts: Array<[(channel: Channel) => Promise<unknown>, RegExp]> = [
        [(channel) => channel.assertQueue(`amq.${broker.name('x')}`), /reserved prefix 'amq\.\*'/],
        [
          (channel) => channel.assertExchange(`amq.${broker.name('x')}`, 'topic'),
          /reserved prefix 'amq\.\*'/,
        ],
        [(channel) => channel.assertExchange('', 'direct'), /not permitted on the default exchange/],
        [async (channel) => channel.bindQueue(await ownQueue(channel), '', 'a'), /default exchange/],
      ];
      for (const [attempt, expected] of attempts) {
        const { code, message } = await refusal(attempt(quiet(await connection.createChannel())));
        expect(code).toBe(403);
        expect(message).toMatch(expected);
      }
    },
  },
  {
    name: 'an unknown type of exchange ends the connection',
    async run(broker) {
      const connection = await broker.connect();
      const channel = quiet(await connection.createChannel());
      const closed = exception(connection);
      await refusal(channel.assertExchange(broker.name('odd'), 'sideways'));
      expect(await closed).toMatchObject({ code: 503 });
    },
  },
  {
    name: 'what the broker does not implement ends the connection',
    async run(broker) {
      const connection = await broker.connect();
      const channel = quiet(await connection.createChannel());
      const closed = exception(connection);
      // amqplib always says no to `immediate`, so this goes through the layer below.
      const lower = channel as unknown as {
        sendMessage(fields: object, properties: object, content: Buffer): void;
      };
      const queue = await ownQueue(channel);
      lower.sendMessage({ exchange: '', routingKey: queue, immediate: true }, { headers: {} }, text('now'));
      expect(await closed).toMatchObject({ code: 540, message: expect.stringContaining('NOT_IMPLEMENTED') });
    },
  },
  {
    name: 'an unknown delivery tag closes the channel',
    async run(broker) {
      const channel = await broker.channel();
      const queue = await ownQueue(channel);
      const inbox = await Inbox.open(channel, queue);
      channel.sendToQueue(queue, text('once'));
      await inbox.until(() => inbox.messages.length === 1);
      const closed = exception(channel);
      channel.ack(inbox.messages[0]!);
      channel.ack(inbox.messages[0]!);
      expect(await closed).toMatchObject({
        code: 406,
        message: expect.stringMatching(/PRECONDITION_FAILED - unknown delivery tag 1/),
      });
    },
  },
  {
    name: 'a consumer tag is used once per channel',
    async run(broker) {
      const connection = await broker.connect();
      const channel = quiet(await connection.createChannel());
      const queue = await ownQueue(channel);
      const closed = exception(connection);
      await channel.consume(queue, () => {}, { consumerTag: 'twice' });
      await refusal(channel.consume(queue, () => {}, { consumerTag: 'twice' }));
      expect(await closed).toMatchObject({
        code: 530,
        message: expect.stringContaining("attempt to reuse consumer tag 'twice'"),
      });
    },
  },
  {
    name: 'an exclusive consumer is alone',
    async run(broker) {
      const connection = await broker.connect();
      const [first, second] = [await connection.createChannel(), quiet(await connection.createChannel())];
      const queue = await ownQueue(first);
      const inbox = await Inbox.open(first, queue, { exclusive: true });
      expect(await refusal(second.consume(queue, () => {}))).toMatchObject({
        code: 403,
        message: expect.stringMatching(/ACCESS_REFUSED - queue '.*' in vhost '\/' in exclusive use/),
      });
      await first.cancel(inbox.tag);
      const third = quiet(await connection.createChannel());
      await third.consume(queue, () => {});
      const fourth = quiet(await connection.createChannel());
      expect(await refusal(fourth.consume(queue, () => {}, { exclusive: true }))).toMatchObject({
        code: 403,
      });
    },
  },
  {
    name: 'a mandatory message that no queue takes comes back, and then it is confirmed',
    async run(broker) {
      const channel = await broker.confirmChannel();
      const order: string[] = [];
      const returned = event<Message>(channel, 'return');
      channel.on('return', () => order.push('returned'));
      const confirmed = new Promise<void>((resolve) =>
        channel.publish(
          'amq.topic',
          broker.name('nobody'),
          text('back'),
          { mandatory: true, messageId: 'm1' },
          () => {
            order.push('confirmed');
            resolve();
          },
        ),
      );
      const message = await returned;
      await confirmed;
      expect(order).toEqual(['returned', 'confirmed']);
      expect(message.fields).toMatchObject({ replyCode: 312, replyText: 'NO_ROUTE', exchange: 'amq.topic' });
      expect(message.properties.messageId).toBe('m1');
      expect(message.content.toString()).toBe('back');
    },
  },
  {
    name: 'every publication is confirmed, routed or not',
    async run(broker) {
      const channel = await broker.confirmChannel();
      const queue = await ownQueue(channel);
      const outcomes: unknown[] = [];
      for (let index = 0; index < 200; index++) {
        const key = index % 3 === 0 ? broker.name('nobody') : queue;
        channel.publish('', key, text(String(index)), { persistent: index % 2 === 0 }, (error) =>
          outcomes.push(error),
        );
      }
      await channel.waitForConfirms();
      expect(outcomes).toEqual(Array.from({ length: 200 }, () => null));
      await holds(channel, queue, 133);
    },
  },
  {
    name: 'prefetch holds back what is not acknowledged, per consumer',
    async run(broker) {
      const channel = await broker.channel();
      const queue = await ownQueue(channel);
      await channel.prefetch(2);
      const [first, second] = [await Inbox.open(channel, queue), await Inbox.open(channel, queue)];
      for (let index = 0; index < 7; index++) channel.sendToQueue(queue, text(String(index)));
      await first.exactly(2);
      await second.exactly(2);
      channel.ack(first.messages[0]!);
      await first.exactly(3);
      await second.exactly(2);
      channel.ack(second.messages[1]!);
      await second.exactly(3);
      await holds(channel, queue, 1);
    },
  },
  {
    name: 'a global prefetch is for the channel',
    async run(broker) {
      const channel = await broker.channel();
      await channel.prefetch(2, true);
      const queue = await ownQueue(channel);
      const [first, second] = [await Inbox.open(channel, queue), await Inbox.open(channel, queue)];
      for (let index = 0; index < 6; index++) channel.sendToQueue(queue, text(String(index)));
      const count = () => first.messages.length + second.messages.length;
      await first.until(() => count() >= 2);
      await sleep(SILENCE_MS);
      expect(count()).toBe(2);
      channel.ack((first.messages[0] ?? second.messages[0])!);
      await first.until(() => count() >= 3);
      await sleep(SILENCE_MS);
      expect(count()).toBe(3);
    },
  },
  {
    name: 'consumers without acknowledgement are not held back',
    async run(broker) {
      const channel = await broker.channel();
      const queue = await ownQueue(channel);
      await channel.prefetch(1);
      const inbox = await Inbox.open(channel, queue, { noAck: true });
      for (let index = 0; index < 20; index++) channel.sendToQueue(queue, text(String(index)));
      expect(await inbox.exactly(20)).toEqual(Array.from({ length: 20 }, (_, index) => String(index)));
    },
  },
  {
    name: 'consumers of one queue take turns',
    async run(broker) {
      const channel = await broker.channel();
      const queue = await ownQueue(channel);
      const [first, second] = [
        await Inbox.open(channel, queue, { noAck: true }),
        await Inbox.open(channel, queue, { noAck: true }),
      ];
      for (let index = 0; index < 10; index++) channel.sendToQueue(queue, text(String(index)));
      await first.exactly(5);
      await second.exactly(5);
    },
  },
  {
    name: 'what is put back keeps its place and is marked',
    async run(broker) {
      const channel = await broker.channel();
      const queue = await ownQueue(channel);
      for (const content of ['a', 'b', 'c', 'd']) channel.sendToQueue(queue, text(content));
      const fetch = async () => {
        const message = await channel.get(queue);
        if (message === false) throw new Error('the queue is empty');
        return message;
      };
      const [a, b] = [await fetch(), await fetch()];
      expect([a.content.toString(), b.content.toString(), a.fields.redelivered]).toEqual(['a', 'b', false]);
      channel.nack(b, false, true);
      channel.reject(a, true);
      const again = [await fetch(), await fetch(), await fetch()];
      expect(again.map(({ content, fields }) => [content.toString(), fields.redelivered])).toEqual([
        ['a', true],
        ['b', true],
        ['c', false],
      ]);
    },
  },
  {
    name: 'what is rejected for good is gone',
    async run(broker) {
      const channel = await broker.channel();
      const queue = await ownQueue(channel);
      const inbox = await Inbox.open(channel, queue);
      for (const content of ['a', 'b', 'c']) channel.sendToQueue(queue, text(content));
      await inbox.exactly(3);
      channel.reject(inbox.messages[0]!, false);
      channel.nack(inbox.messages[2]!, true, false);
      await inbox.exactly(3);
      await holds(channel, queue, 0);
      await channel.recover();
      await inbox.exactly(3);
    },
  },
  {
    name: 'acknowledging up to a message keeps the later ones, recover brings them again',
    async run(broker) {
      const channel = await broker.channel();
      const queue = await ownQueue(channel);
      const inbox = await Inbox.open(channel, queue);
      for (const content of ['a', 'b', 'c', 'd']) channel.sendToQueue(queue, text(content));
      await inbox.exactly(4);
      channel.ack(inbox.messages[1]!, true);
      await channel.recover();
      expect(await inbox.exactly(6)).toEqual(['a', 'b', 'c', 'd', 'c', 'd']);
      expect(inbox.messages.slice(4).map(({ fields }) => fields.redelivered)).toEqual([true, true]);
    },
  },
  {
    name: 'a closed channel gives back what it had not acknowledged',
    async run(broker) {
      const connection = await broker.connect();
      const [first, second] = [await connection.createChannel(), await connection.createChannel()];
      const queue = await ownQueue(first);
      const inbox = await Inbox.open(first, queue);
      for (const content of ['a', 'b']) first.sendToQueue(queue, text(content));
      await inbox.exactly(2);
      first.ack(inbox.messages[0]!);
      await first.close();
      const later = await Inbox.open(second, queue);
      expect(await later.exactly(1)).toEqual(['b']);
      expect(later.messages[0]?.fields.redelivered).toBe(true);
    },
  },
  {
    name: 'single messages can be fetched',
    async run(broker) {
      const channel = await broker.channel();
      const queue = await ownQueue(channel);
      expect(await channel.get(queue)).toBe(false);
      for (const content of ['a', 'b']) channel.sendToQueue(queue, text(content));
      const message = await channel.get(queue, { noAck: true });
      if (message === false) throw new Error('the queue is empty');
      expect(message.content.toString()).toBe('a');
      expect(message.fields).toMatchObject({ messageCount: 1, exchange: '', routingKey: queue });
    },
  },
  {
    name: 'cancelling ends delivery to that consumer',
    async run(broker) {
      const channel = await broker.channel();
      const queue = await ownQueue(channel);
      const inbox = await Inbox.open(channel, queue, { noAck: true });
      channel.sendToQueue(queue, text('a'));
      await inbox.exactly(1);
      await channel.cancel(inbox.tag);
      channel.sendToQueue(queue, text('b'));
      await inbox.exactly(1);
      await holds(channel, queue, 1);
      expect(await channel.checkQueue(queue)).toMatchObject({ consumerCount: 0 });
    },
  },
  {
    name: 'consumers of a deleted queue are told',
    async run(broker) {
      const channel = await broker.channel();
      const queue = await ownQueue(channel);
      const inbox = await Inbox.open(channel, queue);
      await channel.deleteQueue(queue);
      await inbox.until(() => inbox.cancelled);
    },
  },
  {
    name: 'queues and exchanges in use can be spared, missing ones deleted',
    async run(broker) {
      const connection = await broker.connect();
      const channel = await connection.createChannel();
      const exchange = broker.name('exchange');
      await channel.assertExchange(exchange, 'topic');
      const queue = await ownQueue(channel);
      await channel.bindQueue(queue, exchange, 'a');
      const inbox = await Inbox.open(channel, queue);
      const attempt = async (act: (other: Channel) => Promise<unknown>) =>
        (await refusal(act(quiet(await connection.createChannel())))).code;
      expect(await attempt((other) => other.deleteQueue(queue, { ifUnused: true }))).toBe(406);
      expect(await attempt((other) => other.deleteExchange(exchange, { ifUnused: true }))).toBe(406);
      await channel.cancel(inbox.tag);
      channel.sendToQueue(queue, text('a'));
      await holds(channel, queue, 1);
      expect(await attempt((other) => other.deleteQueue(queue, { ifEmpty: true }))).toBe(406);
      expect(await channel.deleteQueue(queue)).toMatchObject({ messageCount: 1 });
      await channel.deleteExchange(exchange, { ifUnused: true });
      await channel.deleteExchange(exchange);
      expect(await channel.deleteQueue(queue)).toMatchObject({ messageCount: 0 });
    },
  },
  {
    name: 'a purged queue is empty',
    async run(broker) {
      const channel = await broker.channel();
      const queue = await ownQueue(channel);
      for (const content of ['a', 'b', 'c']) channel.sendToQueue(queue, text(content));
      expect(await channel.purgeQueue(queue)).toMatchObject({ messageCount: 3 });
      expect(await channel.get(queue)).toBe(false);
    },
  },
  {
    name: 'messages expire, by their own time or the queue’s',
    async run(broker) {
      const channel = await broker.channel();
      const [queue, quick] = [await ownQueue(channel), await ownQueue(channel, { messageTtl: 50 })];
      channel.sendToQueue(queue, text('short'), { expiration: 50 });
      channel.sendToQueue(queue, text('long'), { expiration: 60_000 });
      channel.sendToQueue(quick, text('short'), { expiration: 60_000 });
      await sleep(SILENCE_MS);
      const inbox = await Inbox.open(channel, queue, { noAck: true });
      expect(await inbox.exactly(1)).toEqual(['long']);
      expect(await channel.get(quick)).toBe(false);
      const bad = exception(channel);
      channel.sendToQueue(queue, text('x'), { expiration: 'soon' });
      expect(await bad).toMatchObject({ code: 406 });
    },
  },
  {
    name: 'a full queue drops its oldest message',
    async run(broker) {
      const channel = await broker.channel();
      const queue = await ownQueue(channel, { maxLength: 2 });
      for (const content of ['a', 'b', 'c', 'd']) channel.sendToQueue(queue, text(content));
      const inbox = await Inbox.open(channel, queue, { noAck: true });
      expect(await inbox.exactly(2)).toEqual(['c', 'd']);
    },
  },
  {
    name: 'replies come directly to the channel that asked',
    async run(broker) {
      const [client, server] = [await broker.channel(), await broker.channel()];
      const queue = await ownQueue(server);
      await server.consume(
        queue,
        (request) => {
          const { replyTo, correlationId } = request!.properties;
          for (const answer of ['first', 'second']) {
            server.sendToQueue(replyTo, text(`${answer} ${request!.content}`), { correlationId });
          }
        },
        { noAck: true },
      );
      const inbox = await Inbox.open(client, REPLY_TO, { noAck: true });
      client.sendToQueue(queue, text('one'), { replyTo: REPLY_TO, correlationId: 'c1' });
      client.sendToQueue(queue, text('two'), { replyTo: REPLY_TO, correlationId: 'c2' });
      expect(await inbox.exactly(4)).toEqual(['first one', 'second one', 'first two', 'second two']);
      expect(inbox.messages.map(({ properties }) => properties.correlationId)).toEqual([
        'c1',
        'c1',
        'c2',
        'c2',
      ]);
    },
  },
  {
    name: 'direct replies have rules: no acknowledgement, one consumer, and it comes first',
    async run(broker) {
      const connection = await broker.connect();
      const acknowledging = quiet(await connection.createChannel());
      expect(await refusal(acknowledging.consume(REPLY_TO, () => {}))).toMatchObject({ code: 406 });
      const twice = quiet(await connection.createChannel());
      await twice.consume(REPLY_TO, () => {}, { noAck: true });
      expect(await refusal(twice.consume(REPLY_TO, () => {}, { noAck: true }))).toMatchObject({ code: 406 });
      const none = quiet(await connection.createChannel());
      const queue = await ownQueue(none);
      const closed = exception(none);
      none.sendToQueue(queue, text('?'), { replyTo: REPLY_TO });
      expect(await closed).toMatchObject({
        code: 406,
        message: expect.stringContaining('fast reply consumer does not exist'),
      });
    },
  },
  {
    name: 'a reply to somebody who left comes back as unroutable',
    async run(broker) {
      const connection = await broker.connect();
      const client = await connection.createChannel();
      const server = await broker.channel();
      const queue = await ownQueue(server);
      const requests = await Inbox.open(server, queue, { noAck: true });
      await Inbox.open(client, REPLY_TO, { noAck: true });
      client.sendToQueue(queue, text('?'), { replyTo: REPLY_TO });
      await requests.until(() => requests.messages.length === 1);
      const replyTo = requests.messages[0]!.properties.replyTo as string;
      expect(replyTo.startsWith(`${REPLY_TO}.`)).toBe(true);
      await expect(server.checkQueue(replyTo)).resolves.toMatchObject({ queue: replyTo });
      await client.close();
      const returned = event<Message>(server, 'return');
      server.sendToQueue(replyTo, text('!'), { mandatory: true });
      expect((await returned).fields).toMatchObject({ replyCode: 312 });
    },
  },
  {
    name: 'large and empty messages arrive whole',
    async run(broker) {
      const channel = await broker.channel();
      const queue = await ownQueue(channel);
      const large = Buffer.alloc(1_500_000, 'abcdefg');
      const inbox = await Inbox.open(channel, queue, { noAck: true });
      channel.sendToQueue(queue, Buffer.alloc(0));
      channel.sendToQueue(queue, large);
      channel.sendToQueue(queue, text('after'));
      await inbox.until(() => inbox.messages.length === 3);
      const [empty, whole, after] = inbox.messages;
      expect(empty?.content.length).toBe(0);
      expect(whole?.content.equals(large)).toBe(true);
      expect(after?.content.toString()).toBe('after');
    },
  },
  {
    name: 'properties and headers arrive as they were sent',
    async run(broker) {
      const channel = await broker.channel();
      const queue = await ownQueue(channel);
      const inbox = await Inbox.open(channel, queue, { noAck: true });
      const headers = {
        text: 'žluť',
        empty: '',
        yes: true,
        small: -5,
        int: 70_000,
        long: 2 ** 40,
        double: 1.5,
        nothing: null,
        bytes: Buffer.from([0, 1, 255]),
        list: ['a', 1, { deep: [false] }],
        table: { constructor: 'x', inner: { key: 'value' } },
        at: { '!': 'timestamp', value: 1_700_000_000 },
      };
      const properties = {
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        deliveryMode: 2,
        priority: 3,
        correlationId: 'c',
        replyTo: 'r',
        expiration: '60000',
        messageId: 'm',
        timestamp: 1_700_000_000,
        type: 't',
        appId: 'a',
      };
      channel.sendToQueue(queue, text('x'), { ...properties, headers });
      await inbox.until(() => inbox.messages.length === 1);
      expect(inbox.messages[0]?.properties).toMatchObject({ ...properties, headers });
    },
  },
  {
    name: 'heartbeats keep an idle connection, silence ends it',
    async run(broker) {
      const url = new URL(broker.url);
      url.searchParams.set('heartbeat', '1');
      await using proxy = await TcpProxy.before(url.href);
      const connection = await broker.connect(proxy.url);
      const channel = quiet(await connection.createChannel());
      const name = broker.name('exclusive');
      await channel.assertQueue(name, { exclusive: true });
      await sleep(2600);
      await channel.checkQueue(name);
      const lost = exception(connection);
      proxy.hang();
      // Both ends notice, whichever is first: amqplib says so, and the broker lets go of the queue.
      expect((await lost).message).toMatch(/^(Heartbeat timeout|Unexpected close)$/);
      await expect
        .poll(
          async () => {
            const probe = await broker.channel();
            return ((await probe.checkQueue(name).catch((error) => error)) as { code?: number }).code;
          },
          { timeout: PATIENCE_MS, interval: 200 },
        )
        .toBe(404);
    },
  },
  {
    name: 'channels can be closed and opened again many times',
    async run(broker) {
      const connection = await broker.connect();
      for (let index = 0; index < 50; index++) {
        const channel = await connection.createChannel();
        await channel.checkExchange('amq.direct');
        await channel.close();
      }
      const many = await Promise.all(Array.from({ length: 50 }, () => connection.createChannel()));
      await Promise.all(many.map((channel) => channel.checkExchange('amq.topic')));
    },
  },
];
