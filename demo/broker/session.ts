/** One connection: login, frames to and from channels, heartbeats, closing. */
import type { Socket } from 'node:net';
import { BrokerChannel, type ChannelSession } from './channel.ts';
import { AmqpException } from './exceptions.ts';
import {
  FRAME,
  FRAME_OVERHEAD,
  type Frame,
  FrameParser,
  HEARTBEAT,
  PROTOCOL_HEADER,
  toFrame,
} from './frames.ts';
import type { Host } from './host.ts';
import { LIMITS } from './limits.ts';
import {
  basic,
  channel as channelMethods,
  connection as connectionMethods,
  type Fields,
  type FieldsOf,
  type Method,
  type Shape,
} from './methods.ts';
import { type ContentHeader, readContentHeader, writeContentHeader } from './properties.ts';
import type { Message } from './queue.ts';
import type { Table } from './wire.ts';

/** How long a client may take to agree that the connection is closed. */
const CLOSING_MS = 5000;
const LOGIN = Buffer.from('\0guest\0guest');

const SERVER_PROPERTIES: Table = {
  product: 'Hem demo broker',
  version: '1',
  platform: 'Node.js',
  information: 'In memory, for the demo of Hem only. Not a replacement for RabbitMQ.',
  capabilities: {
    publisher_confirms: true,
    'basic.nack': true,
    consumer_cancel_notify: true,
    per_consumer_qos: true,
    direct_reply_to: true,
    authentication_failure_close: true,
  },
};

/** A message whose content is still arriving. */
interface Arriving {
  readonly header: ContentHeader;
  readonly parts: Buffer[];
  bytes: number;
}

type State = 'greeting' | 'login' | 'tuning' | 'opening' | 'open' | 'closing' | 'closed';

export class Session implements ChannelSession {
  readonly host: Host;
  readonly #socket: Socket;
  readonly #parser = new FrameParser();
  /** "closing" while the client has not yet agreed that the channel is closed. */
  readonly #channels = new Map<number, BrokerChannel | 'closing'>();
  readonly #arriving = new Map<number, Arriving>();
  #state: State = 'greeting';
  #capabilities: Table = {};
  #frameBytes: number = LIMITS.frameBytes;
  #received = true;
  #sent = true;
  #heartbeat: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout;

  constructor(socket: Socket, host: Host) {
    this.#socket = socket;
    this.host = host;
    this.#timer = setTimeout(() => socket.destroy(), LIMITS.loginMs);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => this.#onDrain());
    socket.on('error', () => {});
    socket.on('close', () => this.#release());
  }

  /** Drops the connection without a word. */
  destroy(): void {
    this.#socket.destroy();
  }

  get isCongested(): boolean {
    return this.#socket.writableLength > LIMITS.unsentBytes;
  }

  get knowsCancel(): boolean {
    return this.#capabilities.consumer_cancel_notify === true;
  }

  send<S extends Shape>(channel: number, method: Method<S>, fields: Fields<S>): void {
    this.#write(toFrame(FRAME.method, channel, method.write(fields)));
  }

  sendContent<S extends Shape>(
    channel: number,
    method: Method<S>,
    fields: Fields<S>,
    message: Message,
  ): void {
    const { body, properties } = message;
    const frames = [
      toFrame(FRAME.method, channel, method.write(fields)),
      toFrame(FRAME.header, channel, writeContentHeader(body.length, properties)),
    ];
    const step = this.#frameBytes - FRAME_OVERHEAD;
    for (let offset = 0; offset < body.length; offset += step) {
      frames.push(toFrame(FRAME.body, channel, body.subarray(offset, offset + step)));
    }
    this.#write(Buffer.concat(frames));
  }

  #write(bytes: Buffer): void {
    if (this.#state === 'closed') return;
    this.#sent = true;
    this.#socket.write(bytes);
    if (this.#socket.writableLength > LIMITS.unsentBytesAtMost) this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#received = true;
    let bytes = chunk;
    if (this.#state === 'greeting') {
      const greeted = this.#parser.greet(chunk);
      if (greeted === undefined) return;
      if (!greeted) {
        // What the protocol answers to another version of itself.
        this.#socket.end(PROTOCOL_HEADER);
        return;
      }
      this.#greet();
      bytes = Buffer.alloc(0);
    }
    try {
      for (const frame of this.#parser.push(bytes)) this.#onFrame(frame);
    } catch (error) {
      // The stream of bytes itself is broken.
      this.#closeBecause(toException(error), 0);
    }
  }

  #onFrame(frame: Frame): void {
    if (this.#state === 'closed') return;
    const id = frame.type === FRAME.method && frame.payload.length >= 4 ? frame.payload.readUInt32BE(0) : 0;
    try {
      if (this.#state === 'closing') {
        if (id === connectionMethods.closeOk.id) this.#end();
        else if (id === connectionMethods.close.id) this.send(0, connectionMethods.closeOk, {});
      } else if (frame.channel === 0) {
        this.#onConnectionFrame(frame, id);
      } else {
        this.#onChannelFrame(frame, id);
      }
    } catch (error) {
      const exception = toException(error);
      if (exception.closesConnection || frame.channel === 0) this.#closeBecause(exception, id);
      else this.#closeChannel(frame.channel, exception, id);
    }
  }

  #onConnectionFrame({ type, payload }: Frame, id: number): void {
    if (type === FRAME.heartbeat) return;
    if (id === connectionMethods.close.id) {
      this.send(0, connectionMethods.closeOk, {});
      this.#end();
      return;
    }
    const expected = EXPECTED[this.#state];
    if (expected === undefined || id !== expected.id) {
      throw new AmqpException(
        'COMMAND_INVALID',
        `unexpected method ${id >>> 16}.${id & 0xffff}`,
        'connection',
      );
    }
    if (this.#state === 'login') this.#login(connectionMethods.startOk.read(payload));
    else if (this.#state === 'tuning') this.#tune(connectionMethods.tuneOk.read(payload));
    else this.#open(connectionMethods.open.read(payload).virtualHost);
  }

  #greet(): void {
    this.#state = 'login';
    this.send(0, connectionMethods.start, {
      versionMajor: 0,
      versionMinor: 9,
      serverProperties: SERVER_PROPERTIES,
      mechanisms: 'PLAIN',
      locales: 'en_US',
    });
  }

  #login({ clientProperties, mechanism, response }: FieldsOf<typeof connectionMethods.startOk>): void {
    const { capabilities } = clientProperties;
    if (typeof capabilities === 'object' && capabilities !== null && !Array.isArray(capabilities)) {
      this.#capabilities = capabilities as Table;
    }
    if (mechanism !== 'PLAIN' || !LOGIN.equals(response as Buffer)) {
      throw new AmqpException(
        'ACCESS_REFUSED',
        `Login was refused using authentication mechanism ${mechanism}`,
        'connection',
      );
    }
    this.#state = 'tuning';
    this.send(0, connectionMethods.tune, {
      channelMax: LIMITS.channels,
      frameMax: LIMITS.frameBytes,
      heartbeat: LIMITS.heartbeat,
    });
  }

  #tune({ frameMax, heartbeat }: FieldsOf<typeof connectionMethods.tuneOk>): void {
    if (frameMax !== 0 && frameMax < 4096) {
      throw new AmqpException('NOT_ALLOWED', `frame_max=${frameMax} < 4096 minimum`);
    }
    this.#frameBytes = Math.min(frameMax === 0 ? Infinity : frameMax, LIMITS.frameBytes);
    this.#state = 'opening';
    if (heartbeat === 0) return;
    let silent = 0;
    this.#heartbeat = setInterval(() => {
      silent = this.#received ? 0 : silent + 1;
      // Half intervals: four of them are the two after which the other side counts as dead.
      if (silent >= 4) this.#socket.destroy();
      if (!this.#sent) this.#write(HEARTBEAT);
      this.#received = false;
      this.#sent = false;
    }, heartbeat * 500).unref();
  }

  #open(virtualHost: string): void {
    if (virtualHost !== '/') throw new AmqpException('NOT_ALLOWED', `vhost ${virtualHost} not found`);
    clearTimeout(this.#timer);
    this.#state = 'open';
    this.send(0, connectionMethods.openOk, { reserved1: '' });
  }

  #onChannelFrame(frame: Frame, id: number): void {
    if (this.#state !== 'open')
      throw new AmqpException('CHANNEL_ERROR', 'the connection is not open', 'connection');
    const channel = this.#channels.get(frame.channel);
    if (channel === undefined) {
      this.#openChannel(frame.channel, id);
    } else if (id === channelMethods.close.id) {
      this.#release(frame.channel);
      this.send(frame.channel, channelMethods.closeOk, {});
    } else if (channel === 'closing') {
      if (id === channelMethods.closeOk.id) this.#channels.delete(frame.channel);
    } else if (frame.type === FRAME.method) {
      if (channel.expectsContent) throw new AmqpException('UNEXPECTED_FRAME', 'expected content header');
      if (id === channelMethods.open.id) {
        throw new AmqpException('CHANNEL_ERROR', "second 'channel.open' seen");
      }
      channel.accept(id, frame.payload);
    } else {
      this.#onContent(channel, frame);
    }
  }

  #openChannel(number: number, id: number): void {
    if (id !== channelMethods.open.id) {
      throw new AmqpException('CHANNEL_ERROR', "expected 'channel.open'", 'connection');
    }
    if (number > LIMITS.channels) throw new AmqpException('NOT_ALLOWED', 'number of channels opened');
    this.#channels.set(number, new BrokerChannel(number, this));
    this.send(number, channelMethods.openOk, { reserved1: '' });
  }

  #onContent(channel: BrokerChannel, { type, payload }: Frame): void {
    if (!channel.expectsContent)
      throw new AmqpException('UNEXPECTED_FRAME', 'content that was not announced');
    const arriving = this.#arriving.get(channel.number);
    if (type === FRAME.header && arriving === undefined) {
      const header = readContentHeader(payload);
      if (header.bodyBytes > LIMITS.messageBytes) {
        throw new AmqpException(
          'PRECONDITION_FAILED',
          `message size ${header.bodyBytes} is larger than configured max size ${LIMITS.messageBytes}`,
        );
      }
      if (header.bodyBytes === 0) channel.acceptContent(header, Buffer.alloc(0));
      else this.#arriving.set(channel.number, { header, parts: [], bytes: 0 });
    } else if (type === FRAME.body && arriving !== undefined) {
      // A copy: the frame's bytes belong to a larger chunk, which a waiting message must not keep alive.
      arriving.parts.push(Buffer.from(payload));
      arriving.bytes += payload.length;
      const { header, parts, bytes } = arriving;
      if (bytes < header.bodyBytes) return;
      this.#arriving.delete(channel.number);
      if (bytes > header.bodyBytes)
        throw new AmqpException('UNEXPECTED_FRAME', 'more content than announced');
      channel.acceptContent(header, parts.length === 1 ? parts[0]! : Buffer.concat(parts, bytes));
    } else {
      throw new AmqpException('UNEXPECTED_FRAME', 'expected another part of the content');
    }
  }

  #closeChannel(number: number, { code, replyText }: AmqpException, id: number): void {
    this.#release(number);
    this.#channels.set(number, 'closing');
    this.send(number, channelMethods.close, { replyCode: code, replyText, ...toIds(id) });
  }

  #closeBecause({ code, replyText }: AmqpException, id: number): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.send(0, connectionMethods.close, { replyCode: code, replyText, ...toIds(id) });
    this.#release();
    this.#state = 'closing';
    this.#timer = setTimeout(() => this.#socket.destroy(), CLOSING_MS).unref();
  }

  #end(): void {
    this.#release();
    this.#socket.end();
  }

  /** Gives back what one channel, or the whole connection, holds. */
  #release(number?: number): void {
    if (number !== undefined) {
      const channel = this.#channels.get(number);
      this.#channels.delete(number);
      this.#arriving.delete(number);
      if (channel instanceof BrokerChannel) channel.release();
      return;
    }
    for (const known of [...this.#channels.keys()]) this.#release(known);
    clearTimeout(this.#timer);
    clearInterval(this.#heartbeat);
    this.host.connectionClosed(this);
    this.#state = 'closed';
  }

  #onDrain(): void {
    for (const channel of this.#channels.values()) if (channel !== 'closing') channel.deliverAll();
  }
}

/** What the client has to send next on channel 0. */
const EXPECTED: Partial<Record<State, { readonly id: number }>> = {
  login: connectionMethods.startOk,
  tuning: connectionMethods.tuneOk,
  opening: connectionMethods.open,
};

/** A content frame belongs to the publication before it. */
function toIds(id: number): { readonly classId: number; readonly methodId: number } {
  const of = id === 0 ? basic.publish.id : id;
  return { classId: of >>> 16, methodId: of & 0xffff };
}

function toException(error: unknown): AmqpException {
  if (error instanceof AmqpException) return error;
  return new AmqpException('INTERNAL_ERROR', String(error));
}
