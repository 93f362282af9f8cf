/** Finds the credential of a request, asks who that is, and says in the protocol's words what is missing. */
import type { IncomingHttpHeaders } from 'node:http';
import type { FormattedExecutionResult } from 'graphql';
import type { HemError } from '../errors.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import { notValid, Unauthenticated } from '../principal/failures.ts';
import type { Principal } from '../principal/principal.ts';
import { isMeant, isMeantSocket, PREFLIGHT_HEADERS } from './csrf.ts';
import type { Sender } from './hops.ts';
import { Refusal } from './refusal.ts';

/** Who sends a request; undefined where the client does not ask. A promise only for a token that was not seen lately. @throws {Refusal} */
export function identify(
  endpoint: Endpoint,
  headers: IncomingHttpHeaders,
  { peer }: Pick<Sender, 'peer'>,
): Principal | undefined | Promise<Principal> {
  const { authenticator } = endpoint;
  if (authenticator === undefined) return undefined;
  try {
    const token = bearerOf(headers.authorization) ?? cookieOf(endpoint, headers, isMeant);
    const principal = authenticator.authenticate(token, peer);
    return principal instanceof Promise ? principal.catch(refuse) : principal;
  } catch (error) {
    return refuse(error);
  }
}

/**
 * Who opens a websocket: by what `connection_init` says, else by what opened it. Also gives the `Authorization` that counted.
 * @throws {HemError}
 */
export async function identifySocket(
  endpoint: Endpoint,
  { headers, peer }: { readonly headers: IncomingHttpHeaders } & Pick<Sender, 'peer'>,
  params: Readonly<Record<string, unknown>> | undefined,
): Promise<{ readonly principal: Principal | undefined; readonly authorization: string | undefined }> {
  const { authenticator } = endpoint;
  if (authenticator === undefined) return { principal: undefined, authorization: undefined };
  const authorization = authorizationIn(params) ?? headers.authorization;
  const token = bearerOf(authorization) ?? cookieOf(endpoint, headers, isMeantSocket);
  return { principal: await authenticator.authenticate(token, peer), authorization };
}

/** `{ "authorization": … }` or `{ "headers": { "authorization": … } }`, in any case of letters. */
function authorizationIn(params: Readonly<Record<string, unknown>> | undefined): string | undefined {
  for (const place of [params, params?.headers]) {
    if (typeof place !== 'object' || place === null) continue;
    const entry = Object.entries(place).find(([name]) => name.toLowerCase() === 'authorization');
    if (entry === undefined) continue;
    if (typeof entry[1] !== 'string') throw notValid('no text in connection_init');
    return entry[1];
  }
  return undefined;
}

/** Undefined for other schemes, which are for backends. @throws {Unauthenticated} */
function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined || !/^bearer(?: |$)/i.test(authorization)) return undefined;
  const token = authorization.slice('bearer'.length).trim();
  if (token === '') throw notValid('empty');
  return token;
}

/** @throws {HemError} when another site may have sent it along, or when it is not clear which counts */
function cookieOf(
  { authenticator, view }: Endpoint,
  headers: IncomingHttpHeaders,
  meant: typeof isMeant,
): string | undefined {
  const name = authenticator?.auth.jwt?.cookie;
  if (name === undefined || headers.cookie === undefined) return undefined;
  const values = headers.cookie.split(';').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at !== -1 && pair.slice(0, at).trim() === name ? [pair.slice(at + 1).trim()] : [];
  });
  const [value] = values;
  if (value === undefined || value === '') return undefined;
  if (values.length > 1) throw notValid(`${values.length} cookies of one name`);
  if (!meant(headers, view.client.settings.cors)) {
    throw new Refusal(
      'BAD_REQUEST',
      `A request that is authenticated by a cookie needs one of the headers ${PREFLIGHT_HEADERS.slice(0, 3).join(', ')}, or has to come from this origin or one that client.yml lists, so that no other site can send it.`,
    );
  }
  return value.replace(/^"(.*)"$/, '$1');
}

function refuse(error: unknown): never {
  if (!(error instanceof Unauthenticated)) throw error;
  const parts = ['realm="hem"'];
  if (error.error !== undefined)
    parts.push(`error="${error.error}"`, `error_description="${error.publicText.replace(/["\\]/g, '')}"`);
  throw new Refusal('UNAUTHENTICATED', error.publicText, {
    'www-authenticate': `Bearer ${parts.join(', ')}`,
  });
}

/** What a 401 or 403 for an operation says in `WWW-Authenticate` (RFC 6750). */
export function challengeOf({ errors = [] }: FormattedExecutionResult): string {
  const { code, denied = [] } = (errors[0]?.extensions ?? {}) as {
    readonly code?: string;
    readonly denied?: ReadonlyArray<{ readonly scopes: ReadonlyArray<readonly (readonly string[])[]> }>;
  };
  if (code !== 'FORBIDDEN') return 'Bearer realm="hem"';
  // Of alternatives the first: the header cannot say "or".
  const scopes = new Set(
    denied.flatMap(({ scopes: all }) => all.flatMap((alternatives) => alternatives[0] ?? [])),
  );
  const scope = [...scopes].join(' ').slice(0, 1000);
  return `Bearer realm="hem", error="insufficient_scope"${scope === '' ? '' : `, scope="${scope}"`}`;
}

/** The close code of a websocket that is not let in, or no longer: graphql-ws retries after it, with new parameters. */
export function closeOf(error: HemError): { readonly code: number; readonly reason: string } {
  return { code: error.code === 'AUTH_UNAVAILABLE' ? 1013 : 4403, reason: error.code };
}
