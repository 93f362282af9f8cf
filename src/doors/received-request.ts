/** A request of node:http as endpoints see it: its id, its headers, and whether its caller is still there. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Cancellation } from '../cancellation.ts';
import type { Request as EndpointRequest } from '../operation/request.ts';
import { carriesKey } from '../principal/credentials.ts';

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
