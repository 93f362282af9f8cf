/** GraphQL over websocket, by the graphql-transport-ws protocol. The same endpoint as over HTTP. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type FormattedExecutionResult, GraphQLError } from 'graphql';
import {
  CloseCode,
  type Context,
  GRAPHQL_TRANSPORT_WS_PROTOCOL,
  makeServer,
  type SubscribePayload,
} from 'graphql-ws';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import { Cancellation } from '../cancellation.ts';
import { ERRORS, type ErrorCode, HemError } from '../errors.ts';
import type { Tracing } from '../metrics/tracing.ts';
import { isStream } from '../operation/answer.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import { format } from '../operation/format.ts';
import type { Request as EndpointRequest } from '../operation/request.ts';
import { RequestNotes } from '../operation/request-notes.ts';
import { carriesKey } from '../principal/credentials.ts';
import { EXPIRED, Unauthenticated } from '../principal/failures.ts';
import type { Principal } from '../principal/principal.ts';
import { closeOf, identifySocket } from './authentication.ts';
import type { Sender } from './hops.ts';
import { headersOf, requestIdOf } from './http-message.ts';
import { Relay } from './relay.ts';
import type { RequestLog } from './request-log.ts';

const KEEP_ALIVE_MS = 15_000;
/** Messages being worked on or waiting to be sent, above the operations: pings, refusals. More are a flood, or a peer that does not read. */
const MAX_WAITING_MESSAGES = 100;
/** What runs when a socket's principal expires has so long to finish. */
const EXPIRED_GRACE_MS = 5000;
/** What fits into a close frame. */
const MAX_REASON_CHARACTERS = 40;

export interface WebSocketDoor {
  upgrade(upgraded: Upgraded, socket: Duplex, head: Buffer): void;
  /** Lets queries and mutations finish, then closes each socket with 1001. */
  close(graceMs: number): Promise<void>;
}

/** The request that opens a socket, and who sent it. */
export interface Upgraded {
  readonly message: IncomingMessage;
  readonly sender: Sender;
}

export interface WebSocketOptions {
  /** On one socket at a time. */
  readonly maxOperations: number;
  /** How long a socket may be open without `connection_init`. */
  readonly initTimeoutMs: number;
  readonly log: Logger;
  /** Gets a line per operation; undefined where nobody wants them. */
  readonly requestLog?: RequestLog | undefined;
  readonly tracing?: Tracing | undefined;
}

/** One socket. */
interface Peer extends Upgraded {
  readonly socket: WebSocket;
  readonly requestId: string;
  headers: Readonly<Record<string, string>>;
  /** Who opened it; undefined where the client does not ask. */
  principal: Principal | undefined;
  forgetEnd: () => void;
  /** By payload, which is an operation's identity: ids can be used again while an operation ends. */
  readonly running: Map<SubscribePayload, Running>;
  started: number;
  /** Why it takes no more operations. */
  closing: Goodbye | undefined;
}

/** How a socket ends. */
interface Goodbye {
  readonly code: number;
  readonly reason: string;
  /** What operations are refused with that come too late. */
  readonly refusal: ErrorCode;
  /** Subscriptions are left as they are; else they get to say why they end. */
  readonly abrupt: boolean;
}

const STOPPING: Goodbye = { code: 1001, reason: 'Going away', refusal: 'SHUTTING_DOWN', abrupt: true };
const NOBODY: Goodbye = {
  ...closeOf(new Unauthenticated(EXPIRED)),
  refusal: 'UNAUTHENTICATED',
  abrupt: false,
};

/** One operation. */
interface Running {
  readonly id: string;
  readonly context: Context<Record<string, unknown>, Peer>;
  readonly isSubscription: boolean;
  readonly left: Cancellation;
  /** Ends a subscription that has begun. */
  end: ((farewell: FormattedExecutionResult) => void) | undefined;
  readonly endpoint: Endpoint;
  readonly operation: Parameters<Endpoint['execute']>[0];
  readonly request: EndpointRequest;
  /** `performance.now()` */
  readonly startedAt: number;
}

/** @param endpoint the client's endpoint of the current generation, asked for each operation */
export function openWebSocketDoor(endpoint: () => Endpoint, options: WebSocketOptions): WebSocketDoor {
  const peers = new Set<Peer>();
  const protocol = makeServer<Record<string, unknown>, Peer>({
    connectionInitWaitTimeout: options.initTimeoutMs,
    onConnect: ({ extra, connectionParams }) =>
      endpoint().authenticator === undefined ? true : letIn(endpoint(), extra, connectionParams),
    onSubscribe: (context, id, payload) => start(endpoint(), options, context, id, payload),
    execute: (args) => execute(runningOf(args)) as never,
    subscribe: (args) => subscribe(runningOf(args)) as never,
    // Results are formatted already; the library would ask their errors to format themselves.
    onNext: (_context, _id, _payload, _args, result) => result as FormattedExecutionResult,
    onError: ({ extra }, _id, payload, errors) => format({ errors }, requestOf(extra, payload)).errors,
    onComplete: ({ extra }, _id, payload) => finish(extra, payload, options.requestLog),
  });
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: endpoint().limits.bodyBytes,
    autoPong: false,
    handleProtocols: (protocols) =>
      protocols.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) ? GRAPHQL_TRANSPORT_WS_PROTOCOL : false,
  });
  const requestIds = new WeakMap<IncomingMessage, string>();
  server.on('headers', (headers, message) => {
    const requestId = requestIdOf(message);
    requestIds.set(message, requestId);
    headers.push(`x-request-id: ${requestId}`);
  });
  server.on('connection', (socket: WebSocket, { message, sender }: Upgraded) => {
    const peer: Peer = {
      socket,
      requestId: requestIds.get(message) ?? requestIdOf(message),
      message,
      sender,
      headers: headersOf(message),
      principal: undefined,
      forgetEnd: () => {},
      running: new Map(),
      started: 0,
      closing: undefined,
    };
    peers.add(peer);
    serve(protocol, peer, options);
    socket.once('close', () => peers.delete(peer));
  });

  return {
    upgrade(upgraded, socket, head) {
      server.handleUpgrade(upgraded.message, socket, head, (client) =>
        server.emit('connection', client, upgraded),
      );
    },
    async close(graceMs) {
      const timer = setTimeout(() => {
        for (const { socket } of peers) socket.terminate();
      }, graceMs);
      await Promise.all(
        [...peers].map((peer) => {
          peer.closing = STOPPING;
          closeWhenDone(peer);
          return new Promise((resolve) => peer.socket.once('close', resolve));
        }),
      );
      clearTimeout(timer);
      server.close();
    },
  };
}

/** Connects one socket to the protocol: floods end it, silence ends it, and what it asked for ends with it. */
function serve(
  protocol: ReturnType<typeof makeServer<Record<string, unknown>, Peer>>,
  peer: Peer,
  { maxOperations, log }: WebSocketOptions,
): void {
  const { socket, requestId } = peer;
  let waiting = 0;
  const work = async (task: () => Promise<unknown>): Promise<void> => {
    if (++waiting > maxOperations + MAX_WAITING_MESSAGES) {
      socket.terminate();
      return;
    }
    try {
      await task();
    } catch (error) {
      log.error({ err: error, requestId }, 'websocket message failed');
      socket.close(CloseCode.InternalServerError, 'Internal server error');
    } finally {
      waiting--;
    }
  };
  let alive = true;
  const heartbeat = setInterval(() => {
    if (!alive) return socket.terminate();
    alive = false;
    socket.ping();
  }, KEEP_ALIVE_MS);
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send: (text) => sent((done) => socket.send(text, done), socket),
      close: (code, reason) => socket.close(code, reason?.slice(0, MAX_REASON_CHARACTERS)),
      onMessage: (receive) => {
        socket.on('message', (data) => {
          void work(() => {
            const received = receive(String(data));
            leaveCompleted(peer);
            return received;
          });
        });
      },
    },
    peer,
  );
  socket.on('pong', () => {
    alive = true;
  });
  socket.on('ping', (data) => void work(() => sent((done) => socket.pong(data, false, done), socket)));
  socket.on('error', (error) => log.debug({ err: error, requestId }, 'websocket failed'));
  socket.once('close', (code, reason) => {
    clearInterval(heartbeat);
    peer.forgetEnd();
    for (const { left } of peer.running.values()) left.cancel();
    void closed(code, String(reason));
  });
}

/** Resolves when the message has left; a socket that is closed takes none and nobody waits for it. */
function sent(send: (done: () => void) => void, socket: WebSocket): Promise<void> {
  return new Promise((resolve) => (socket.readyState === socket.OPEN ? send(resolve) : resolve()));
}

function start(
  endpoint: Endpoint,
  { maxOperations, requestLog, tracing }: WebSocketOptions,
  context: Context<Record<string, unknown>, Peer>,
  id: string,
  payload: SubscribePayload,
) {
  const peer = context.extra;
  if (peer.closing) return [refusal(peer.closing.refusal)];
  // Operations that were left count until they have ended.
  if (peer.running.size >= maxOperations) {
    peer.socket.close(CloseCode.BadRequest, 'Too many operations on one socket');
    return [refusal('OPERATION_TOO_LARGE')];
  }
  const left = new Cancellation();
  const { headers, principal } = peer;
  const requestId = `${peer.requestId}:${++peer.started}`;
  const request = {
    requestId,
    headers,
    left,
    address: peer.sender.address,
    principal,
    notes: requestLog && new RequestNotes(),
    span: tracing?.begin({ requestId, door: 'websocket', headers }),
  };
  const startedAt = performance.now();
  const trace = endpoint.traceOf(payload.extensions, peer);
  const prepared = endpoint.prepare(payload.query, payload.operationName, { trace, principal });
  if ('errors' in prepared) {
    const { errors } = format({ errors: prepared.errors }, request);
    request.notes?.failed(errors);
    told({ endpoint, request, startedAt }, peer, requestLog);
    return [...prepared.errors];
  }
  const { kind, document, operationName } = prepared;
  const variables = payload.variables ?? {};
  const running: Running = {
    id,
    context,
    isSubscription: kind === 'subscription',
    left,
    end: undefined,
    endpoint,
    operation: { ...prepared, variables, trace },
    request,
    startedAt,
  };
  peer.running.set(payload, running);
  // The library takes graphql-js's arguments and hands them on to `execute` and `subscribe` above.
  return {
    schema: endpoint.view.schema,
    document,
    operationName,
    variableValues: variables,
    contextValue: running,
  };
}

async function execute(running: Running) {
  const outcome = await running.endpoint.executeInParts(running.operation, running.request);
  return isStream(outcome) ? untilLeft(running, outcome.items) : outcome.result;
}

async function subscribe(running: Running) {
  const outcome = await running.endpoint.subscribe(running.operation, running.request);
  if (!isStream(outcome)) return outcome.result;
  const relay = untilLeft(running, outcome.items);
  running.end = (farewell) => relay.end(farewell);
  return relay;
}

function untilLeft<Result>({ left }: Running, results: AsyncIterable<Result>): Relay<Result> {
  const relay = new Relay(results);
  left.add(() => relay.end());
  return relay;
}

function runningOf(args: unknown): Running {
  return (args as { readonly contextValue: Running }).contextValue;
}

function requestOf(peer: Peer, payload: SubscribePayload): Pick<EndpointRequest, 'requestId'> {
  return peer.running.get(payload)?.request ?? { requestId: `${peer.requestId}:${++peer.started}` };
}

/** The library forgets the id of an operation that the caller has completed; what runs for it ends here. */
function leaveCompleted({ running }: Peer): void {
  for (const { id, context, left } of running.values()) if (!(id in context.subscriptions)) left.cancel();
}

function finish(peer: Peer, payload: SubscribePayload, requestLog: RequestLog | undefined): void {
  const running = peer.running.get(payload);
  running?.left.cancel();
  peer.running.delete(payload);
  if (running !== undefined) told(running, peer, requestLog);
  // After the last answer has been handed to the socket.
  if (peer.closing) setImmediate(() => closeWhenDone(peer));
}

function told(
  { endpoint, request, startedAt }: Pick<Running, 'endpoint' | 'request' | 'startedAt'>,
  { message }: Peer,
  requestLog: RequestLog | undefined,
): void {
  const { requestId, principal, notes, span } = request;
  span?.end({ client: endpoint.name });
  if (requestLog === undefined || notes === undefined) return;
  const remote = request.address ?? message.socket.remoteAddress;
  requestLog.websocket({ requestId, client: endpoint.name, principal, remote, notes, startedAt });
}

function closeWhenDone({ running, socket, closing = STOPPING }: Peer): void {
  if ([...running.values()].every(({ isSubscription }) => isSubscription && closing.abrupt))
    socket.close(closing.code, closing.reason);
}

/** Finds out who opens a socket, and sees to its end when that is over. @returns false when it is not let in */
async function letIn(
  endpoint: Endpoint,
  peer: Peer,
  params: Readonly<Record<string, unknown>> | undefined,
): Promise<boolean> {
  try {
    const { message, sender } = peer;
    const opening = { headers: message.headers, peer: sender.peer };
    const { principal, said } = await identifySocket(endpoint, opening, params);
    peer.principal = principal;
    // What connectors forward is what the caller is known by.
    peer.headers = withSaid(peer.headers, said);
    if (peer.socket.readyState === peer.socket.OPEN)
      peer.forgetEnd = endpoint.authenticator?.onEnd(principal, (why) => end(peer, why)) ?? (() => {});
    return true;
  } catch (error) {
    if (!(error instanceof HemError)) throw error;
    const { code, reason } = closeOf(error);
    peer.socket.close(code, reason);
    return false;
  }
}

/** A key is no backend's business; nor is the token that it came instead of. */
function withSaid(headers: Peer['headers'], said: Peer['headers']): Peer['headers'] {
  const { authorization, ...rest } = { ...headers, ...said };
  return authorization === undefined || carriesKey(authorization) ? rest : { ...rest, authorization };
}

/** Subscriptions end with an error, queries may finish, then the socket is closed. */
function end(peer: Peer, why: string): void {
  peer.closing ??= NOBODY;
  for (const { end: say, request } of peer.running.values())
    say?.(format({ errors: [new GraphQLError(why, { extensions: { code: 'UNAUTHENTICATED' } })] }, request));
  closeWhenDone(peer);
  setTimeout(() => peer.socket.close(NOBODY.code, NOBODY.reason), EXPIRED_GRACE_MS).unref();
}

function refusal(code: ErrorCode): GraphQLError {
  return new GraphQLError(ERRORS[code].text, { extensions: { code } });
}
