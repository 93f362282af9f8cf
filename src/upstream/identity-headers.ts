/** Headers that say who calls, from templates. One whose value is not there is absent. */
import type { CallerIdentity } from '../call-context.ts';
import { HemError } from '../errors.ts';
import { parseTemplate, toPartText } from '../mapping/template.ts';
import type { Values } from '../mapping/values.ts';
import type { HeaderValues, Identity, IdentityContext } from './identity.ts';

const MAX_CHARACTERS = 8192;
/** Visible ASCII, with spaces inside: more could be read in several ways, or end the line. */
const VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

const NOTHING: Readonly<Record<string, unknown>> = Object.freeze(Object.create(null));

interface IdentityHeader {
  readonly name: string;
  /** Undefined when absent. */
  readonly value: (values: Values) => string | undefined;
}

export class IdentityHeaders implements Identity {
  readonly #headers: readonly IdentityHeader[];

  constructor(templates: Readonly<Record<string, string>>) {
    this.#headers = Object.entries(templates).map(([name, text]) => ({ name, value: toHeader(name, text) }));
  }

  headers({ principal, address }: IdentityContext): HeaderValues {
    const values = {
      args: factsOf(principal, address),
      parent: NOTHING,
      claims: principal?.claims ?? NOTHING,
    };
    const headers: Record<string, string> = Object.create(null);
    for (const { name, value } of this.#headers) {
      const text = value(values);
      if (text !== undefined) headers[name] = text;
    }
    return headers;
  }

  forget(): void {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

function factsOf(principal: CallerIdentity | undefined, address: string | undefined): Values['args'] {
  const { key, peer } = principal ?? {};
  return {
    consumer: key?.consumer,
    key: key?.id,
    plan: key?.plan,
    spiffe: peer?.spiffeId,
    subject: peer?.subject,
    address,
  };
}

function toHeader(name: string, template: string): IdentityHeader['value'] {
  const parts = parseTemplate(template).map((part) =>
    // Of unknown callers nothing is told.
    part.kind === 'text'
      ? () => part.text
      : toPartText({ ...part, reference: { ...part.reference, optional: true } }),
  );
  return (values) => {
    let text = '';
    for (const part of parts) {
      const value = part(values);
      if (value === undefined) return undefined;
      text += value;
    }
    if (text === '') return undefined;
    if (text.length <= MAX_CHARACTERS && VALUE.test(text)) return text;
    throw new HemError('BAD_ARGUMENT', {
      publicText: `What is known of the caller cannot stand in the header "${name}".`,
    });
  };
}
