/** One line per request: what was asked for, by whom, what became of it. Never what was sent along, nor what was answered. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { toLabel } from '../metrics/bounded-labels.ts';
import { RequestNotes } from '../operation/watch/request-notes.ts';
import type { Principal } from '../principal/principal.ts';

interface LoggedRequest {
  readonly requestId: string;
  readonly client: string | undefined;
  readonly principal: Principal | undefined;
  readonly remote: string | undefined;
  readonly notes: RequestNotes;
  /** `performance.now()`; undefined where it took no time. */
  readonly startedAt: number | undefined;
}

export class RequestLog {
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** A request over HTTP whose response is closed. */
  http(asked: LoggedRequest, { message, response, status, bytesBefore }: ClosedResponse): void {
    const { method, url, socket } = message;
    this.#log.info(
      lineOf('http', asked, {
        method,
        // Of an address that is no client's; the query may hold anything.
        path: asked.client === undefined ? toPath(url) : undefined,
        status,
        bytes: (socket.bytesWritten ?? bytesBefore) - bytesBefore,
        left: response.writableFinished ? undefined : true,
      }),
      'request',
    );
  }

  /** A websocket that was not opened. */
  handshake(
    { requestId, client, remote }: Pick<LoggedRequest, 'requestId' | 'client' | 'remote'>,
    { method, url }: IncomingMessage,
    status: number,
  ): void {
    const notes = new RequestNotes();
    const asked = { requestId, client, principal: undefined, remote, notes, startedAt: undefined };
    const path = client === undefined ? toPath(url) : undefined;
    this.#log.info(lineOf('websocket', asked, { ...OVER_A_SOCKET, method, path, status }), 'request');
  }

  /** An operation over a websocket that has ended, or who was not let in. @param hasLeft the caller did not wait for the end */
  websocket(asked: LoggedRequest, hasLeft = false): void {
    const { left } = hasLeft ? { left: true as const } : OVER_A_SOCKET;
    this.#log.info(lineOf('websocket', asked, { ...OVER_A_SOCKET, left }), 'request');
  }
}

interface ClosedResponse {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly status: number;
  /** What its connection had written before. */
  readonly bytesBefore: number;
}

interface OfHttp {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly status: number | undefined;
  readonly bytes: number | undefined;
  /** The caller did not wait for the end. */
  readonly left: true | undefined;
}

const OVER_A_SOCKET: OfHttp = {
  method: undefined,
  path: undefined,
  status: undefined,
  bytes: undefined,
  left: undefined,
};

function toPath(url = ''): string {
  return toLabel(url.split('?', 1)[0]!);
}

/** All lines have one shape, which costs less; what is undefined is not written. */
function lineOf(
  door: 'http' | 'websocket',
  { requestId, client, principal, remote, notes, startedAt }: LoggedRequest,
  { method, path, status, bytes, left }: OfHttp,
) {
  const { operation, kind, operations, events, codes, refusedKey } = notes;
  const key = principal?.key;
  return {
    requestId,
    door,
    client,
    operation,
    kind,
    operations: operations > 1 ? operations : undefined,
    events: events > 0 ? events : undefined,
    codes,
    ms: startedAt && Math.round((performance.now() - startedAt) * 1000) / 1000,
    consumer: key?.consumer,
    key: key?.id,
    refusedKey,
    remote,
    method,
    path,
    status,
    bytes,
    left,
  };
}
