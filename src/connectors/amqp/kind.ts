import type { ConnectorKind } from '../kind.ts';
import { type AmqpBinding, bind } from './bind.ts';
import { connect } from './connect.ts';
import { describe } from './describe.ts';
import { type AmqpSpec, load } from './load.ts';
import { type AmqpOptions, directives, options } from './options.ts';

export const amqp = {
  kind: 'amqp',
  summary: 'services behind RabbitMQ (AMQP 0-9-1): request/reply, confirmed publishing, events',
  protocols: ['amqp:', 'amqps:'],
  options,
  directives,
  selective: false,
  supports: { query: true, mutation: true, subscription: true },
  load,
  bind,
  describe,
  connect,
} satisfies ConnectorKind<AmqpOptions, AmqpSpec, AmqpBinding>;
