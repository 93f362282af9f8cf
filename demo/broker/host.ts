/** The virtual host: all exchanges and queues, and the rules for making and using them. */
import { randomBytes } from 'node:crypto';
import { AmqpException, inHost } from './exceptions.ts';
import { EXCHANGE_TYPES, Exchange, type ExchangeSettings, type ExchangeType } from './exchange.ts';
import { LIMITS } from './limits.ts';
import { type Message, Queue, type QueueSettings } from './queue.ts';
import type { FieldValue, Table } from './wire.ts';

/** Where replies are asked for, and what the names begin with that a request's `reply-to` becomes. */
export const REPLY_TO = 'amq.rabbitmq.reply-to';

export interface ReplyReceiver {
  takeReply(message: Message): void;
}

export class Host {
  readonly #exchanges = new Map<string, Exchange>();
  readonly #queues = new Map<string, Queue>();
  readonly #replyReceivers = new Map<string, ReplyReceiver>();
  #bindings = 0;

  constructor() {
    for (const type of EXCHANGE_TYPES) {
      const settings = { type, durable: true, autoDelete: false, internal: false };
      this.#exchanges.set(`amq.${type}`, new Exchange(`amq.${type}`, settings));
    }
  }

  declareExchange(name: string, settings: Omit<ExchangeSettings, 'type'> & { readonly type: string }): void {
    refuseDefaultExchange(name);
    const type = toExchangeType(settings.type);
    const existing = this.#exchanges.get(name);
    if (existing !== undefined) {
      checkEqual(inHost('exchange', name), { ...settings }, { ...existing.settings });
      return;
    }
    refuseReserved('exchange', name);
    if (this.#exchanges.size >= LIMITS.exchanges) throw tooMany('exchanges');
    this.#exchanges.set(name, new Exchange(name, { ...settings, type }));
  }

  exchange(name: string): Exchange {
    const exchange = this.#exchanges.get(name);
    if (exchange === undefined) throw new AmqpException('NOT_FOUND', `no ${inHost('exchange', name)}`);
    return exchange;
  }

  deleteExchange(name: string, ifUnused: boolean): void {
    refuseDefaultExchange(name);
    refuseReserved('exchange', name);
    const exchange = this.#exchanges.get(name);
    if (exchange === undefined) return;
    if (ifUnused && exchange.isUsed) throw inUse(inHost('exchange', name));
    this.#bindings -= exchange.bindingCount;
    this.#exchanges.delete(name);
  }

  /** An empty name asks for one of the broker's. */
  declareQueue(
    name: string,
    settings: Omit<QueueSettings, 'maxLength' | 'lifeMs'>,
    args: Table,
    owner: object,
  ): Queue {
    const wanted: QueueSettings = { ...settings, ...toLimits(args) };
    const existing = name === '' ? undefined : this.#queues.get(name);
    if (existing !== undefined) {
      checkOwner(existing, owner);
      checkEqual(inHost('queue', name), { ...wanted }, { ...existing.settings });
      return existing;
    }
    refuseReserved('queue', name);
    if (this.#queues.size >= LIMITS.queues) throw tooMany('queues');
    const chosen = name === '' ? `amq.gen-${randomBytes(16).toString('base64url')}` : name;
    const queue = new Queue(chosen, wanted, settings.exclusive ? owner : undefined);
    this.#queues.set(chosen, queue);
    return queue;
  }

  /** A queue that `owner` may use. */
  queue(name: string, owner: object): Queue {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw new AmqpException('NOT_FOUND', `no ${inHost('queue', name)}`);
    checkOwner(queue, owner);
    return queue;
  }

  /** @returns how many messages were in it; none when there is no such queue, which is not an error */
  deleteQueue(name: string, owner: object, { ifUnused = false, ifEmpty = false } = {}): number {
    const queue = this.#queues.get(name);
    if (queue === undefined) return 0;
    checkOwner(queue, owner);
    const count = queue.messageCount;
    if (ifUnused && queue.consumerCount > 0) throw inUse(inHost('queue', name));
    if (ifEmpty && count > 0) {
      throw new AmqpException('PRECONDITION_FAILED', `${inHost('queue', name)} is not empty`);
    }
    this.#remove(queue);
    return count;
  }

  bind(queue: Queue, exchangeName: string, routingKey: string): void {
    refuseDefaultExchange(exchangeName);
    const exchange = this.exchange(exchangeName);
    if (this.#bindings >= LIMITS.bindings) throw tooMany('bindings');
    if (exchange.bind(queue, routingKey)) this.#bindings++;
  }

  unbind(queue: Queue, exchangeName: string, routingKey: string): void {
    refuseDefaultExchange(exchangeName);
    const exchange = this.exchange(exchangeName);
    if (!exchange.unbind(queue, routingKey)) return;
    this.#bindings--;
    this.#afterUnbinding(exchange);
  }

  /** To be called when a consumer has left the queue. */
  consumerLeft(queue: Queue): void {
    if (queue.settings.autoDelete && queue.consumerCount === 0 && this.#queues.get(queue.name) === queue) {
      this.#remove(queue);
    }
  }

  connectionClosed(owner: object): void {
    for (const queue of [...this.#queues.values()]) if (queue.owner === owner) this.#remove(queue);
  }

  /** @returns whether at least one queue, or somebody who waits for a reply, got it */
  publish(message: Message): boolean {
    const { exchange: name, routingKey } = message;
    if (name === '') return this.#publishByName(message);
    const exchange = this.exchange(name);
    if (exchange.settings.internal) {
      throw new AmqpException('ACCESS_REFUSED', `cannot publish to internal ${inHost('exchange', name)}`);
    }
    const queues = exchange.route(routingKey);
    for (const queue of queues) queue.enqueue(message);
    return queues.size > 0;
  }

  /** @returns the address to which replies for this receiver can be sent */
  awaitReplies(receiver: ReplyReceiver): string {
    const address = `${REPLY_TO}.${randomBytes(16).toString('base64url')}`;
    this.#replyReceivers.set(address, receiver);
    return address;
  }

  forgetReplies(address: string): void {
    this.#replyReceivers.delete(address);
  }

  isReplyAddress(name: string): boolean {
    return this.#replyReceivers.has(name);
  }

  #publishByName(message: Message): boolean {
    const { routingKey } = message;
    const receiver = this.#replyReceivers.get(routingKey);
    if (receiver !== undefined) {
      receiver.takeReply(message);
      return true;
    }
    const queue = this.#queues.get(routingKey);
    queue?.enqueue(message);
    return queue !== undefined;
  }

  #remove(queue: Queue): void {
    this.#queues.delete(queue.name);
    for (const exchange of [...this.#exchanges.values()]) {
      const count = exchange.unbindAll(queue);
      this.#bindings -= count;
      if (count > 0) this.#afterUnbinding(exchange);
    }
    queue.delete();
  }

  #afterUnbinding(exchange: Exchange): void {
    if (exchange.settings.autoDelete && !exchange.isUsed) this.#exchanges.delete(exchange.name);
  }
}

function toExchangeType(type: string): ExchangeType {
  const known = EXCHANGE_TYPES.find((name) => name === type);
  if (known !== undefined) return known;
  if (type === 'headers') throw new AmqpException('NOT_IMPLEMENTED', 'headers exchanges');
  throw new AmqpException('COMMAND_INVALID', `unknown exchange type '${type}'`);
}

/** The arguments of a queue that are kept to. Others would promise what is not done, so they are refused. */
function toLimits(args: Table): Pick<QueueSettings, 'maxLength' | 'lifeMs'> {
  let maxLength: number = LIMITS.queueMessages;
  let lifeMs = Infinity;
  for (const [name, value] of Object.entries(args)) {
    if (name === 'x-max-length') maxLength = Math.min(maxLength, toCount(name, value));
    else if (name === 'x-message-ttl') lifeMs = toCount(name, value);
    else if (name === 'x-queue-type' && value === 'classic') continue;
    else throw new AmqpException('NOT_IMPLEMENTED', `queue argument '${name}'`);
  }
  return { maxLength, lifeMs };
}

function toCount(name: string, value: FieldValue): number {
  const count = typeof value === 'bigint' ? Number(value) : value;
  if (typeof count === 'number' && Number.isSafeInteger(count) && count >= 0) return count;
  throw new AmqpException('PRECONDITION_FAILED', `invalid arg '${name}'`);
}

function checkOwner(queue: Queue, owner: object): void {
  if (queue.owner === undefined || queue.owner === owner) return;
  throw new AmqpException(
    'RESOURCE_LOCKED',
    `cannot obtain exclusive access to locked ${inHost('queue', queue.name)}`,
  );
}

function checkEqual(
  what: string,
  received: Readonly<Record<string, unknown>>,
  current: Readonly<Record<string, unknown>>,
): void {
  for (const [name, value] of Object.entries(received)) {
    if (value === current[name]) continue;
    throw new AmqpException(
      'PRECONDITION_FAILED',
      `inequivalent arg '${name}' for ${what}: received '${value}' but current is '${current[name]}'`,
    );
  }
}

function refuseDefaultExchange(name: string): void {
  if (name !== '') return;
  throw new AmqpException('ACCESS_REFUSED', 'operation not permitted on the default exchange');
}

function refuseReserved(kind: 'queue' | 'exchange', name: string): void {
  if (!name.startsWith('amq.')) return;
  throw new AmqpException('ACCESS_REFUSED', `${kind} name '${name}' contains reserved prefix 'amq.*'`);
}

function inUse(what: string): AmqpException {
  return new AmqpException('PRECONDITION_FAILED', `${what} in use`);
}

function tooMany(what: string): AmqpException {
  return new AmqpException('RESOURCE_ERROR', `too many ${what} for a demo`);
}
