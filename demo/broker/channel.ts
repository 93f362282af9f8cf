/** One channel of a connection: what each method does. */
import { randomBytes } from 'node:crypto';
import { ChannelConsumer } from './consumer.ts';
import { AmqpException, inHost } from './exceptions.ts';
import { type Host, REPLY_TO } from './host.ts';
import { LIMITS } from './limits.ts';
import {
  basic,
  channel as channelMethods,
  confirm,
  exchange as exchangeMethods,
  type Fields,
  type FieldsOf,
  type Method,
  queue as queueMethods,
  type Shape,
} from './methods.ts';
import { type ContentHeader, withReplyTo } from './properties.ts';
import type { Message, Queue, Stored } from './queue.ts';

/** What a channel needs of its connection. */
export interface ChannelSession {
  readonly host: Host;
  /** Too much is waiting in the socket for more to be delivered. */
  readonly isCongested: boolean;
  /** Whether the client understands that the broker cancels a consumer. */
  readonly knowsCancel: boolean;
  send<S extends Shape>(channel: number, method: Method<S>, fields: Fields<S>): void;
  sendContent<S extends Shape>(channel: number, method: Method<S>, fields: Fields<S>, message: Message): void;
}

type Handler = (payload: Buffer) => void;

interface Unacked {
  readonly queue: Queue;
  readonly stored: Stored;
  /** Undefined for messages that were fetched. */
  readonly consumer: ChannelConsumer | undefined;
}

const NO_ROUTE = 312;

export class BrokerChannel {
  readonly number: number;
  readonly #session: ChannelSession;
  readonly #host: Host;
  readonly #handlers = new Map<number, Handler>();
  readonly #consumers = new Map<string, ChannelConsumer>();
  readonly #unacked = new Map<number, Unacked>();
  #lastTag = 0;
  #lastQueue = '';
  #consumerPrefetch = 0;
  #channelPrefetch = 0;
  /** Number of the last publication, once confirmations are selected. */
  #published: number | undefined;
  #replies: { readonly tag: string; readonly address: string } | undefined;
  #publishing: FieldsOf<typeof basic.publish> | undefined;
  #released = false;

  constructor(number: number, session: ChannelSession) {
    this.number = number;
    this.#session = session;
    this.#host = session.host;
    this.#handleExchanges();
    this.#handleQueues();
    this.#handleConsumers();
    this.#handleMessages();
    this.#on(channelMethods.flow, ({ active }) => {
      if (!active) throw new AmqpException('NOT_IMPLEMENTED', 'active=false');
      this.#send(channelMethods.flowOk, { active });
    });
  }

  /** Runs one method. @throws {AmqpException} */
  accept(id: number, payload: Buffer): void {
    const handler = this.#handlers.get(id);
    if (handler === undefined)
      throw new AmqpException('NOT_IMPLEMENTED', `method ${id >>> 16}.${id & 0xffff}`);
    handler(payload);
  }

  /** Whether the frames of a message's content come next. */
  get expectsContent(): boolean {
    return this.#publishing !== undefined;
  }

  /** The content of the message that `basic.publish` announced. @throws {AmqpException} */
  acceptContent(header: ContentHeader, body: Buffer): void {
    const fields = this.#publishing!;
    this.#publishing = undefined;
    if (header.headers !== undefined && ('CC' in header.headers || 'BCC' in header.headers)) {
      throw new AmqpException('NOT_IMPLEMENTED', 'CC and BCC');
    }
    const { exchange, routingKey } = fields;
    const message: Message = {
      exchange,
      routingKey,
      properties: this.#addressReplies(header),
      body,
      lifeMs: toLife(header.expiration),
    };
    const routed = this.#host.publish(message);
    if (!routed && fields.mandatory) {
      const reason = { replyCode: NO_ROUTE, replyText: 'NO_ROUTE', exchange, routingKey };
      this.#session.sendContent(this.number, basic.return, reason, message);
    }
    if (this.#published !== undefined) {
      this.#send(basic.ack, { deliveryTag: ++this.#published, multiple: false });
    }
  }

  hasRoom(noAck: boolean): boolean {
    if (this.#released || this.#session.isCongested) return false;
    return noAck || this.#channelPrefetch === 0 || this.#unacked.size < this.#channelPrefetch;
  }

  deliver(consumer: ChannelConsumer, stored: Stored): void {
    const { tag, queue, noAck } = consumer.settings;
    const deliveryTag = ++this.#lastTag;
    if (!noAck) {
      this.#unacked.set(deliveryTag, { queue, stored, consumer });
      consumer.held++;
    }
    const { message, redelivered } = stored;
    const { exchange, routingKey } = message;
    const fields = { consumerTag: tag, deliveryTag, redelivered, exchange, routingKey };
    this.#session.sendContent(this.number, basic.deliver, fields, message);
  }

  takeReply(message: Message): void {
    const { exchange, routingKey } = message;
    const fields = {
      consumerTag: this.#replies!.tag,
      deliveryTag: ++this.#lastTag,
      redelivered: false,
      exchange,
      routingKey,
    };
    this.#session.sendContent(this.number, basic.deliver, fields, message);
  }

  consumerCancelled(consumer: ChannelConsumer): void {
    const { tag } = consumer.settings;
    this.#consumers.delete(tag);
    if (this.#released || !this.#session.knowsCancel) return;
    // The broker's cancel wants no answer.
    this.#send(basic.cancel, { consumerTag: tag, noWait: true });
  }

  /** There is room in the socket again. */
  deliverAll(): void {
    for (const { settings } of this.#consumers.values()) settings.queue.deliver();
  }

  /** Gives back what it holds: consumers leave, unacknowledged messages return to their queues. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    if (this.#replies !== undefined) this.#host.forgetReplies(this.#replies.address);
    const consumers = [...this.#consumers.values()];
    this.#consumers.clear();
    for (const consumer of consumers) consumer.settings.queue.removeConsumer(consumer);
    this.#requeue([...this.#unacked.keys()]);
    for (const { settings } of consumers) this.#host.consumerLeft(settings.queue);
  }

  #handleExchanges(): void {
    this.#on(exchangeMethods.declare, ({ exchange, passive, noWait, ...fields }) => {
      if (passive) {
        if (exchange !== '') this.#host.exchange(exchange);
      } else {
        const { type, durable, autoDelete, internal, arguments: args } = fields;
        for (const name of Object.keys(args)) {
          throw new AmqpException('NOT_IMPLEMENTED', `exchange argument '${name}'`);
        }
        this.#host.declareExchange(exchange, { type, durable, autoDelete, internal });
      }
      if (!noWait) this.#send(exchangeMethods.declareOk, {});
    });
    this.#on(exchangeMethods.delete, ({ exchange, ifUnused, noWait }) => {
      this.#host.deleteExchange(exchange, ifUnused);
      if (!noWait) this.#send(exchangeMethods.deleteOk, {});
    });
  }

  #handleQueues(): void {
    this.#on(queueMethods.declare, ({ queue: name, passive, noWait, ...fields }) => {
      if (passive && (name === REPLY_TO || this.#host.isReplyAddress(name))) {
        // How a service finds out whether anybody still waits for its reply.
        this.#send(queueMethods.declareOk, { queue: name, messageCount: 0, consumerCount: 1 });
        return;
      }
      const { durable, exclusive, autoDelete, arguments: args } = fields;
      const queue = passive
        ? this.#queue(name)
        : this.#host.declareQueue(name, { durable, exclusive, autoDelete }, args, this.#session);
      this.#lastQueue = queue.name;
      if (noWait) return;
      this.#send(queueMethods.declareOk, {
        queue: queue.name,
        messageCount: queue.messageCount,
        consumerCount: queue.consumerCount,
      });
    });
    this.#on(queueMethods.bind, ({ queue, exchange, routingKey, noWait }) => {
      this.#host.bind(this.#queue(queue), exchange, routingKey);
      if (!noWait) this.#send(queueMethods.bindOk, {});
    });
    this.#on(queueMethods.unbind, ({ queue, exchange, routingKey }) => {
      this.#host.unbind(this.#queue(queue), exchange, routingKey);
      this.#send(queueMethods.unbindOk, {});
    });
    this.#on(queueMethods.purge, ({ queue, noWait }) => {
      const messageCount = this.#queue(queue).purge();
      if (!noWait) this.#send(queueMethods.purgeOk, { messageCount });
    });
    this.#on(queueMethods.delete, ({ queue, ifUnused, ifEmpty, noWait }) => {
      const name = queue === '' ? this.#lastQueue : queue;
      const messageCount = this.#host.deleteQueue(name, this.#session, { ifUnused, ifEmpty });
      if (!noWait) this.#send(queueMethods.deleteOk, { messageCount });
    });
  }

  #handleConsumers(): void {
    this.#on(basic.qos, ({ prefetchSize, prefetchCount, global }) => {
      if (prefetchSize > 0) throw new AmqpException('NOT_IMPLEMENTED', `prefetch_size!=0 (${prefetchSize})`);
      if (global) this.#channelPrefetch = prefetchCount;
      else this.#consumerPrefetch = prefetchCount;
      this.#send(basic.qosOk, {});
      this.deliverAll();
    });
    this.#on(basic.consume, ({ queue, consumerTag, noAck, exclusive, noWait }) => {
      const tag = consumerTag === '' ? `amq.ctag-${randomBytes(16).toString('base64url')}` : consumerTag;
      if (this.#consumers.has(tag) || this.#replies?.tag === tag) {
        throw new AmqpException('NOT_ALLOWED', `attempt to reuse consumer tag '${tag}'`);
      }
      if (this.#consumers.size >= LIMITS.consumersPerChannel) {
        throw new AmqpException('RESOURCE_ERROR', 'too many consumers for a demo');
      }
      const consumer =
        queue === REPLY_TO ? this.#awaitReplies(tag, noAck) : this.#consume(queue, tag, noAck, exclusive);
      if (!noWait) this.#send(basic.consumeOk, { consumerTag: tag });
      consumer?.settings.queue.deliver();
    });
    this.#on(basic.cancel, ({ consumerTag, noWait }) => {
      if (this.#replies?.tag === consumerTag) {
        this.#host.forgetReplies(this.#replies.address);
        this.#replies = undefined;
      }
      const consumer = this.#consumers.get(consumerTag);
      this.#consumers.delete(consumerTag);
      consumer?.settings.queue.removeConsumer(consumer);
      if (!noWait) this.#send(basic.cancelOk, { consumerTag });
      if (consumer !== undefined) this.#host.consumerLeft(consumer.settings.queue);
    });
  }

  #handleMessages(): void {
    this.#on(confirm.select, ({ noWait }) => {
      this.#published ??= 0;
      if (!noWait) this.#send(confirm.selectOk, {});
    });
    this.#on(basic.publish, (fields) => {
      if (fields.immediate) throw new AmqpException('NOT_IMPLEMENTED', 'immediate=true');
      this.#publishing = fields;
    });
    this.#on(basic.get, ({ queue: name, noAck }) => {
      const queue = this.#queue(name);
      const stored = queue.dequeue();
      if (stored === undefined) {
        this.#send(basic.getEmpty, { reserved1: '' });
        return;
      }
      const deliveryTag = ++this.#lastTag;
      if (!noAck) this.#unacked.set(deliveryTag, { queue, stored, consumer: undefined });
      const { message, redelivered } = stored;
      const { exchange, routingKey } = message;
      const fields = { deliveryTag, redelivered, exchange, routingKey, messageCount: queue.messageCount };
      this.#session.sendContent(this.number, basic.getOk, fields, message);
    });
    this.#on(basic.ack, ({ deliveryTag, multiple }) => this.#settle(this.#tags(deliveryTag, multiple)));
    this.#on(basic.nack, ({ deliveryTag, multiple, requeue }) => {
      const tags = this.#tags(deliveryTag, multiple);
      if (requeue) this.#requeue(tags);
      else this.#settle(tags);
    });
    this.#on(basic.reject, ({ deliveryTag, requeue }) => {
      const tags = this.#tags(deliveryTag, false);
      if (requeue) this.#requeue(tags);
      else this.#settle(tags);
    });
    this.#on(basic.recover, ({ requeue }) => {
      if (!requeue) throw new AmqpException('NOT_IMPLEMENTED', 'requeue=false');
      this.#requeue([...this.#unacked.keys()]);
      this.#send(basic.recoverOk, {});
    });
  }

  #on<S extends Shape>(method: Method<S>, handle: (fields: Fields<S>) => void): void {
    this.#handlers.set(method.id, (payload) => handle(method.read(payload)));
  }

  #send<S extends Shape>(method: Method<S>, fields: Fields<S>): void {
    this.#session.send(this.number, method, fields);
  }

  /** No name means the queue that this channel declared last. */
  #queue(name: string): Queue {
    return this.#host.queue(name === '' ? this.#lastQueue : name, this.#session);
  }

  #consume(name: string, tag: string, noAck: boolean, exclusive: boolean): ChannelConsumer {
    const queue = this.#queue(name);
    if (queue.hasExclusiveConsumer || (exclusive && queue.consumerCount > 0)) {
      throw new AmqpException('ACCESS_REFUSED', `${inHost('queue', queue.name)} in exclusive use`);
    }
    const prefetch = this.#consumerPrefetch;
    const consumer = new ChannelConsumer(this, { tag, queue, noAck, exclusive, prefetch });
    this.#consumers.set(tag, consumer);
    queue.addConsumer(consumer);
    return consumer;
  }

  #awaitReplies(tag: string, noAck: boolean): undefined {
    if (!noAck) throw new AmqpException('PRECONDITION_FAILED', 'reply consumer cannot acknowledge');
    if (this.#replies !== undefined) {
      throw new AmqpException('PRECONDITION_FAILED', 'reply consumer already set');
    }
    this.#replies = { tag, address: this.#host.awaitReplies(this) };
  }

  /** The pseudo-queue in `reply-to` becomes the address of this channel. */
  #addressReplies({ properties, replyTo }: ContentHeader): Buffer {
    if (replyTo !== REPLY_TO) return properties;
    if (this.#replies === undefined) {
      throw new AmqpException('PRECONDITION_FAILED', 'fast reply consumer does not exist');
    }
    return withReplyTo(properties, this.#replies.address);
  }

  /** Which deliveries an acknowledgement means; 0 is all of them. */
  #tags(deliveryTag: number, multiple: boolean): readonly number[] {
    if (!multiple) {
      if (!this.#unacked.has(deliveryTag)) throw unknownTag(deliveryTag);
      return [deliveryTag];
    }
    const tags = [...this.#unacked.keys()].filter((tag) => deliveryTag === 0 || tag <= deliveryTag);
    if (deliveryTag !== 0 && !this.#unacked.has(deliveryTag)) throw unknownTag(deliveryTag);
    return tags;
  }

  /** @returns what was taken off, by queue */
  #take(tags: readonly number[]): Map<Queue, Stored[]> {
    const taken = new Map<Queue, Stored[]>();
    for (const tag of tags) {
      const unacked = this.#unacked.get(tag);
      if (unacked === undefined) continue;
      this.#unacked.delete(tag);
      if (unacked.consumer !== undefined) unacked.consumer.held--;
      const list = taken.get(unacked.queue);
      if (list === undefined) taken.set(unacked.queue, [unacked.stored]);
      else list.push(unacked.stored);
    }
    return taken;
  }

  #settle(tags: readonly number[]): void {
    const queues = this.#take(tags).keys();
    if (this.#channelPrefetch > 0) this.deliverAll();
    else for (const queue of queues) queue.deliver();
  }

  #requeue(tags: readonly number[]): void {
    for (const [queue, stored] of this.#take(tags)) queue.requeue(stored);
  }
}

function unknownTag(deliveryTag: number): AmqpException {
  return new AmqpException('PRECONDITION_FAILED', `unknown delivery tag ${deliveryTag}`);
}

function toLife(expiration: string | undefined): number {
  if (expiration === undefined) return Infinity;
  if (!/^\d{1,15}$/.test(expiration)) {
    throw new AmqpException('PRECONDITION_FAILED', `invalid expiration '${expiration}'`);
  }
  return Number(expiration);
}
