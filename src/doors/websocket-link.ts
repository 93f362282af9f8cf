/** A socket as the protocol's library wants it: floods end it, silence ends it, and what it asked for ends with it. */
import { CloseCode, type makeServer } from 'graphql-ws';
import type { Logger } from 'pino';
import type { ErrorCode } from '../errors.ts';
import { leaveCompleted } from './websocket-operations.ts';
import type { Peer } from './websocket-peer.ts';

const KEEP_ALIVE_MS = 15_000;
/** Messages being worked on or waiting to be sent, above the operations: pings, refusals. More are a flood, or a peer that does not read. */
const MAX_WAITING_MESSAGES = 100;
/** What fits into a close frame. */
const MAX_REASON_CHARACTERS = 40;

export interface Serving {
  readonly maxOperations: number;
  readonly log: Logger;
  /** Told when what it sends is why the socket is closed. */
  onRefused(code: ErrorCode): void;
}

/** Connects one socket to the protocol. */
export function serve(
  protocol: ReturnType<typeof makeServer<Record<string, unknown>, Peer>>,
  peer: Peer,
  { maxOperations, log, onRefused }: Serving,
): void {
  const { socket, outbox, requestId } = peer;
  let waiting = 0;
  const work = async (task: () => Promise<unknown>): Promise<void> => {
    if (++waiting + outbox.released > maxOperations + MAX_WAITING_MESSAGES) {
      socket.terminate();
      return;
    }
    try {
      await task();
    } catch (error) {
      // The library has no close code for messages that only servers send.
      if (error instanceof Error && error.message.startsWith('Unexpected message of type ')) {
        onRefused('BAD_REQUEST');
        socket.close(CloseCode.BadRequest, error.message.slice(0, MAX_REASON_CHARACTERS));
        return;
      }
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
      send: (text) => outbox.send(text),
      close: (code, reason) => {
        // Whoever was not let in has been told of already.
        if (isRefusal(code) && socket.readyState === socket.OPEN)
          onRefused(code === CloseCode.Unauthorized ? 'UNAUTHENTICATED' : 'BAD_REQUEST');
        socket.close(code, reason?.slice(0, MAX_REASON_CHARACTERS));
      },
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
  socket.on('ping', (data) => void work(() => outbox.pong(data)));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code?.startsWith('WS_ERR_'))
      onRefused(error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? 'BODY_TOO_LARGE' : 'BAD_REQUEST');
    log.debug({ err: error, requestId }, 'websocket failed');
  });
  socket.once('close', (code, reason) => {
    clearInterval(heartbeat);
    peer.forgetEnd();
    for (const { left } of peer.running.values()) left.cancel();
    void closed(code, String(reason));
  });
}

/** Whether a close code of the protocol says that the other side is to blame. */
function isRefusal(code: number | undefined): boolean {
  return code !== undefined && code >= 4400 && code < 4500;
}
