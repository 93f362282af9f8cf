/** Between node:http messages and what doors work with. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Cancellation } from '../cancellation.ts';
import type { Request as EndpointRequest } from '../operation/request.ts';
import { carriesKey } from '../principal/credentials.ts';
import { Refusal } from './refusal.ts';

/** What the endpoint knows of a request. Copies headers only when somebody wants to know. */
export class ReceivedRequest implements EndpointRequest {
  readonly requestId: string;
  /** Set once it is known who asks. */
  principal: EndpointRequest['principal'];
  readonly notes: EndpointRequest['notes'];
  readonly span: EndpointRequest['span'];
  /** Set once its headers say only what is believed. */
  address: EndpointRequest['address'];
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  #headers: EndpointRequest['headers'] | undefined;
  #left: Cancellation | undefined;

  constructor(
    message: IncomingMessage,
    response: ServerResponse,
    { requestId, notes, span }: Pick<EndpointRequest, 'requestId' | 'notes' | 'span'>,
  ) {
    this.requestId = requestId;
    this.principal = undefined;
    this.notes = notes;
    this.span = span;
    this.address = undefined;
    this.#message = message;
    this.#response = response;
  }

  get headers(): EndpointRequest['headers'] {
    this.#headers ??= headersOf(this.#message);
    return this.#headers;
  }

  get left(): Cancellation {
    if (this.#left === undefined) {
      this.#left = new Cancellation();
      if (this.#response.destroyed) this.#left.cancel();
    }
    return this.#left;
  }

  /** To be called when the response is closed. */
  over(): void {
    if (!this.#response.writableFinished) this.#left?.cancel();
  }
}

const REQUEST_ID = /^[\w.:/+=-]{1,128}$/;

/** Unique among all processes; what is counted in this one makes the id. */
const ID_PREFIX = `${randomBytes(12).toString('base64url')}.`;
let count = 0;

/** The caller's own request id if it is one, else a new one. */
export function requestIdOf(message: IncomingMessage): string {
  const given = message.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : ID_PREFIX + (++count).toString(36);
}

/** These name no other header. */
const PLAIN_CONNECTION = new Set(['keep-alive', 'close']);

/** Lower-case names; repeated headers joined. Headers named by `Connection` are for one hop and left out. */
export function headersOf(message: IncomingMessage): Readonly<Record<string, string>> {
  const headers: Record<string, string> = Object.create(null);
  const { connection } = message.headers;
  const hop =
    connection === undefined || PLAIN_CONNECTION.has(connection)
      ? undefined
      : new Set(connection.toLowerCase().split(/\s*,\s*/));
  for (const [name, value] of Object.entries(message.headers)) {
    if (value === undefined || hop?.has(name)) continue;
    // Connectors that forward it mean the user's token.
    if (name === 'authorization' && carriesKey(value as string)) continue;
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}

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

/** Sends a fetch response; streams are sent as they come and stopped when the caller leaves. */
export async function sendFetchResponse(response: ServerResponse, answer: Response): Promise<void> {
  response.statusCode = answer.status;
  // Not in lower case, nor in any order, where it is not undici's.
  const given = new Headers([...answer.headers]);
  for (const [name, value] of given) {
    if (name === 'vary') response.appendHeader(name, value);
    // What Yoga says of event streams, for proxies to leave them alone, is no coding (RFC 9110, 8.4.1); this says it (RFC 9111, 5.2.2.6).
    else if (name === 'content-encoding' && value === 'none')
      response.appendHeader('cache-control', 'no-transform');
    else response.setHeader(name, value);
  }
  if (answer.body === null) {
    response.end();
    return;
  }
  const reader = answer.body.getReader();
  const stop = () => void reader.cancel().catch(() => {});
  response.once('close', stop);
  try {
    response.flushHeaders();
    // Who has left before this was called is told of by no event any more.
    while (!response.destroyed) {
      const { done, value } = await reader.read();
      if (done || response.destroyed) break;
      if (!response.write(value)) await drained(response);
    }
  } finally {
    stop();
  }
  response.end();
}

/** Resolves when a slow reader has caught up, or has left. */
export function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      response.off('drain', settle);
      response.off('close', settle);
      resolve();
    };
    response.once('drain', settle);
    response.once('close', settle);
  });
}
