/** The headers of one message: what every call of the connector carries, then the binding's own. */
import { HemError } from '../../errors.ts';
import type { Values } from '../../mapping/values.ts';

export interface BoundHeader {
  readonly name: string;
  readonly value: (values: Values) => string;
}

/** amqplib encodes all headers of a message into 64 KiB. */
const MAX_VALUE_BYTES = 8192;

export function messageHeaders(
  given: Readonly<Record<string, string>>,
  own: readonly BoundHeader[],
  values: Values,
): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  Object.assign(headers, given);
  for (const { name, value } of own) {
    const text = value(values);
    if (text.length > MAX_VALUE_BYTES) {
      throw new HemError('BAD_ARGUMENT', {
        publicText: `The header "${name}" would be longer than ${MAX_VALUE_BYTES} characters.`,
      });
    }
    headers[name] = text;
  }
  return headers;
}
