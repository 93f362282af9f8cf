/** `GET /stations/{id}`: the method and the template as it is written. */
import type { BoundField, CallDescription } from '../kind.ts';
import type { RestBinding } from './bind.ts';
import { METHODS } from './load.ts';
import type { RestOptions } from './options.ts';

export function describe({
  directive,
  binding,
  settings,
}: BoundField<RestOptions, RestBinding>): CallDescription {
  const method = METHODS.find((name) => directive[name] !== undefined)!;
  return {
    text: `${binding.method} ${String(directive[method])}`,
    batchSize: 1,
    callsAtOnce: settings.limits.callsAtOnce,
  };
}
