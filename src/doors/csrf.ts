/** Whether a request may come from a page of another site. Browsers ask no preflight for forms and links. */
import type { IncomingHttpHeaders } from 'node:http';
import type { ClientSettings } from '../load/settings/settings.ts';
import { parseContentType } from './media-type.ts';

/** Headers that HTML forms cannot set. */
export const PREFLIGHT_HEADERS = [
  'graphql-require-preflight',
  'apollo-require-preflight',
  'x-requested-with',
  'x-graphql-yoga-csrf',
] as const;

export function hasPreflightHeader(headers: IncomingHttpHeaders): boolean {
  return PREFLIGHT_HEADERS.some((name) => headers[name] !== undefined);
}

/** What a form can send. */
const FORM_TYPES = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'];

/** Whether it comes from a page of the site that was asked. What came over TLS may have gone through who says nothing of it. */
export function isSameOrigin({ origin, host }: IncomingHttpHeaders, isSecure: boolean): boolean {
  const page = origin === undefined ? null : URL.parse(origin);
  return page !== null && page.host === host?.toLowerCase() && (!isSecure || page.protocol === 'https:');
}

/**
 * Whether the sender meant it, so that a cookie that browsers add by themselves can count. A page of an origin that is not this
 * one's and not listed never did; `"*"` lists nobody.
 */
export function isMeant(
  headers: IncomingHttpHeaders,
  cors: ClientSettings['cors'],
  isSecure: boolean,
): boolean {
  const { origin } = headers;
  if (origin !== undefined) return isSameOrigin(headers, isSecure) || cors?.origins.includes(origin) === true;
  // Browsers set it, pages cannot.
  if (headers['sec-fetch-site'] === 'same-origin') return true;
  if (hasPreflightHeader(headers)) return true;
  const type = parseContentType(headers['content-type'])?.type;
  return type !== undefined && !FORM_TYPES.includes(type);
}

/** Whether somebody who is no browser, or a page that may, opens a websocket: browsers always say their origin there. */
export function isMeantSocket(
  headers: IncomingHttpHeaders,
  cors: ClientSettings['cors'],
  isSecure: boolean,
): boolean {
  return headers.origin === undefined || isMeant(headers, cors, isSecure);
}
