/** The public listener: finds the client by path and hands the request to a door. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { HemError } from '../errors.ts';
import type { HemSettings } from '../load/settings.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import { type BroadDoor, openBroadDoor } from './broad-door.ts';
import { corsHeaders, mayOpenSocket, preflightHeaders } from './cors.ts';
import { readBody, requestIdOf, sendFetchResponse, targetOf, toEndpointRequest } from './http-message.ts';
import { InFlight } from './in-flight.ts';
import {
  acceptsEventStream,
  acceptsHtml,
  JSON_TYPE,
  parseContentType,
  preferredAnswerType,
} from './media-type.ts';
import { createServer } from './node-http.ts';
import { PAGE_HEADERS } from './page-headers.ts';
import { type Params, paramsOfAddress, paramsOfBody } from './params.ts';
import { Refusal, sendGraphQLRefusal, sendProblem } from './refusal.ts';
import { answerShortly } from './short-path.ts';
import { openWebSocketDoor, type WebSocketDoor } from './websocket.ts';

/** Headers that HTML forms cannot set: a multipart request without one may come from anywhere. */
const PREFLIGHT_HEADERS = [
  'graphql-require-preflight',
  'apollo-require-preflight',
  'x-requested-with',
  'x-graphql-yoga-csrf',
];

/** A connection on which nothing moves for so long after the longest deadline is closed: its peer does not read. */
const STALLED_MS = 30_000;

export interface PublicListener {
  readonly server: Server;
  listen(address: { readonly host: string; readonly port: number }): Promise<string>;
  /** Stops accepting, lets requests in flight finish, ends subscriptions. */
  close(graceMs: number): Promise<void>;
}

interface ClientDoors {
  readonly endpoint: Endpoint;
  readonly broad: BroadDoor;
  readonly websocket: WebSocketDoor;
  /** What ends each running subscription over SSE. */
  readonly streams: Set<() => void>;
}

export function openPublicListener(
  endpoints: readonly Endpoint[],
  { settings, log }: { readonly settings: HemSettings; readonly log: Logger },
): PublicListener {
  const { headersTimeout, requestTimeout } = settings.listen;
  const doors = new Map<string, ClientDoors>(
    endpoints.map((endpoint) => [
      endpoint.name,
      {
        endpoint,
        broad: openBroadDoor(endpoint),
        websocket: openWebSocketDoor(() => endpoint, {
          maxOperations: settings.limits.subscriptionsPerSocket,
          initTimeoutMs: headersTimeout,
          log,
        }),
        streams: new Set<() => void>(),
      },
    ]),
  );
  const inFlight = new InFlight();
  let closing = false;

  const server = createServer({
    headersTimeout,
    requestTimeout: Math.max(requestTimeout, headersTimeout),
    // How late a timeout may be noticed.
    connectionsCheckingInterval: Math.min(1000, headersTimeout),
    keepAliveTimeout: 5000,
    maxHeaderSize: 16_384,
    requireHostHeader: true,
    // Anything else that a client would like to speak instead (h2c) is optional for the server.
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
  });
  server.maxRequestsPerSocket = 10_000;
  server.timeout = STALLED_MS + Math.max(0, ...endpoints.map(({ limits }) => limits.deadlineMs));
  server.on('request', (message, response) => {
    const requestId = requestIdOf(message);
    const slot = inFlight.add(response);
    response.once('close', () => {
      inFlight.release(slot);
      if (closing) setImmediate(() => server.closeIdleConnections());
    });
    response.setHeader('x-request-id', requestId);
    if (closing) response.setHeader('connection', 'close');
    answer(doors, message, response, requestId).catch((error: unknown) => {
      if (response.destroyed) return;
      if (!(error instanceof HemError)) log.error({ err: error, requestId }, 'request failed');
      sendProblem(response, asHemError(error), requestId);
    });
  });
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const status = closing ? '503 Service Unavailable' : upgrade(doors, message, socket, head);
    if (status !== undefined) {
      socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    }
  });

  return {
    server,
    listen: (address) => listenOn(server, address),
    async close(graceMs) {
      closing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const response of inFlight.all())
        if (!response.headersSent) response.setHeader('connection', 'close');
      const all = [...doors.values()];
      for (const { streams } of all) for (const end of streams) end();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await Promise.all([closed, ...all.map(({ websocket }) => websocket.close(graceMs))]);
      clearTimeout(timer);
      await Promise.all(all.map(({ broad }) => broad.dispose()));
    },
  };
}

async function answer(
  doors: ReadonlyMap<string, ClientDoors>,
  message: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const address = addressOf(targetOf(message));
  const door = address === undefined ? undefined : doors.get(address.client);
  if (address === undefined || door === undefined) throw new Refusal('NOT_FOUND');
  const { cors } = door.endpoint.view.client.settings;
  const allowed = corsHeaders(cors, message.headers.origin);
  for (const [name, value] of Object.entries(allowed)) response.setHeader(name, value);
  const methods = address.resource === 'graphql' ? 'GET, POST' : 'GET, HEAD';
  if (message.method === 'OPTIONS' && 'access-control-allow-origin' in allowed) {
    response.writeHead(204, preflightHeaders(methods, message.headers['access-control-request-headers']));
    response.end();
    return;
  }
  if (!methods.split(', ').includes(message.method ?? '')) {
    throw new Refusal('METHOD_NOT_ALLOWED', undefined, { allow: methods });
  }
  if (address.resource === 'schema.graphql') return sendSchema(door.endpoint, message, response);
  try {
    await answerGraphQL(door, message, response, { requestId, search: address.search });
  } catch (error) {
    if (!(error instanceof HemError)) throw error;
    sendGraphQLRefusal(response, error, { requestId, accept: message.headers.accept });
  }
}

async function answerGraphQL(
  { endpoint, broad, streams }: ClientDoors,
  message: IncomingMessage,
  response: ServerResponse,
  { requestId, search }: { readonly requestId: string; readonly search: string },
): Promise<void> {
  const { graphiql, uploads, batching } = endpoint.view.client.settings;
  const { accept } = message.headers;
  const wantsPage = message.method === 'GET' && graphiql && acceptsHtml(accept);
  if (!wantsPage && preferredAnswerType(accept) === undefined && !acceptsEventStream(accept)) {
    throw new Refusal('NOT_ACCEPTABLE');
  }
  const contentType = parseContentType(message.headers['content-type']);
  const isMultipart = contentType?.type === 'multipart/form-data';
  if (isMultipart && !PREFLIGHT_HEADERS.some((name) => message.headers[name] !== undefined)) {
    throw new Refusal(
      'BAD_REQUEST',
      `A multipart request needs one of the headers ${PREFLIGHT_HEADERS.slice(0, 3).join(', ')}, so that no other site's form can send it.`,
    );
  }
  if (!['identity', undefined].includes(message.headers['content-encoding'])) {
    throw new Refusal('UNSUPPORTED_MEDIA_TYPE', 'Bodies are read without a Content-Encoding.');
  }
  const endpointRequest = toEndpointRequest(message, response, requestId);
  const { bodyBytes } = endpoint.limits;
  const fileBytes = isMultipart && uploads !== undefined ? uploads.maxFiles * uploads.maxFileBytes : 0;
  const body = await readBody(message, bodyBytes + fileBytes);
  const params = wantsPage
    ? undefined
    : message.method === 'GET'
      ? paramsOfAddress(search)
      : await paramsOfBody(body, contentType, { batching, uploads, maxBytes: bodyBytes });
  if (contentType?.type === JSON_TYPE && message.method === 'POST' && isSingle(params)) {
    if (await answerShortly(endpoint, params, endpointRequest, response)) return;
  }
  const request = new Request(`http://hem/${endpoint.name}/graphql`, {
    method: message.method,
    headers: { accept: wantsPage ? 'text/html' : 'text/event-stream' },
    signal: endpointRequest.signal,
  });
  const given = await broad.fetch(request, { endpointRequest, params, streams });
  for (const [name, value] of Object.entries(wantsPage ? PAGE_HEADERS : {})) given.headers.set(name, value);
  given.headers.set('cache-control', 'no-store');
  given.headers.set('x-content-type-options', 'nosniff');
  await sendFetchResponse(response, given);
}

function isSingle(params: Params | readonly Params[] | undefined): params is Params {
  return params !== undefined && !Array.isArray(params);
}

function sendSchema(endpoint: Endpoint, message: IncomingMessage, response: ServerResponse): void {
  const { sdl } = endpoint;
  if (sdl === undefined) throw new Refusal('NOT_FOUND');
  response.writeHead(200, {
    'content-type': 'application/graphql; charset=utf-8',
    'content-length': Buffer.byteLength(sdl),
    'x-content-type-options': 'nosniff',
  });
  response.end(message.method === 'HEAD' ? undefined : sdl);
}

/** Hands a socket to its door, or gives the status that it is refused with. */
function upgrade(
  doors: ReadonlyMap<string, ClientDoors>,
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): string | undefined {
  let target: string;
  try {
    target = targetOf(message);
  } catch {
    return '400 Bad Request';
  }
  const address = addressOf(target);
  const door = address?.resource === 'graphql' ? doors.get(address.client) : undefined;
  if (door === undefined) return '404 Not Found';
  const { cors } = door.endpoint.view.client.settings;
  if (!mayOpenSocket(cors, message.headers.origin, message.headers.host)) return '403 Forbidden';
  door.websocket.upgrade(message, socket, head);
  return undefined;
}

function asHemError(error: unknown): HemError {
  return error instanceof HemError ? error : new HemError('INTERNAL');
}

interface Address {
  readonly client: string;
  readonly resource: 'graphql' | 'schema.graphql';
  /** The query part, without "?". */
  readonly search: string;
}

/** `/web/graphql?x` → the client, what is asked of it, and how. */
function addressOf(target: string): Address | undefined {
  const [, client, resource, search] =
    /^\/([a-z][a-z0-9-]*)\/(graphql|schema\.graphql)\/?(?:\?(.*))?$/s.exec(target) ?? [];
  if (client === undefined) return undefined;
  return { client, resource: resource as Address['resource'], search: search ?? '' };
}

/** The address as a URL once the server listens. @throws when the port is taken */
export function listenOn(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address() as AddressInfo;
      const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
      resolve(`http://${name}:${address.port}`);
    });
  });
}
