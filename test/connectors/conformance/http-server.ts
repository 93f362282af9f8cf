/** An HTTP or HTTPS server that can go away and come back at the same address. */
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { ServerTls } from './kind.ts';
import type { Things } from './things.ts';

export class HttpServer implements AsyncDisposable {
  readonly server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  /** Listens once `up` was called. */
  constructor(listener: RequestListener, tls?: ServerTls) {
    this.server =
      tls === undefined
        ? createServer(listener)
        : createSecureServer(
            { ca: tls.ca, cert: tls.certificate, key: tls.key, requestCert: true, rejectUnauthorized: true },
            listener,
          );
    this.server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {});
    });
  }

  /** `host:port` */
  get authority(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async up(): Promise<void> {
    if (this.server.listening) return;
    this.server.listen(this.#port, '127.0.0.1');
    await once(this.server, 'listening');
    this.#port = (this.server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }
}

export async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Counts a caller that leaves before its answer. */
export function watchCaller(response: ServerResponse, things: Things): void {
  response.on('close', () => {
    if (!response.writableEnded) things.cancelled++;
  });
}

/** What an answer says of how long it counts. */
export function caching({ cacheControl }: Things): Record<string, string> {
  return cacheControl === undefined ? {} : { 'cache-control': cacheControl };
}

export type Headers = IncomingHttpHeaders;
