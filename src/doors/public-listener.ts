/** The public listener: finds the client by path and hands the request to a door. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type TLSSocket, Server as TlsServer } from 'node:tls';
import type { Logger } from 'pino';
import { HemError } from '../errors.ts';
import type { HemSettings } from '../load/settings.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Tracing } from '../metrics/tracing.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import type { Request as EndpointRequest } from '../operation/request.ts';
import { RequestNotes } from '../operation/request-notes.ts';
import { identify } from './authentication.ts';
import { type BroadDoor, openBroadDoor } from './broad-door.ts';
import { corsHeaders, mayOpenSocket, preflightHeaders } from './cors.ts';
import { keyNamedIn } from './credentials.ts';
import { hasPreflightHeader, PREFLIGHT_HEADERS } from './csrf.ts';
import { Hops, refusalOf, type Sender } from './hops.ts';
import { ReceivedRequest, readBody, requestIdOf, sendFetchResponse, targetOf } from './http-message.ts';
import { InFlight } from './in-flight.ts';
import { answerInParts } from './in-parts.ts';
import {
  acceptsEventStream,
  acceptsHtml,
  JSON_TYPE,
  MULTIPART_TYPE,
  namesOlderFormat,
  parseContentType,
  partsType,
  preferredAnswerType,
  remembered,
} from './media-type.ts';
import { openServer } from './node-http.ts';
import { PAGE_HEADERS } from './page-headers.ts';
import { type Params, paramsOfAddress, paramsOfBody } from './params.ts';
import { Refusal, sendGraphQLRefusal, sendProblem } from './refusal.ts';
import { RequestLog } from './request-log.ts';
import { answerShortly } from './short-path.ts';
import { openWebSocketDoor, type WebSocketDoor } from './websocket.ts';
import type { YogaContext } from './yoga.ts';

const GRAPHQL_METHODS = ['GET', 'POST'];
const SCHEMA_METHODS = ['GET', 'HEAD'];

/** A connection on which nothing moves for so long after the longest deadline is closed: its peer does not read. */
const STALLED_MS = 30_000;

/** To callers who take an answer in parts, but of an older format only. */
const ONE_FORMAT =
  'Parts of an answer are sent in the format of "multipart/mixed;incrementalSpec=v0.2", in no older one; an answer as one is "application/json".';

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
  {
    settings,
    identityHeaders,
    log,
    requests,
    metrics,
    tracing,
  }: {
    readonly settings: HemSettings;
    /** What connectors tell backends of callers: no caller may say it himself. */
    readonly identityHeaders: readonly string[];
    readonly log: Logger;
    /** Gets a line per request; undefined where nobody wants them. */
    readonly requests?: Logger | undefined;
    readonly metrics?: Metrics | undefined;
    /** Undefined where nothing is traced. */
    readonly tracing?: Tracing | undefined;
  },
): PublicListener {
  const { headersTimeout, requestTimeout, tls } = settings.listen;
  const hops = new Hops(settings.trustedProxies, identityHeaders);
  const requestLog = requests && new RequestLog(requests);
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
          requestLog,
          tracing,
        }),
        streams: new Set<() => void>(),
      },
    ]),
  );
  const inFlight = new InFlight();
  let closing = false;

  const server = openServer(tls, {
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
    const notes = requestLog && new RequestNotes();
    const { method, headers } = message;
    const span = tracing?.begin({ requestId, door: 'http', method, headers });
    const request: EndpointRequest & ReceivedRequest = new ReceivedRequest(message, response, {
      requestId,
      notes,
      span,
    });
    const exchange: Exchange = {
      message,
      response,
      request,
      headers: ['x-request-id', requestId],
      client: undefined,
    };
    const slot = inFlight.add(response);
    const startedAt = notes && performance.now();
    const bytesBefore = notes && message.socket.bytesWritten;
    response.on('close', () => {
      inFlight.release(slot);
      request.over();
      metrics?.responded(exchange.client, response.statusCode);
      span?.end({ client: exchange.client, status: response.statusCode });
      if (notes !== undefined) {
        const { client } = exchange;
        const remote = request.address ?? message.socket.remoteAddress;
        const { principal } = request;
        const asked = { requestId, client, principal, remote, notes, startedAt: startedAt! };
        requestLog!.http(asked, message, response, bytesBefore!);
      }
      if (closing) setImmediate(() => server.closeIdleConnections());
    });
    if (closing) response.setHeader('connection', 'close');
    const failed = (error: unknown): void => {
      notes?.code(asHemError(error).code);
      if (response.destroyed) return;
      if (!(error instanceof HemError)) log.error({ err: error, requestId }, 'request failed');
      setHeaders(exchange);
      sendProblem(response, asHemError(error), requestId);
    };
    try {
      answer(doors, hops, exchange).catch(failed);
    } catch (error) {
      failed(error);
    }
  });
  // A handshake that fails is nobody's request; scanners make many of them.
  server.on('tlsClientError', (error: Error) => log.debug({ err: error }, 'TLS handshake failed'));
  server.on('secureConnection', (socket: TLSSocket) => {
    const reason = refusalOf(socket);
    if (reason !== undefined) log.debug({ reason }, 'client certificate refused');
  });
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const upgraded = { message, socket, head };
    const status = closing ? '503 Service Unavailable' : upgrade(doors, hops, upgraded);
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

const DONE = Promise.resolve();

/** One request and its answer. */
interface Exchange {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly request: ReceivedRequest;
  /** Names and values in turn of what every answer to this request says. */
  readonly headers: string[];
  /** Of which client's endpoint it is, once that is known. */
  client: string | undefined;
}

/** The short path writes them together with its own; before all other answers they are set here. */
function setHeaders({ response, headers }: Exchange): void {
  if (response.headersSent) return;
  for (let at = 0; at < headers.length; at += 2) response.setHeader(headers[at]!, headers[at + 1]!);
}

/** @throws {HemError} like what rejects, before there is anything to wait for */
function answer(doors: ReadonlyMap<string, ClientDoors>, hops: Hops, exchange: Exchange): Promise<void> {
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
  return answerGraphQL(door, { ...exchange, sender }, address.search).catch((error: unknown) => {
    if (!(error instanceof HemError)) throw error;
    const { notes, principal } = exchange.request;
    notes?.code(error.code);
    if (notes !== undefined && principal === undefined)
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

async function answerGraphQL(
  door: ClientDoors,
  exchange: Exchange & { readonly sender: Sender },
  search: string,
): Promise<void> {
  const { message, response, request, headers, sender } = exchange;
  const { endpoint } = door;
  const { graphiql, uploads, batching } = endpoint.view.client.settings;
  const { accept } = message.headers;
  const isGet = message.method === 'GET';
  const ifNoneMatch = isGet ? message.headers['if-none-match'] : undefined;
  const wantsPage = isGet && graphiql && acceptsHtml(accept);
  const preferred = preferredAnswerType(accept);
  const inParts = preferred === undefined ? partsType(accept) : preferred.parts;
  if (!wantsPage && preferred === undefined && inParts === undefined && !acceptsEventStream(accept)) {
    throw new Refusal('NOT_ACCEPTABLE', ...(namesOlderFormat(accept) ? [ONE_FORMAT] : []));
  }
  const contentType = parseContentType(message.headers['content-type']);
  const isMultipart = contentType?.type === 'multipart/form-data';
  if (isMultipart && !hasPreflightHeader(message.headers)) {
    throw new Refusal(
      'BAD_REQUEST',
      `A multipart request needs one of the headers ${PREFLIGHT_HEADERS.slice(0, 3).join(', ')}, so that no other site's form can send it.`,
    );
  }
  const coding = message.headers['content-encoding'];
  if (coding !== undefined && coding !== 'identity')
    throw new Refusal('UNSUPPORTED_MEDIA_TYPE', 'Bodies are read without a Content-Encoding.');
  // The page is the same for all; what it asks for is not.
  const identified = wantsPage ? undefined : identify(endpoint, message.headers, sender);
  request.principal = identified instanceof Promise ? await identified : identified;
  const { bodyBytes } = endpoint.limits;
  const fileBytes = isMultipart && uploads !== undefined ? uploads.maxFiles * uploads.maxFileBytes : 0;
  const body = await readBody(message, bodyBytes + fileBytes);
  if (wantsPage) return answerBroadly(door, exchange, undefined);
  const reading = isGet
    ? paramsOfAddress(search)
    : paramsOfBody(body, contentType, { batching, uploads, maxBytes: bodyBytes });
  const params = reading instanceof Promise ? await reading : reading;
  if (inParts !== undefined && isSingle(params)) {
    setHeaders(exchange);
    const asked = { endpoint, params, method: message.method, ifNoneMatch, type: inParts, request };
    if (await answerInParts(asked, response)) return;
  } else if ((isGet || contentType?.type === JSON_TYPE) && isSingle(params)) {
    const asked = { endpoint, params, request, method: isGet ? 'GET' : 'POST', ifNoneMatch, accept, headers };
    const answering = answerShortly(asked, response);
    if (answering !== undefined) {
      await answering;
      return;
    }
  } else if (inParts === MULTIPART_TYPE && preferred === undefined) {
    throw new Refusal('NOT_ACCEPTABLE', 'A batch is answered as JSON.');
  }
  await answerBroadly(door, exchange, params);
}

/** Through Yoga. */
async function answerBroadly(
  { endpoint, broad, streams }: ClientDoors,
  exchange: Exchange,
  params: YogaContext['params'],
): Promise<void> {
  const { message, response, request } = exchange;
  const wantsPage = params === undefined;
  const said = new Map<string, string>();
  setHeaders(exchange);
  const given = await broad.fetch(
    new Request(`http://hem/${endpoint.name}/graphql`, {
      method: message.method,
      headers: { accept: wantsPage ? 'text/html' : 'text/event-stream' },
      signal: request.left.signal,
    }),
    { endpointRequest: request, params, streams, said },
  );
  for (const [name, value] of Object.entries(wantsPage ? PAGE_HEADERS : {})) given.headers.set(name, value);
  given.headers.set('cache-control', 'no-store');
  given.headers.set('x-content-type-options', 'nosniff');
  for (const [name, value] of said) given.headers.set(name, value);
  await sendFetchResponse(response, given);
}

function isSingle(params: Params | readonly Params[]): params is Params {
  return !Array.isArray(params);
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

/** Hands a socket to its door, or gives the status that it is refused with. */
function upgrade(
  doors: ReadonlyMap<string, ClientDoors>,
  hops: Hops,
  {
    message,
    socket,
    head,
  }: { readonly message: IncomingMessage; readonly socket: Duplex; readonly head: Buffer },
): string | undefined {
  let target: string;
  try {
    target = targetOf(message);
  } catch {
    return '400 Bad Request';
  }
  const address = addressOf(target);
  const sender = hops.receive(message);
  const door = address?.resource === 'graphql' ? doors.get(address.client) : undefined;
  if (door === undefined) return '404 Not Found';
  const { cors } = door.endpoint.view.client.settings;
  if (!mayOpenSocket(cors, message.headers.origin, message.headers.host)) return '403 Forbidden';
  door.websocket.upgrade({ message, sender }, socket, head);
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
const addressOf = remembered((target: string | undefined): Address | undefined => {
  const [, client, resource, search] =
    /^\/([a-z][a-z0-9-]*)\/(graphql|schema\.graphql)\/?(?:\?(.*))?$/s.exec(target ?? '') ?? [];
  if (client === undefined) return undefined;
  return { client, resource: resource as Address['resource'], search: search ?? '' };
});

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
      resolve(`${server instanceof TlsServer ? 'https' : 'http'}://${name}:${address.port}`);
    });
  });
}
