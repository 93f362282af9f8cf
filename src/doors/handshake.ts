/** How a websocket begins: whose it is, whether it may be opened, and what becomes of it in the metrics and the log. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Metrics } from '../metrics/metrics.ts';
import { addressOf } from './address.ts';
import { mayOpenSocket } from './cors.ts';
import type { ClientDoors } from './exchange.ts';
import { type Hops, remoteOf, type Sender } from './hops.ts';
import { requestIdOf } from './received-request.ts';
import type { RequestLog } from './request-log.ts';
import { targetOf } from './request-target.ts';

const SWITCHING_PROTOCOLS = 101;
/** How long a peer has to read why it is refused, and to close the connection itself. */
const LINGERING_MS = 1000;
/** Told with a refusal (RFC 6455, 4.4). */
const VERSIONS = 'sec-websocket-version: 13, 8\r\n';

export interface HandshakeOptions {
  readonly hops: Hops;
  readonly metrics: Metrics | undefined;
  readonly requestLog: RequestLog | undefined;
  /** Whether nothing new is taken. */
  isClosing(): boolean;
}

/** @returns what is done with each request for a websocket */
export function takingHandshakes(
  doors: ReadonlyMap<string, ClientDoors>,
  { hops, metrics, requestLog, isClosing }: HandshakeOptions,
): (message: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return (message, socket, head) => {
    const { sender, door, status } = receive(doors, hops, message);
    const client = door?.endpoint.name;
    const refuse = (code: number, more = '') => {
      metrics?.responded(client, code);
      const remote = remoteOf(sender, message);
      requestLog?.handshake({ requestId: requestIdOf(message), client, remote }, message, code);
      sendAndClose(
        socket,
        `HTTP/1.1 ${code} ${STATUS_CODES[code]}\r\nconnection: close\r\n${more}content-length: 0\r\n\r\n`,
      );
    };
    if (isClosing()) refuse(503);
    else if (door === undefined || status !== SWITCHING_PROTOCOLS) refuse(status);
    else
      door.websocket.upgrade({ message, sender }, socket, head, {
        opened: () => metrics?.responded(client, SWITCHING_PROTOCOLS),
        malformed: () => refuse(400, VERSIONS),
      });
  };
}

/** node:http has let go of the socket: neither its timeouts nor its stop see to it any more. */
function sendAndClose(socket: Duplex, text: string): void {
  socket.end(text);
  // What is still sent is thrown away, so that the refusal is not lost with a reset; and not for long.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGERING_MS);
  socket.once('close', () => clearTimeout(timer));
}

interface Received {
  readonly sender: Sender;
  readonly door?: ClientDoors | undefined;
  readonly status: number;
}

function receive(doors: ReadonlyMap<string, ClientDoors>, hops: Hops, message: IncomingMessage): Received {
  let address: ReturnType<typeof addressOf>;
  let status = 404;
  try {
    // As it was sent: of its headers there is afterwards only what is believed.
    address = addressOf(targetOf(message));
  } catch {
    status = 400;
  }
  const sender = hops.receive(message);
  const door = address?.resource === 'graphql' ? doors.get(address.client) : undefined;
  if (door === undefined) return { sender, status };
  if (message.method !== 'GET') return { sender, door, status: 405 };
  const { cors } = door.endpoint.view.client.settings;
  const isAllowed = mayOpenSocket(message.headers, cors, sender.isSecure);
  return { sender, door, status: isAllowed ? SWITCHING_PROTOCOLS : 403 };
}
