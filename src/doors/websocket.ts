/** GraphQL over websocket, by the graphql-transport-ws protocol. The same endpoint as over HTTP. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FormattedExecutionResult } from 'graphql';
import { GRAPHQL_TRANSPORT_WS_PROTOCOL, makeServer } from 'graphql-ws';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ErrorCode } from '../errors.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import { format } from '../operation/format.ts';
import { headersOf, requestIdOf } from './received-request.ts';
import { letIn, noteRefusal } from './websocket-identity.ts';
import { serve } from './websocket-link.ts';
import {
  execute,
  finish,
  type OperationOptions,
  requestOf,
  runningOf,
  start,
  subscribe,
} from './websocket-operations.ts';
import { Outbox } from './websocket-outbox.ts';
import { closeWhenDone, type Peer, STOPPING, type Upgraded } from './websocket-peer.ts';

export interface HandshakeOutcome {
  opened(): void;
  malformed(): void;
}

export interface WebSocketDoor {
  /** Opens a socket, or says that this is no handshake. */
  upgrade(upgraded: Upgraded, socket: Duplex, head: Buffer, outcome: HandshakeOutcome): void;
  /** Lets queries and mutations finish, then closes each socket with 1001. */
  close(graceMs: number): Promise<void>;
}

export interface WebSocketOptions extends OperationOptions {
  /** How long a socket may be open without `connection_init`. */
  readonly initTimeoutMs: number;
  readonly log: Logger;
}

/** @param endpoint the client's endpoint of the current generation, asked for each operation */
export function openWebSocketDoor(endpoint: () => Endpoint, options: WebSocketOptions): WebSocketDoor {
  const peers = new Set<Peer>();
  const protocol = makeServer<Record<string, unknown>, Peer>({
    connectionInitWaitTimeout: options.initTimeoutMs,
    onConnect: (context) => {
      context.extra.context = context;
      return letIn(endpoint(), options.requestLog, context.extra, context.connectionParams);
    },
    onSubscribe: ({ extra }, id, payload) => start(endpoint(), options, extra, id, payload),
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
    // Operations that come at once begin one in each turn of the event loop: others have theirs in between.
    allowSynchronousEvents: false,
    autoPong: false,
    handleProtocols: (protocols) =>
      protocols.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) ? GRAPHQL_TRANSPORT_WS_PROTOCOL : false,
  });
  const refusals = new WeakMap<IncomingMessage, () => void>();
  server.on('wsClientError', (_error, _socket, message) => refusals.get(message)!());
  const requestIds = new WeakMap<IncomingMessage, string>();
  server.on('headers', (headers, message) => {
    const requestId = requestIdOf(message);
    requestIds.set(message, requestId);
    headers.push(`x-request-id: ${requestId}`);
  });
  server.on('connection', (socket: WebSocket, { message, sender }: Upgraded) => {
    const peer: Peer = {
      socket,
      outbox: new Outbox(socket),
      requestId: requestIds.get(message) ?? requestIdOf(message),
      message,
      sender,
      headers: headersOf(message),
      principal: undefined,
      forgetEnd: () => {},
      context: undefined,
      running: new Map(),
      started: 0,
      closing: undefined,
    };
    peers.add(peer);
    const onRefused = (code: ErrorCode) => noteRefusal(endpoint(), options.requestLog, peer, { code });
    serve(protocol, peer, { ...options, onRefused });
    socket.once('close', () => peers.delete(peer));
  });

  return {
    upgrade(upgraded, socket, head, { opened, malformed }) {
      refusals.set(upgraded.message, malformed);
      server.handleUpgrade(upgraded.message, socket, head, (client) => {
        opened();
        server.emit('connection', client, upgraded);
      });
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
