/** `GetInvoice`: the operation of the WSDL. */
import type { BoundField, CallDescription } from '../kind.ts';
import type { SoapBinding } from './bind.ts';
import type { SoapOptions } from './options.ts';

export function describe({ binding, settings }: BoundField<SoapOptions, SoapBinding>): CallDescription {
  return { text: binding.operation, batchSize: 1, callsAtOnce: settings.limits.callsAtOnce };
}
