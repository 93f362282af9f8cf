/** One socket: who opened it, the operations that run on it, and how it ends. */
import type { IncomingMessage } from 'node:http';
import type { FormattedExecutionResult } from 'graphql';
import type { Context, SubscribePayload } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { Cancellation } from '../cancellation.ts';
import type { ErrorCode } from '../errors.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import type { Request as EndpointRequest } from '../operation/request.ts';
import { Unauthenticated } from '../principal/failures.ts';
import type { Principal } from '../principal/principal.ts';
import { closeOf } from './authentication.ts';
import type { Sender } from './hops.ts';
import type { Outbox } from './websocket-outbox.ts';

/** What runs when a socket's principal expires has so long to finish. */
const EXPIRED_GRACE_MS = 5000;
/** The request that opens a socket, and who sent it. */
export interface Upgraded {
  readonly message: IncomingMessage;
  readonly sender: Sender;
}

/** One socket. */
export interface Peer extends Upgraded {
  readonly socket: WebSocket;
  readonly outbox: Outbox;
  readonly requestId: string;
  headers: Readonly<Record<string, string>>;
  /** Who opened it; undefined where the client does not ask. */
  principal: Principal | undefined;
  forgetEnd: () => void;
  /** What the library knows of it; undefined before `connection_init`. */
  context: Context<Record<string, unknown>, Peer> | undefined;
  /** By payload, which is an operation's identity: ids can be used again while an operation ends. */
  readonly running: Map<SubscribePayload, Running>;
  started: number;
  /** Why it takes no more operations. */
  closing: Goodbye | undefined;
}

/** One operation. */
export interface Running {
  readonly id: string;
  readonly isSubscription: boolean;
  readonly left: Cancellation;
  /** What still runs for it after its caller has left. Never rejects. */
  rest: Promise<unknown> | undefined;
  /** Ends a subscription that has begun. */
  end: ((farewell: FormattedExecutionResult) => void) | undefined;
  readonly endpoint: Endpoint;
  readonly operation: Parameters<Endpoint['execute']>[0];
  readonly request: EndpointRequest;
  /** `performance.now()` */
  readonly startedAt: number;
}

/** How a socket ends. */
export interface Goodbye {
  readonly code: number;
  readonly reason: string;
  /** What operations are refused with that come too late. */
  readonly refusal: ErrorCode;
  /** Subscriptions are left as they are; else they get to say why they end. */
  readonly abrupt: boolean;
}

export const STOPPING: Goodbye = { code: 1001, reason: 'Going away', refusal: 'SHUTTING_DOWN', abrupt: true };

export function closeWhenDone({ running, socket, closing = STOPPING }: Peer): void {
  if (socket.readyState !== socket.OPEN) return;
  const all = [...running.values()];
  if (!all.every(({ isSubscription }) => isSubscription && closing.abrupt)) return;
  // Their callers read the reason of the close frame.
  for (const { endpoint, request } of all) endpoint.noteRefusal(closing.refusal, request);
  socket.close(closing.code, closing.reason);
}

/** Subscriptions end with an error, queries may finish, then the socket is closed. */
export function endPeer(peer: Peer, why: string): void {
  peer.closing ??= {
    ...closeOf(new Unauthenticated(why)),
    refusal: 'UNAUTHENTICATED',
    abrupt: false,
  };
  const { socket, closing } = peer;
  for (const { end: say, endpoint, request } of peer.running.values())
    say?.(endpoint.refuse('UNAUTHENTICATED', why, request));
  closeWhenDone(peer);
  setTimeout(() => socket.close(closing.code, closing.reason), EXPIRED_GRACE_MS).unref();
}
