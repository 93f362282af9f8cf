/** The headers of one message: what every call of the connector carries, then the binding's own. */
import { HemError } from '../../errors.ts';
import type { Values } from '../../mapping/values.ts';

export interface BoundHeader {
  readonly name: string;
  readonly value: (values: Values) => string;
}

/** amqplib encodes all headers of a message into 64 KiB. */
const MAX_VALUE_BYTES = 8192;

type Headers = Readonly<Record<string, string>>;

export function messageHeaders(given: Headers, own: readonly BoundHeader[], values: Values): Headers {
  if (own.length === 0) return given;
  const headers: Record<string, string> = Object.create(null);
  Object.assign(headers, given);
  for (const { name, value } of own) {
    const text = value(values);
    if (text.length > MAX_VALUE_BYTES) {
      throw new HemError('BAD_ARGUMENT', {
        publicText: `The header "${name}" would be longer than ${MAX_VALUE_BYTES} characters.`,
      });
    }
    if (!text.isWellFormed()) {
      throw new HemError('BAD_ARGUMENT', {
        publicText: `The header "${name}" is not well-formed Unicode.`,
      });
    }
    headers[name] = text;
  }
  return headers;
}

/**
 * The headers of the message that is being written. amqplib makes what it is given the prototype of an object of its own, and V8 prepares
 * every prototype for being one: more work than all else about a message. So it is given the same object each time.
 */
export class HeaderTable {
  #headers: Headers = {};
  /** Reads {@link #headers}. The names are those of the configuration, so there are few. */
  readonly #table: Record<string, string | undefined> = Object.create(null);

  /** Good until it is called again: amqplib has encoded a message when `publish` returns. It leaves out what is undefined. */
  of(headers: Headers): Readonly<Record<string, string | undefined>> {
    for (const name of Object.keys(headers)) {
      if (name in this.#table) continue;
      const get = () => (Object.hasOwn(this.#headers, name) ? this.#headers[name] : undefined);
      Object.defineProperty(this.#table, name, { get, enumerable: true });
    }
    this.#headers = headers;
    return this.#table;
  }
}
