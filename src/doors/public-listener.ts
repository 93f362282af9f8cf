/** The public listener: finds the client by path and hands the request to a door. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { ERRORS, type ErrorCode } from '../errors.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import {
  BodyTooLarge,
  readBody,
  requestIdOf,
  sendFetchResponse,
  sendProblem,
  toEndpointRequest,
  toFetchRequest,
} from './http-message.ts';
import { openWebSocketDoor, type WebSocketDoor } from './websocket.ts';
import { openYogaDoor, type YogaDoor } from './yoga.ts';

/** Headers that HTML forms cannot set: a multipart request without one may come from anywhere. */
const PREFLIGHT_HEADERS = [
  'graphql-require-preflight',
  'apollo-require-preflight',
  'x-requested-with',
  'x-graphql-yoga-csrf',
];

export interface PublicListener {
  readonly server: Server;
  listen(address: { readonly host: string; readonly port: number }): Promise<string>;
  /** Stops accepting, lets requests in flight finish, ends subscriptions. */
  close(graceMs: number): Promise<void>;
}

interface ClientDoors {
  readonly endpoint: Endpoint;
  readonly yoga: YogaDoor;
  readonly websocket: WebSocketDoor;
}

export function openPublicListener(
  endpoints: readonly Endpoint[],
  options: { readonly maxSubscriptions: number; readonly log: Logger },
): PublicListener {
  const doors = new Map<string, ClientDoors>(
    endpoints.map((endpoint) => [
      endpoint.name,
      { endpoint, yoga: openYogaDoor(endpoint), websocket: openWebSocketDoor(() => endpoint, options) },
    ]),
  );
  const inFlight = new Set<ServerResponse>();
  let closing = false;

  const server = createServer({
    requestTimeout: 30_000,
    headersTimeout: 10_000,
    keepAliveTimeout: 5000,
    maxHeaderSize: 16_384,
    requireHostHeader: true,
  });
  server.maxRequestsPerSocket = 10_000;
  server.on('request', (message, response) => {
    inFlight.add(response);
    response.once('close', () => inFlight.delete(response));
    if (closing) response.setHeader('connection', 'close');
    handle(doors, message, response).catch((error: unknown) => {
      if (error instanceof BodyTooLarge) fail(response, 'BODY_TOO_LARGE', { connection: 'close' });
      else if (!response.destroyed) {
        options.log.error({ err: error, requestId: requestIdOf(message) }, 'request failed');
        fail(response, 'INTERNAL');
      }
    });
  });
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const client = clientOf(pathOf(message));
    const door = client?.rest === 'graphql' ? doors.get(client.name) : undefined;
    if (door === undefined || closing) {
      socket.end(
        `HTTP/1.1 ${closing ? '503 Service Unavailable' : '404 Not Found'}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
      );
      return;
    }
    door.websocket.upgrade(message, socket, head);
  });

  return {
    server,
    listen: (address) => listenOn(server, address),
    async close(graceMs) {
      closing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await Promise.all([...doors.values()].map(({ websocket }) => websocket.close()));
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
      await Promise.all([...doors.values()].map(({ yoga }) => yoga.dispose()));
    },
  };
}

async function handle(
  doors: ReadonlyMap<string, ClientDoors>,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = pathOf(message);
  const client = clientOf(path);
  const door = client === undefined ? undefined : doors.get(client.name);
  if (client === undefined || door === undefined) return fail(response, 'NOT_FOUND');
  if (client.rest === 'schema.graphql') return sendSchema(door.endpoint, message, response);
  if (client.rest !== 'graphql') return fail(response, 'NOT_FOUND');
  return answerGraphQL(door, message, response, path);
}

async function answerGraphQL(
  { endpoint, yoga }: ClientDoors,
  message: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  const { uploads } = endpoint.view.client.settings;
  const isMultipart = (message.headers['content-type'] ?? '').toLowerCase().startsWith('multipart/');
  if (isMultipart && uploads === undefined)
    return sendProblem(response, 415, 'BAD_REQUEST', 'This client takes no uploads.');
  if (isMultipart && !PREFLIGHT_HEADERS.some((name) => message.headers[name] !== undefined)) {
    return sendProblem(
      response,
      400,
      'BAD_REQUEST',
      `A multipart request needs one of the headers ${PREFLIGHT_HEADERS.slice(0, 3).join(', ')}, so that no other site's form can send it.`,
    );
  }
  const maxBytes =
    endpoint.limits.bodyBytes +
    (isMultipart && uploads !== undefined ? uploads.maxFiles * uploads.maxFileBytes : 0);
  const request = toEndpointRequest(message, response);
  const body = await readBody(message, maxBytes);
  const answer = await yoga.fetch(toFetchRequest(message, path, body, request.signal), {
    endpointRequest: request,
  });
  await sendFetchResponse(response, answer, { 'x-request-id': request.requestId });
}

function sendSchema(endpoint: Endpoint, message: IncomingMessage, response: ServerResponse): void {
  const { sdl } = endpoint;
  if (sdl === undefined) {
    fail(response, 'NOT_FOUND');
    return;
  }
  if (message.method !== 'GET' && message.method !== 'HEAD') {
    fail(response, 'METHOD_NOT_ALLOWED', { allow: 'GET, HEAD' });
    return;
  }
  response.writeHead(200, {
    'content-type': 'application/graphql; charset=utf-8',
    'content-length': Buffer.byteLength(sdl),
    'x-content-type-options': 'nosniff',
  });
  response.end(message.method === 'HEAD' ? undefined : sdl);
}

function fail(
  response: ServerResponse,
  code: ErrorCode,
  headers: Readonly<Record<string, string>> = {},
): void {
  const { status, text } = ERRORS[code];
  sendProblem(response, status, code, text, headers);
}

/** The request target as path and query; an absolute-form target counts by its path (RFC 9112, 3.2.2). */
function pathOf(message: IncomingMessage): string {
  const target = message.url ?? '/';
  if (target.startsWith('/')) return target;
  const url = URL.parse(target);
  return url === null ? '/' : url.pathname + url.search;
}

/** `/web/graphql?x` → the client's name and what follows. */
function clientOf(path: string): { readonly name: string; readonly rest: string } | undefined {
  const match = /^\/([a-z][a-z0-9-]*)\/([a-z.]+)\/?(?:\?|$)/.exec(path);
  return match === null ? undefined : { name: match[1]!, rest: match[2]! };
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
