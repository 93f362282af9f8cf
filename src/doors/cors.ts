/** Which web pages may call a client: those of listed origins, and none unless there is a list. */
import type { IncomingHttpHeaders } from 'node:http';
import type { ClientSettings } from '../load/settings/settings.ts';
import { isMeantSocket } from './csrf.ts';

type Headers = Readonly<Record<string, string>>;

/** What pages may read of an answer beside its body. */
const EXPOSED = 'x-request-id, ratelimit, ratelimit-policy, retry-after, etag, age, cache-status';

const PREFLIGHT_SECONDS = 600;

/**
 * Headers of an answer to a caller from this origin; undefined where no page may call. "*" in the list allows every origin, without
 * credentials.
 */
export function corsHeaders(cors: ClientSettings['cors'], origin: string | undefined): Headers | undefined {
  if (cors === undefined) return undefined;
  if (cors.origins.includes('*'))
    return { 'access-control-allow-origin': '*', 'access-control-expose-headers': EXPOSED };
  if (origin === undefined || !cors.origins.includes(origin)) return { vary: 'Origin' };
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': EXPOSED,
    vary: 'Origin',
  };
}

/** Further headers of the answer to a preflight, for an origin that may call. */
export function preflightHeaders(methods: string, requestedHeaders: string | undefined): Headers {
  const names = /^[\w!#$%&'*+.^`|~,\s-]{1,2000}$/.test(requestedHeaders ?? '') ? requestedHeaders : undefined;
  return {
    'access-control-allow-methods': methods,
    ...(names === undefined ? {} : { 'access-control-allow-headers': names }),
    'access-control-max-age': String(PREFLIGHT_SECONDS),
  };
}

/**
 * Whether a page of this origin may open a websocket. Browsers ask no preflight for one and send the user's credentials along.
 * Programs that are no browser send no origin.
 */
export function mayOpenSocket(
  headers: IncomingHttpHeaders,
  cors: ClientSettings['cors'],
  isSecure: boolean,
): boolean {
  return cors?.origins.includes('*') === true || isMeantSocket(headers, cors, isSecure);
}
