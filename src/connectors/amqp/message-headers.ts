/**
 * The headers of one message: what connector.yml forwards and sets, the request id, then the binding's own. Credentials are not
 * among them: they belong to the connection, and services behind the broker have no use for its password.
 */
import { HemError } from '../../errors.ts';
import type { Values } from '../../mapping/values.ts';
import type { CallContext } from '../kind.ts';
import type { CommonSettings } from '../settings.ts';

export interface BoundHeader {
  readonly name: string;
  readonly value: (values: Values) => string;
}

/** amqplib encodes all headers of a message into 64 KiB. */
const MAX_VALUE_BYTES = 8192;

export function messageHeaders(
  settings: CommonSettings['headers'],
  own: readonly BoundHeader[],
  values: Values,
  context: Pick<CallContext, 'headers' | 'requestId'> & Partial<Pick<CallContext, 'carried'>>,
): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const name of settings.forward) {
    const value = context.headers[name];
    if (value !== undefined) headers[name] = value;
  }
  Object.assign(headers, settings.set);
  if (context.carried !== undefined) Object.assign(headers, context.carried);
  headers['x-request-id'] = context.requestId;
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
