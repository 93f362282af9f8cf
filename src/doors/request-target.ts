/** What a request asks for, where that is clear. */
import type { IncomingMessage } from 'node:http';
import { Refusal } from './refusal.ts';

const WEB = new Set(['http:', 'https:']);

/** Headers of which a second one would be read by some and ignored by others. */
const SINGLE_HEADERS = new Set(['host', 'content-type', 'authorization', 'origin']);

/**
 * The request target as path and query. @throws {Refusal} when it is not clear what is asked: two Host headers, or an
 * absolute-form target (RFC 9112, 3.2.2) that names another host.
 */
export function targetOf(message: IncomingMessage): string {
  // node:http keeps one of a repeated header, or joins them: then there are fewer names than were sent.
  if (Object.keys(message.headers).length * 2 !== message.rawHeaders.length)
    refuseRepeated(message.rawHeaders);
  const target = message.url ?? '/';
  if (target.startsWith('/')) return target;
  const url = URL.parse(target);
  if (url === null || !WEB.has(url.protocol) || url.username !== '' || url.password !== '')
    throw ambiguous('The request target is no path, and no address of HTTP.');
  if (url.host !== (message.headers.host ?? '').toLowerCase())
    throw ambiguous('The request target and the Host header differ.');
  return url.pathname + url.search;
}

function refuseRepeated(rawHeaders: readonly string[]): void {
  const seen = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    if (!SINGLE_HEADERS.has(name)) continue;
    if (seen.has(name)) throw ambiguous(`There are two ${name} headers.`);
    seen.add(name);
  }
}

function ambiguous(text: string): Refusal {
  return new Refusal('BAD_REQUEST', text, { connection: 'close' });
}
