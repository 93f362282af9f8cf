/** Asks who sends a request, by the credentials that came along, and says in the protocol's words what is missing. */
import type { IncomingHttpHeaders } from 'node:http';
import type { FormattedExecutionResult } from 'graphql';
import type { HemError } from '../errors.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import type { Authenticator } from '../principal/authenticator.ts';
import { Unauthenticated } from '../principal/failures.ts';
import type { Principal } from '../principal/principal.ts';
import { credentialsIn, credentialsOfSocket, forwardedBySocket } from './credentials.ts';
import type { Sender } from './hops.ts';
import { Refusal } from './refusal.ts';

/** Who sends a request; undefined where the client does not ask. A promise only for a token that was not seen lately. @throws {Refusal} */
export function identify(
  endpoint: Endpoint,
  headers: IncomingHttpHeaders,
  sender: Pick<Sender, 'peer' | 'connection' | 'isSecure'>,
): Principal | undefined | Promise<Principal> {
  const { authenticator } = endpoint;
  if (authenticator === undefined) return undefined;
  try {
    const principal = authenticator.authenticate(credentialsIn(endpoint, headers, sender));
    return principal instanceof Promise
      ? principal.catch((error) => refuse(error, authenticator))
      : principal;
  } catch (error) {
    return refuse(error, authenticator);
  }
}

/** Who opens a websocket, and what its `connection_init` says in place of headers. @throws {HemError} */
export async function identifySocket(
  endpoint: Endpoint,
  opening: { readonly headers: IncomingHttpHeaders } & Pick<Sender, 'peer' | 'isSecure'>,
  params: Readonly<Record<string, unknown>> | undefined,
): Promise<{
  readonly principal: Principal | undefined;
  readonly said: Readonly<Record<string, string>>;
}> {
  const { authenticator } = endpoint;
  if (authenticator === undefined) return { principal: undefined, said: forwardedBySocket(params) };
  const { credentials, said } = credentialsOfSocket(endpoint, opening, params);
  return { principal: await authenticator.authenticate(credentials), said };
}

function refuse(error: unknown, { auth: { keys } }: Authenticator): never {
  if (!(error instanceof Unauthenticated)) throw error;
  const token = challenge('Bearer', error, 'invalid_token');
  // A scheme that is not registered, as it is widely used.
  const key = keys === undefined ? [] : [challenge(`ApiKey header="${keys.header}",`, error, 'invalid_key')];
  throw new Refusal('UNAUTHENTICATED', error.publicText, {
    'www-authenticate': [token, ...key].join(', '),
  });
}

function challenge(scheme: string, { error, publicText }: Unauthenticated, about: typeof error): string {
  const why = `, error="${error}", error_description="${publicText.replace(/["\\]/g, '')}"`;
  return `${scheme} realm="hem"${error === about ? why : ''}`;
}

/** What a 401 or 403 for an operation says in `WWW-Authenticate` (RFC 6750). */
export function challengeOf({ errors = [] }: FormattedExecutionResult): string | undefined {
  const { code, denied = [] } = (errors[0]?.extensions ?? {}) as {
    readonly code?: string;
    readonly denied?: ReadonlyArray<{ readonly scopes?: ReadonlyArray<readonly (readonly string[])[]> }>;
  };
  if (code !== 'FORBIDDEN') return 'Bearer realm="hem"';
  const lacking = denied.flatMap(({ scopes = [] }) => scopes);
  // No scope would help against a plan.
  if (lacking.length === 0) return undefined;
  // Of alternatives the first: the header cannot say "or".
  const scopes = new Set(lacking.flatMap((alternatives) => alternatives[0] ?? []));
  const scope = [...scopes].join(' ').slice(0, 1000);
  return `Bearer realm="hem", error="insufficient_scope"${scope === '' ? '' : `, scope="${scope}"`}`;
}

/** What fits into a close frame (RFC 6455, 5.5.1). */
const MAX_REASON_BYTES = 123;

/** How a websocket is closed that is not let in, or no longer: graphql-ws retries after it, with new parameters. */
export function closeOf({ code, publicText }: HemError): { readonly code: number; readonly reason: string } {
  const reason = `${code}: ${publicText}`;
  const { read } = new TextEncoder().encodeInto(reason, new Uint8Array(MAX_REASON_BYTES));
  return { code: code === 'AUTH_UNAVAILABLE' ? 1013 : 4403, reason: reason.slice(0, read) };
}
