/** The AMQP kind without a gateway around it, for what a gateway does not show: what was dropped, who is slow. */

import { pino } from 'pino';
import { CallContext } from '../../../../src/call-context.ts';
import { Cancellation } from '../../../../src/cancellation.ts';
import type { AmqpBinding } from '../../../../src/connectors/amqp/bind.ts';
import { type AmqpConnection, connect } from '../../../../src/connectors/amqp/connect.ts';
import { options as amqpOptions } from '../../../../src/connectors/amqp/options.ts';
import type { Outcome } from '../../../../src/connectors/kind.ts';
import { commonSettings } from '../../../../src/connectors/settings.ts';
import type { Values } from '../../../../src/mapping/values.ts';
import { TagClock } from '../../../../src/tag-clock.ts';
import { openCredentials } from '../../../../src/upstream/credentials.ts';
import type { Waiting } from '../../../../src/upstream/deadline.ts';
import { OutgoingHeaders } from '../../../../src/upstream/headers.ts';

export interface DirectSettings {
  readonly url: string;
  /** Keys of connector.yml that every kind has. */
  readonly common?: Readonly<Record<string, unknown>>;
  /** Keys of connector.yml that this kind adds. */
  readonly own?: Readonly<Record<string, unknown>>;
}

export class DirectAmqp implements AsyncDisposable {
  readonly connection: AmqpConnection;
  readonly #credentials: AsyncDisposable;

  constructor({ url, common = {}, own = {} }: DirectSettings) {
    const settings = commonSettings.parse({ kind: 'amqp', endpoint: url, ...common });
    const credentials = openCredentials('direct', settings);
    this.#credentials = credentials;
    this.connection = connect({
      name: 'direct',
      settings,
      options: amqpOptions.parse(own),
      breaker: undefined,
      outOfDate: { clock: new TagClock(), tags: [] },
      headers: new OutgoingHeaders(settings, credentials, undefined),
      log: pino({ level: process.env.HEM_TEST_LOG ?? 'silent' }),
    });
  }

  /** Sends `body` to a queue and gives what came of it, failures included. */
  async request(queue: string, body: unknown, context: Partial<Waiting> = {}): Promise<Outcome> {
    return this.#call(
      {
        act: 'request',
        exchange: '',
        routingKey: () => queue,
        body: () => body,
        headers: [],
        missingIsNull: false,
        isRead: false,
      },
      context,
    );
  }

  async publish(
    exchange: string,
    routingKey: string,
    body: unknown,
    context: Partial<Waiting> = {},
  ): Promise<Outcome> {
    return this.#call(
      {
        act: 'publish',
        exchange,
        routingKey: () => routingKey,
        body: () => body,
        headers: [],
        persistent: false,
        mandatory: true,
      },
      context,
    );
  }

  subscribe(exchange: string, routingKey: string, signal?: AbortSignal): AsyncIterator<unknown> {
    const call = this.connection.compile(
      { act: 'subscribe', exchange, routingKey: () => routingKey },
      NOTHING,
    );
    if (call.mode !== 'stream') throw new Error('a subscription is a stream');
    const context = toContext({
      ...(signal && { cancellation: Cancellation.of(signal) }),
      deadlineAt: Infinity,
    });
    return call.open(NO_VALUES, context)[Symbol.asyncIterator]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection[Symbol.asyncDispose]();
    await this.#credentials[Symbol.asyncDispose]();
  }

  async #call(binding: AmqpBinding, context: Partial<Waiting>): Promise<Outcome> {
    const call = this.connection.compile(binding, NOTHING);
    if (call.mode !== 'unary') throw new Error('not a stream');
    const [outcome] = await call.call([NO_VALUES], toContext(context));
    return outcome;
  }
}

const NOTHING = { fields: [] };
const NO_VALUES: Values = { args: {}, parent: {}, claims: {} };

function toContext({
  cancellation = new Cancellation(),
  deadlineAt = performance.now() + 10_000,
}: Partial<Waiting>) {
  return new CallContext({ requestId: 'test', headers: {} }, cancellation, { deadlineAt, claims: {} });
}
