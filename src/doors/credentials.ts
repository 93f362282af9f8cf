/** Where credentials are in what a caller sends. Nobody looks in the address: addresses are written into logs. */
import type { IncomingHttpHeaders } from 'node:http';
import { looksLikeKey, parseKey } from '../consumers/key-format.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import type { Credentials } from '../principal/credentials.ts';
import { keyRefused, notValid } from '../principal/failures.ts';
import { isMeant, isMeantSocket, PREFLIGHT_HEADERS } from './csrf.ts';
import type { Sender } from './hops.ts';
import { Refusal } from './refusal.ts';

/** Of a request over HTTP. @throws {HemError} when what there is cannot be read, or is not clear */
export function credentialsIn(
  endpoint: Endpoint,
  headers: IncomingHttpHeaders,
  { peer, connection, isSecure }: Pick<Sender, 'peer' | 'connection' | 'isSecure'>,
): Credentials {
  return read(
    endpoint,
    { headers, peer, connection, isSecure },
    { authorization: headers.authorization, key: undefined, meant: isMeant },
  );
}

/** Of a websocket: what `connection_init` says, else what opened it. Also gives what it said, as headers. @throws {HemError} */
export function credentialsOfSocket(
  endpoint: Endpoint,
  opening: Opening,
  params: Readonly<Record<string, unknown>> | undefined,
): { readonly credentials: Credentials; readonly said: Readonly<Record<string, string>> } {
  const header = endpoint.authenticator?.auth.keys?.header;
  const authorization = textIn(params, 'authorization');
  const key = header === undefined ? undefined : textIn(params, header);
  const { cors } = endpoint.view.client.settings;
  // Browsers show the user's certificate to whichever page opens a socket.
  const peer = isMeantSocket(opening.headers, cors, opening.isSecure) ? opening.peer : undefined;
  const credentials = read(
    endpoint,
    { ...opening, peer },
    {
      authorization: authorization ?? opening.headers.authorization,
      key,
      meant: isMeantSocket,
    },
  );
  const said: Record<string, string> = Object.create(null);
  if (authorization !== undefined) said.authorization = authorization;
  if (header !== undefined && key !== undefined) said[header] = key;
  return { credentials, said };
}

/** Of a websocket of a client that does not care who calls: what connectors may forward, as headers. */
export function forwardedBySocket(
  params: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, string>> {
  const [authorization] = [params, params?.headers]
    .map((place) => entryOf(place, 'authorization'))
    .filter((entry) => typeof entry === 'string');
  return authorization === undefined ? {} : { authorization };
}

/** What a request over HTTP, or the upgrade to a websocket, brings along. */
interface Opening extends Pick<Sender, 'peer' | 'isSecure'>, Partial<Pick<Sender, 'connection'>> {
  readonly headers: IncomingHttpHeaders;
}

/** The public part of a key that a request brings along, whatever the key is worth: for the log. @param params of `connection_init` */
export function keyNamedIn(
  endpoint: Endpoint,
  headers: IncomingHttpHeaders,
  params?: Readonly<Record<string, unknown>>,
): string | undefined {
  const header = endpoint.authenticator?.auth.keys?.header;
  if (header === undefined) return undefined;
  const texts = [params, params?.headers, headers].flatMap((place) => [
    entryOf(place, header),
    withoutScheme(entryOf(place, 'authorization')),
  ]);
  for (const text of texts) {
    const key = typeof text === 'string' ? parseKey(text.trim()) : undefined;
    if (key !== undefined) return key.id;
  }
  return undefined;
}

function withoutScheme(authorization: unknown): unknown {
  return typeof authorization === 'string' ? authorization.slice('bearer '.length) : undefined;
}

/** In any case of letters. */
function entryOf(place: unknown, name: string): unknown {
  if (typeof place !== 'object' || place === null) return undefined;
  return Object.entries(place).find(([each]) => each.toLowerCase() === name)?.[1];
}

interface Said {
  /** The one that counts. */
  readonly authorization: string | undefined;
  /** A key beside that of the headers. */
  readonly key: string | undefined;
  readonly meant: typeof isMeant;
}

function read(
  endpoint: Endpoint,
  { headers, peer, connection = undefined, isSecure }: Opening,
  said: Said,
): Credentials {
  const bearer = bearerOf(said.authorization);
  const header = endpoint.authenticator?.auth.keys?.header;
  const isKey = header !== undefined && bearer !== undefined && looksLikeKey(bearer);
  let key = isKey ? bearer : undefined;
  if (header !== undefined) key = oneOf(oneOf(key, headers[header] as string | undefined), said.key);
  return {
    token: (isKey ? undefined : bearer) ?? cookieOf(endpoint, { headers, isSecure }, said.meant),
    key,
    origin: headers.origin,
    peer,
    connection,
  };
}

/** A text without characters is none. @throws {Unauthenticated} when they differ: which of them should count? */
function oneOf(key: string | undefined, other: string | undefined): string | undefined {
  if (key && other && key !== other) throw keyRefused('two keys');
  return key || other || undefined;
}

/** `{ "authorization": … }` or `{ "headers": { "authorization": … } }`, in any case of letters. */
function textIn(params: Readonly<Record<string, unknown>> | undefined, name: string): string | undefined {
  for (const place of [params, params?.headers]) {
    const entry = entryOf(place, name);
    if (entry === undefined) continue;
    if (typeof entry === 'string') return entry;
    throw name === 'authorization'
      ? notValid('malformed', 'no text in connection_init')
      : keyRefused('malformed');
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
  { headers, isSecure }: Pick<Opening, 'headers' | 'isSecure'>,
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
  if (values.length > 1) throw notValid('two cookies');
  if (!meant(headers, view.client.settings.cors, isSecure)) {
    throw new Refusal(
      'BAD_REQUEST',
      headers.origin === undefined
        ? `A request that is authenticated by a cookie needs one of the headers ${PREFLIGHT_HEADERS.slice(0, 3).join(', ')}, so that no other site can send it.`
        : 'A cookie counts only for pages of this origin, and of those that cors.origins of client.yml lists: the page that sent this is of another.',
    );
  }
  return value.replace(/^"(.*)"$/, '$1');
}
