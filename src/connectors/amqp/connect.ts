/** Two connections per broker: messages out and replies in on the one, events on the other, so that neither holds up the other. */
import { Drops } from '../../upstream/drops.ts';
import { problemsOf, toOutcomes } from '../batch.ts';
import type { Connection, ConnectionSetup } from '../kind.ts';
import type { AmqpBinding } from './bind.ts';
import type { DropReason } from './content.ts';
import { messageHeaders } from './message-headers.ts';
import { Messages } from './messages.ts';
import type { AmqpOptions } from './options.ts';
import { Subscriptions } from './subscriptions.ts';

export interface AmqpConnection extends Connection<AmqpBinding> {
  /** What was dropped since the connection was made. */
  readonly drops: Drops<DropReason>;
}

export function connect(setup: ConnectionSetup<AmqpOptions>): AmqpConnection {
  const drops = new Drops<DropReason>(setup.log);
  const messages = new Messages(setup, drops);
  const subscriptions = new Subscriptions(setup, drops);

  return {
    drops,
    compile(binding) {
      switch (binding.act) {
        case 'request':
          return {
            mode: 'unary',
            call: (batch, context, onOutcome) =>
              toOutcomes(setup, batch, (values) => messages.request(binding, values, context), onOutcome),
            problemWith: problemsOf(setup.name, (values) => [
              binding.routingKey(values),
              messageHeaders({}, binding.headers, values),
              binding.body(values),
            ]),
          };
        case 'publish':
          return {
            mode: 'unary',
            call: (batch, context) =>
              toOutcomes(setup, batch, (values) => messages.publish(binding, values, context)),
          };
        case 'subscribe':
          return {
            mode: 'stream',
            open: (values, context) => subscriptions.open(binding, values, context),
          };
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([messages[Symbol.asyncDispose](), subscriptions[Symbol.asyncDispose]()]);
    },
  };
}
