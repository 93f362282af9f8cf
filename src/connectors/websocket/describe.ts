/** `call docks.get`, `topic docks/{stationId}` */
import type { BoundField, CallDescription } from '../kind.ts';
import type { WebsocketBinding } from './bind.ts';
import type { WebsocketOptions } from './options.ts';

export function describe({
  directive,
  binding,
  options,
  settings,
}: BoundField<WebsocketOptions, WebsocketBinding>): CallDescription {
  return {
    text: `${binding.kind} ${String(directive[binding.kind])}`,
    batchSize: 1,
    callsAtOnce: Math.min(options.maxInFlight, settings.limits.callsAtOnce),
  };
}
