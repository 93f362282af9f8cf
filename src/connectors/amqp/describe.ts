/** `request rides.get`, `publish rides.reports report.{problem}`: the act, the exchange if it is not the default one, the routing key. */
import type { BoundField, CallDescription } from '../kind.ts';
import type { AmqpBinding } from './bind.ts';
import type { AmqpOptions } from './options.ts';

export function describe({
  directive,
  binding,
  settings,
}: BoundField<AmqpOptions, AmqpBinding>): CallDescription {
  const { act, exchange } = binding;
  const { routingKey } = directive[act] as { readonly routingKey: string };
  return {
    text: [act, exchange, routingKey].filter((word) => word !== '').join(' '),
    batchSize: 1,
    callsAtOnce: settings.limits.callsAtOnce,
  };
}
