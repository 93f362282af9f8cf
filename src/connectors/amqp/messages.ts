/** Messages to services: requests that are replied to, and publications that the broker confirms. */
import type { Channel, ConfirmChannel, Message } from 'amqplib';
import { UpstreamError } from '../../errors.ts';
import type { Values } from '../../mapping/values.ts';
import { ErrorCodes, isOfCredentials } from '../../upstream/codes.ts';
import type { Waiting } from '../../upstream/deadline.ts';
import type { Drops } from '../../upstream/drops.ts';
import type { Reply } from '../../upstream/kept-replies.ts';
import { worthOf } from '../../upstream/kept-replies.ts';
import { type SharedCall, SharedCalls } from '../../upstream/shared-calls.ts';
import type { CallContext, ConnectionSetup } from '../kind.ts';
import type { PublishBinding, RequestBinding } from './bind.ts';
import { CallChannel } from './calls.ts';
import { type DropReason, readContent } from './content.ts';
import { ErrorReplies } from './error-replies.ts';
import { Link } from './link.ts';
import { HeaderTable, messageHeaders } from './message-headers.ts';
import type { AmqpOptions } from './options.ts';

/** RabbitMQ's direct reply-to: replies come to the channel that asked, without a queue. */
const REPLY_TO = 'amq.rabbitmq.reply-to';
const JSON_TYPE = 'application/json';
/** amqplib's text for a nack. Its other refusals mean a closed channel, which fails all calls on it with the reason. */
const NACKED = 'message nacked';

/** What a publication gives. */
export interface Published {
  readonly published: true;
  /** The `messageId` property of the message. */
  readonly messageId: string;
}

export class Messages implements AsyncDisposable {
  readonly #setup: ConnectionSetup<AmqpOptions>;
  readonly #link: Link;
  readonly #drops: Drops<DropReason>;
  readonly #shared: SharedCalls<SharedReply> | undefined;
  readonly #errors: ErrorReplies;
  readonly #headerTable = new HeaderTable();
  /** By exchange; exchanges are texts of the configuration, so there are few. */
  readonly #requests = new Map<string, CallChannel<Channel, Message>>();
  readonly #publications = new Map<string, CallChannel<ConfirmChannel, Published>>();

  constructor(setup: ConnectionSetup<AmqpOptions>, drops: Drops<DropReason>) {
    this.#setup = setup;
    this.#drops = drops;
    this.#shared = SharedCalls.of(setup);
    const { errorReplies, codes } = setup.options;
    this.#errors = new ErrorReplies(errorReplies, new ErrorCodes(setup.name, codes));
    // Once used it is kept up, so that no caller after a restart of the broker waits for the login.
    this.#link = new Link(setup, 'messages', { wanted: () => true });
  }

  /** @throws {UpstreamError} */
  request(binding: RequestBinding, values: Values, context: CallContext): Promise<unknown> {
    const given = this.#setup.headers.ofMessage(context);
    // A promise only now and then, and waiting for what is there has its price.
    return given instanceof Promise
      ? given.then((headers) => this.#request(binding, values, context, headers))
      : this.#request(binding, values, context, given);
  }

  /** @throws {UpstreamError} */
  async publish(binding: PublishBinding, values: Values, context: CallContext): Promise<Published> {
    const { exchange, persistent, mandatory } = binding;
    const given = await this.#setup.headers.ofMessage(context);
    const routingKey = binding.routingKey(values);
    const headers = messageHeaders(given, binding.headers, values);
    const content = toContent(binding.body(values));
    const channels = this.#publicationsTo(exchange);
    return channels.call(this.#setup.settings.timeouts.requestMs, context, (channel, messageId) =>
      channel.publish(
        exchange,
        routingKey,
        content,
        {
          mandatory,
          persistent,
          messageId,
          contentType: JSON_TYPE,
          headers: this.#headerTable.of(headers),
          timestamp: Math.floor(Date.now() / 1000),
        },
        (refusal: Error | null) => {
          if (refusal === null) channels.answer(messageId, { published: true, messageId });
          else if (refusal.message === NACKED) channels.fail(messageId, this.#notTaken());
        },
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const channel of this.#requests.values()) channel.close();
    for (const channel of this.#publications.values()) channel.close();
    await this.#link[Symbol.asyncDispose]();
  }

  #request(
    binding: RequestBinding,
    values: Values,
    context: CallContext,
    given: Readonly<Record<string, string>>,
  ): Promise<unknown> {
    const { exchange } = binding;
    const routingKey = binding.routingKey(values);
    const headers = messageHeaders(given, binding.headers, values);
    const content = toContent(binding.body(values));
    const ask = (waiting: Waiting) =>
      this.#requestsTo(exchange).call(
        this.#setup.settings.timeouts.requestMs,
        waiting,
        (channel, id, remainingMs) =>
          channel.publish(exchange, routingKey, content, {
            mandatory: true,
            correlationId: id,
            replyTo: REPLY_TO,
            contentType: JSON_TYPE,
            headers: this.#headerTable.of(headers),
            // Nobody waits for the reply to a request that is older than its call.
            expiration: Math.max(1, Math.ceil(remainingMs)),
          }),
      );
    if (this.#shared === undefined || !binding.isRead)
      return ask(context).then((reply) => this.#toRecord(binding, reply, context));
    const call: SharedCall<SharedReply> = {
      method: 'POST',
      // The name of an exchange has no control characters.
      path: `${exchange}\0${routingKey}`,
      headers,
      body: content,
      send: async (waiting) => toShared(await ask(waiting)),
      worthOf: ({ message }) => worthOf(() => this.#toRecord(binding, message, context)),
    };
    return this.#shared.ask(call, context).then(({ message }) => this.#toRecord(binding, message, context));
  }

  #requestsTo(exchange: string): CallChannel<Channel, Message> {
    let channels = this.#requests.get(exchange);
    if (channels === undefined) {
      const made: CallChannel<Channel, Message> = new CallChannel(this.#setup, this.#link, {
        create: (model) => model.createChannel(),
        prepare: (channel) =>
          channel.consume(
            REPLY_TO,
            (reply) => {
              if (reply === null) return;
              const id = reply.properties.correlationId as string | undefined;
              if (id === undefined || !made.answer(id, reply)) this.#drops.count('reply-unexpected');
            },
            { noAck: true },
          ),
      });
      channels = made;
      this.#requests.set(exchange, made);
    }
    return channels;
  }

  #publicationsTo(exchange: string): CallChannel<ConfirmChannel, Published> {
    let channels = this.#publications.get(exchange);
    if (channels === undefined) {
      channels = new CallChannel(this.#setup, this.#link, {
        create: (model) => model.createConfirmChannel(),
        prepare: async () => {},
      });
      this.#publications.set(exchange, channels);
    }
    return channels;
  }

  #toRecord(binding: RequestBinding, reply: Message, context: CallContext): unknown {
    const connector = this.#setup.name;
    const isError = this.#errors.isError(reply);
    let body: unknown;
    try {
      body = readContent(reply, this.#setup.settings.limits);
    } catch (cause) {
      if (!isError) {
        throw new UpstreamError('UPSTREAM_INVALID', connector, {
          internal: `the reply is ${(cause as Error).message}`,
          cause,
        });
      }
    }
    if (!isError) return body;
    const error = this.#errors.toError(reply, body);
    if (error.code === 'UPSTREAM_NOT_FOUND' && binding.missingIsNull) return null;
    if (isOfCredentials(error) || error.status === '401') this.#setup.headers.callerDenied(context);
    throw error;
  }

  #notTaken(): UpstreamError {
    return new UpstreamError('UPSTREAM_UNAVAILABLE', this.#setup.name, {
      internal: 'the broker refused to take the message',
    });
  }
}

/** What others may get, too. */
interface SharedReply extends Reply {
  readonly message: Message;
}

function toShared(message: Message): SharedReply {
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(message.properties.headers ?? {})) {
    const [key, text] = [name.toLowerCase(), toHeaderText(value)];
    if (text !== undefined) headers[key] = headers[key] === undefined ? text : `${headers[key]}, ${text}`;
  }
  return { status: 200, headers, body: message.content, message };
}

/** What a header would be over HTTP: a service may as well say "age" with a number, and "expires" with a timestamp. */
function toHeaderText(value: unknown): string | undefined {
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  if (Array.isArray(value)) return value.map(toHeaderText).join(', ');
  if (typeof value !== 'object') return String(value);
  const { '!': type, value: seconds } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return type === 'timestamp' ? new Date(Number(seconds) * 1000).toUTCString() : undefined;
}

function toContent(body: unknown): Buffer {
  return Buffer.from(JSON.stringify(body ?? null));
}
