/** `fleet.v1.Fleet/GetBike`: service and method. */
import type { BoundField, CallDescription } from '../kind.ts';
import type { GrpcBinding } from './bind.ts';
import type { GrpcOptions } from './options.ts';

export function describe({ binding, settings }: BoundField<GrpcOptions, GrpcBinding>): CallDescription {
  return { text: binding.path.slice(1), batchSize: 1, callsAtOnce: settings.limits.callsAtOnce };
}
