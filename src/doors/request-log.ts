/** One line per request: what was asked for, by whom, what became of it. Never what was sent along, nor what was answered. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { toLabel } from '../metrics/bounded-labels.ts';
import type { RequestNotes } from '../operation/request-notes.ts';
import type { Principal } from '../principal/principal.ts';

interface Asked {
  readonly requestId: string;
  readonly client: string | undefined;
  readonly principal: Principal | undefined;
  readonly remote: string | undefined;
  readonly notes: RequestNotes;
  /** `performance.now()` */
  readonly startedAt: number;
}

export class RequestLog {
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** A request over HTTP whose response is closed. @param bytesBefore what its connection had written before */
  http(asked: Asked, message: IncomingMessage, response: ServerResponse, bytesBefore: number): void {
    this.#log.info(
      {
        ...lineOf(asked, 'http'),
        method: message.method,
        // Of an address that is no client's; the query may hold anything.
        ...(asked.client === undefined ? { path: toLabel(message.url?.split('?', 1)[0] ?? '') } : {}),
        status: response.statusCode,
        bytes: (message.socket.bytesWritten ?? bytesBefore) - bytesBefore,
        ...(response.writableFinished ? {} : { left: true }),
      },
      'request',
    );
  }

  /** An operation over a websocket that has ended. */
  websocket(asked: Asked): void {
    this.#log.info(lineOf(asked, 'websocket'), 'request');
  }
}

function lineOf({ requestId, client, principal, remote, notes, startedAt }: Asked, door: string) {
  const { operation, kind, operations, events, codes } = notes;
  const key = principal?.key;
  return {
    requestId,
    door,
    client,
    operation,
    kind,
    ...(operations > 1 ? { operations } : {}),
    ...(events > 0 ? { events } : {}),
    codes,
    ms: Math.round((performance.now() - startedAt) * 1000) / 1000,
    ...(key === undefined ? {} : { consumer: key.consumer, key: key.id }),
    remote,
  };
}
