/** The methods of AMQP 0-9-1 that the broker speaks, with their fields in the order of the wire. */
import { type Table, WireReader, WireWriter } from './wire.ts';

interface WireTypes {
  octet: number;
  short: number;
  long: number;
  longlong: number;
  bit: boolean;
  shortstr: string;
  longstr: Buffer | string;
  table: Table;
}

export type Shape = Readonly<Record<string, keyof WireTypes>>;

export type Fields<S extends Shape> = { readonly [K in keyof S]: WireTypes[S[K]] };

/** The fields of a method, from the method itself. */
export type FieldsOf<M> = M extends Method<infer S> ? Fields<S> : never;

export class Method<S extends Shape = Shape> {
  readonly classId: number;
  readonly methodId: number;
  /** `classId` and `methodId` as one number, as they stand at the beginning of a method frame. */
  readonly id: number;
  readonly name: string;
  readonly #shape: ReadonlyArray<readonly [string, keyof WireTypes]>;

  constructor(classId: number, methodId: number, name: string, shape: S) {
    this.classId = classId;
    this.methodId = methodId;
    this.id = classId * 0x10000 + methodId;
    this.name = name;
    this.#shape = Object.entries(shape);
  }

  /** @throws {AmqpException} SYNTAX_ERROR */
  read(payload: Buffer): Fields<S> {
    const reader = new WireReader(payload, 4);
    const fields: Record<string, unknown> = {};
    for (const [name, type] of this.#shape) {
      if (type !== 'bit') reader.endBits();
      fields[name] = reader[type]();
    }
    return fields as Fields<S>;
  }

  /** The payload of a method frame. */
  write(fields: Fields<S>): Buffer {
    const writer = new WireWriter();
    writer.short(this.classId);
    writer.short(this.methodId);
    for (const [name, type] of this.#shape) {
      if (type !== 'bit') writer.endBits();
      // One writer function per wire type: the shape says which value is of which.
      (writer[type] as (value: unknown) => void).call(writer, (fields as Record<string, unknown>)[name]);
    }
    return writer.toBuffer();
  }
}

export const connection = {
  start: new Method(10, 10, 'connection.start', {
    versionMajor: 'octet',
    versionMinor: 'octet',
    serverProperties: 'table',
    mechanisms: 'longstr',
    locales: 'longstr',
  }),
  startOk: new Method(10, 11, 'connection.start-ok', {
    clientProperties: 'table',
    mechanism: 'shortstr',
    response: 'longstr',
    locale: 'shortstr',
  }),
  tune: new Method(10, 30, 'connection.tune', { channelMax: 'short', frameMax: 'long', heartbeat: 'short' }),
  tuneOk: new Method(10, 31, 'connection.tune-ok', {
    channelMax: 'short',
    frameMax: 'long',
    heartbeat: 'short',
  }),
  open: new Method(10, 40, 'connection.open', {
    virtualHost: 'shortstr',
    reserved1: 'shortstr',
    reserved2: 'bit',
  }),
  openOk: new Method(10, 41, 'connection.open-ok', { reserved1: 'shortstr' }),
  close: new Method(10, 50, 'connection.close', {
    replyCode: 'short',
    replyText: 'shortstr',
    classId: 'short',
    methodId: 'short',
  }),
  closeOk: new Method(10, 51, 'connection.close-ok', {}),
};

export const channel = {
  open: new Method(20, 10, 'channel.open', { reserved1: 'shortstr' }),
  openOk: new Method(20, 11, 'channel.open-ok', { reserved1: 'longstr' }),
  flow: new Method(20, 20, 'channel.flow', { active: 'bit' }),
  flowOk: new Method(20, 21, 'channel.flow-ok', { active: 'bit' }),
  close: new Method(20, 40, 'channel.close', {
    replyCode: 'short',
    replyText: 'shortstr',
    classId: 'short',
    methodId: 'short',
  }),
  closeOk: new Method(20, 41, 'channel.close-ok', {}),
};

export const exchange = {
  declare: new Method(40, 10, 'exchange.declare', {
    reserved1: 'short',
    exchange: 'shortstr',
    type: 'shortstr',
    passive: 'bit',
    durable: 'bit',
    autoDelete: 'bit',
    internal: 'bit',
    noWait: 'bit',
    arguments: 'table',
  }),
  declareOk: new Method(40, 11, 'exchange.declare-ok', {}),
  delete: new Method(40, 20, 'exchange.delete', {
    reserved1: 'short',
    exchange: 'shortstr',
    ifUnused: 'bit',
    noWait: 'bit',
  }),
  deleteOk: new Method(40, 21, 'exchange.delete-ok', {}),
};

export const queue = {
  declare: new Method(50, 10, 'queue.declare', {
    reserved1: 'short',
    queue: 'shortstr',
    passive: 'bit',
    durable: 'bit',
    exclusive: 'bit',
    autoDelete: 'bit',
    noWait: 'bit',
    arguments: 'table',
  }),
  declareOk: new Method(50, 11, 'queue.declare-ok', {
    queue: 'shortstr',
    messageCount: 'long',
    consumerCount: 'long',
  }),
  bind: new Method(50, 20, 'queue.bind', {
    reserved1: 'short',
    queue: 'shortstr',
    exchange: 'shortstr',
    routingKey: 'shortstr',
    noWait: 'bit',
    arguments: 'table',
  }),
  bindOk: new Method(50, 21, 'queue.bind-ok', {}),
  purge: new Method(50, 30, 'queue.purge', { reserved1: 'short', queue: 'shortstr', noWait: 'bit' }),
  purgeOk: new Method(50, 31, 'queue.purge-ok', { messageCount: 'long' }),
  delete: new Method(50, 40, 'queue.delete', {
    reserved1: 'short',
    queue: 'shortstr',
    ifUnused: 'bit',
    ifEmpty: 'bit',
    noWait: 'bit',
  }),
  deleteOk: new Method(50, 41, 'queue.delete-ok', { messageCount: 'long' }),
  unbind: new Method(50, 50, 'queue.unbind', {
    reserved1: 'short',
    queue: 'shortstr',
    exchange: 'shortstr',
    routingKey: 'shortstr',
    arguments: 'table',
  }),
  unbindOk: new Method(50, 51, 'queue.unbind-ok', {}),
};

export const basic = {
  qos: new Method(60, 10, 'basic.qos', { prefetchSize: 'long', prefetchCount: 'short', global: 'bit' }),
  qosOk: new Method(60, 11, 'basic.qos-ok', {}),
  consume: new Method(60, 20, 'basic.consume', {
    reserved1: 'short',
    queue: 'shortstr',
    consumerTag: 'shortstr',
    noLocal: 'bit',
    noAck: 'bit',
    exclusive: 'bit',
    noWait: 'bit',
    arguments: 'table',
  }),
  consumeOk: new Method(60, 21, 'basic.consume-ok', { consumerTag: 'shortstr' }),
  cancel: new Method(60, 30, 'basic.cancel', { consumerTag: 'shortstr', noWait: 'bit' }),
  cancelOk: new Method(60, 31, 'basic.cancel-ok', { consumerTag: 'shortstr' }),
  publish: new Method(60, 40, 'basic.publish', {
    reserved1: 'short',
    exchange: 'shortstr',
    routingKey: 'shortstr',
    mandatory: 'bit',
    immediate: 'bit',
  }),
  return: new Method(60, 50, 'basic.return', {
    replyCode: 'short',
    replyText: 'shortstr',
    exchange: 'shortstr',
    routingKey: 'shortstr',
  }),
  deliver: new Method(60, 60, 'basic.deliver', {
    consumerTag: 'shortstr',
    deliveryTag: 'longlong',
    redelivered: 'bit',
    exchange: 'shortstr',
    routingKey: 'shortstr',
  }),
  get: new Method(60, 70, 'basic.get', { reserved1: 'short', queue: 'shortstr', noAck: 'bit' }),
  getOk: new Method(60, 71, 'basic.get-ok', {
    deliveryTag: 'longlong',
    redelivered: 'bit',
    exchange: 'shortstr',
    routingKey: 'shortstr',
    messageCount: 'long',
  }),
  getEmpty: new Method(60, 72, 'basic.get-empty', { reserved1: 'shortstr' }),
  ack: new Method(60, 80, 'basic.ack', { deliveryTag: 'longlong', multiple: 'bit' }),
  reject: new Method(60, 90, 'basic.reject', { deliveryTag: 'longlong', requeue: 'bit' }),
  recoverAsync: new Method(60, 100, 'basic.recover-async', { requeue: 'bit' }),
  recover: new Method(60, 110, 'basic.recover', { requeue: 'bit' }),
  recoverOk: new Method(60, 111, 'basic.recover-ok', {}),
  nack: new Method(60, 120, 'basic.nack', { deliveryTag: 'longlong', multiple: 'bit', requeue: 'bit' }),
};

export const confirm = {
  select: new Method(85, 10, 'confirm.select', { noWait: 'bit' }),
  selectOk: new Method(85, 11, 'confirm.select-ok', {}),
};
