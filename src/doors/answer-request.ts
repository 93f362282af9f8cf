/** An HTTP request from its path to its door: which client it is for, what its origin may, and how a refusal is said. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ERRORS, HemError } from '../errors.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import { addressOf } from './address.ts';
import { answerGraphQL } from './answer-graphql.ts';
import { identify } from './authentication.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import { keyNamedIn } from './credentials.ts';
import { type ClientDoors, type Exchange, setHeaders } from './exchange.ts';
import type { Hops, Sender } from './hops.ts';
import { Refusal, sendGraphQLRefusal } from './refusal.ts';
import { targetOf } from './request-target.ts';

const GRAPHQL_METHODS = ['GET', 'POST'];
const SCHEMA_METHODS = ['GET', 'HEAD'];

const DONE = Promise.resolve();

/** @throws {HemError} like what rejects, before there is anything to wait for */
export function answerRequest(
  doors: ReadonlyMap<string, ClientDoors>,
  hops: Hops,
  exchange: Exchange,
): Promise<void> {
  const { message, response, request, headers } = exchange;
  const address = addressOf(targetOf(message));
  const sender = hops.receive(message);
  request.address = sender.address;
  const door = address === undefined ? undefined : doors.get(address.client);
  if (address === undefined || door === undefined) throw new Refusal('NOT_FOUND');
  exchange.client = address.client;
  const allowed = corsHeaders(door.endpoint.view.client.settings.cors, message.headers.origin);
  if (allowed !== undefined) headers.push(...Object.entries(allowed).flat());
  const methods = address.resource === 'graphql' ? GRAPHQL_METHODS : SCHEMA_METHODS;
  if (message.method === 'OPTIONS' && allowed !== undefined && 'access-control-allow-origin' in allowed) {
    const requested = message.headers['access-control-request-headers'];
    setHeaders(exchange);
    response.writeHead(204, preflightHeaders(methods.join(', '), requested));
    response.end();
    return DONE;
  }
  if (!methods.includes(message.method ?? ''))
    throw new Refusal('METHOD_NOT_ALLOWED', undefined, { allow: methods.join(', ') });
  if (address.resource === 'schema.graphql') return answerSchema(door.endpoint, exchange, sender);
  return answerGraphQL(door, exchange, { sender, search: address.search }).catch((error: unknown) => {
    if (!(error instanceof HemError)) throw error;
    const { notes, principal } = exchange.request;
    exchange.refused(error);
    if (notes !== undefined && principal === undefined && ERRORS[error.code].status === 401)
      notes.refusedKey = keyNamedIn(door.endpoint, message.headers);
    setHeaders(exchange);
    sendGraphQLRefusal(response, error, {
      requestId: exchange.request.requestId,
      accept: message.headers.accept,
    });
  });
}

async function answerSchema(endpoint: Endpoint, exchange: Exchange, sender: Sender): Promise<void> {
  const { message, response } = exchange;
  const principal = await identify(endpoint, message.headers, sender);
  setHeaders(exchange);
  sendSchema(endpoint.sdlFor(principal), message, response);
}

function sendSchema(sdl: string | undefined, message: IncomingMessage, response: ServerResponse): void {
  if (sdl === undefined) throw new Refusal('NOT_FOUND');
  response.writeHead(200, {
    'content-type': 'application/graphql; charset=utf-8',
    'content-length': Buffer.byteLength(sdl),
    // Each plan has its own.
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(message.method === 'HEAD' ? undefined : sdl);
}
