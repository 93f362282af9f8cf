/** The public listener: takes requests and sockets in, sees to their end, and stops without losing any. */
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import { HemError } from '../errors.ts';
import type { HemSettings } from '../load/settings/settings.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Tracing } from '../metrics/tracing.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import type { Request as EndpointRequest } from '../operation/request.ts';
import { RequestNotes } from '../operation/watch/request-notes.ts';
import { answerRequest } from './answer-request.ts';
import { openBroadDoor } from './broad-door.ts';
import { EventStreams } from './event-streams.ts';
import { type ClientDoors, type Exchange, setHeaders } from './exchange.ts';
import { takingHandshakes } from './handshake.ts';
import { Hops, refusalOf, remoteOf } from './hops.ts';
import { InFlight } from './in-flight.ts';
import { listenOn } from './listen-on.ts';
import { type HttpServer, openServer } from './node-http.ts';
import { OpenSockets } from './open-sockets.ts';
import { ReceivedRequest, requestIdOf } from './received-request.ts';
import { sendProblem } from './refusal.ts';
import { RequestLog } from './request-log.ts';
import { inTurn } from './upgrades-in-turn.ts';
import { openWebSocketDoor } from './websocket.ts';

/** A connection on which nothing moves for so long after the longest deadline is closed: its peer does not read. */
const STALLED_MS = 30_000;
/** The status, as nginx has it, of what never got one: the connection was closed before. */
const CLOSED_BEFORE_ANSWER = 499;

export interface PublicListener {
  readonly server: HttpServer;
  listen(address: { readonly host: string; readonly port: number }): Promise<string>;
  /** Stops accepting, lets requests in flight finish, ends subscriptions. */
  close(graceMs: number): Promise<void>;
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
        streams: new EventStreams(),
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
  const sockets = new OpenSockets(server);
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
      refused(error) {
        notes?.code(error.code);
        metrics?.refused(exchange.client, error.code);
      },
    };
    const slot = inFlight.add(response);
    const startedAt = notes && performance.now();
    const bytesBefore = notes && message.socket.bytesWritten;
    response.on('close', () => {
      inFlight.release(slot);
      request.over();
      const status = response.headersSent ? response.statusCode : CLOSED_BEFORE_ANSWER;
      metrics?.responded(exchange.client, status);
      span?.end({ client: exchange.client, status });
      if (notes !== undefined) {
        const { client } = exchange;
        const remote = remoteOf(request, message);
        const { principal } = request;
        const asked = { requestId, client, principal, remote, notes, startedAt: startedAt! };
        requestLog!.http(asked, { message, response, status, bytesBefore: bytesBefore! });
      }
      if (closing) setImmediate(() => server.closeIdleConnections());
    });
    if (closing) response.setHeader('connection', 'close');
    const failed = (error: unknown): void => {
      if (response.destroyed) return;
      exchange.refused(asHemError(error));
      if (!(error instanceof HemError)) log.error({ err: error, requestId }, 'request failed');
      setHeaders(exchange);
      sendProblem(response, asHemError(error), requestId);
    };
    try {
      answerRequest(doors, hops, exchange).catch(failed);
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
  const takeHandshake = takingHandshakes(doors, { hops, metrics, requestLog, isClosing: () => closing });
  const unanswered = (socket: Duplex) => inFlight.all().filter(({ req }) => req.socket === socket);
  server.on('upgrade', inTurn(takeHandshake, { unanswered, patienceMs: server.timeout }));

  return {
    server,
    listen: (address) => listenOn(server, address),
    async close(graceMs) {
      closing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const response of inFlight.all())
        if (!response.headersSent) response.setHeader('connection', 'close');
      const all = [...doors.values()];
      for (const { streams } of all) streams.endAll();
      sockets.destroyUnsecured();
      const timer = setTimeout(() => sockets.destroyAll(), graceMs);
      await Promise.all([closed, ...all.map(({ websocket }) => websocket.close(graceMs))]);
      clearTimeout(timer);
      await Promise.all(all.map(({ broad }) => broad.dispose()));
    },
  };
}

function asHemError(error: unknown): HemError {
  return error instanceof HemError ? error : new HemError('INTERNAL');
}
