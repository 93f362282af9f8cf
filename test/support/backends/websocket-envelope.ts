/**
 * A backend with messages of its own shape, by hand on `ws`, that misbehaves when asked to.
 *
 *     {"id": 1, "action": "docks.get", "body": {…}}       {"kind": "answer", "id": 1, "body": …} or {…, "problem": {"code", "text"}}
 *     {"id": 2, "action": "watch", "channel": "…"}        {"kind": "event", "channel": "…", "body": …}
 *     {"action": "unwatch", "channel": "…"}               (no answer)
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

export interface EnvelopeMessage {
  readonly id?: number | string;
  readonly action: string;
  readonly channel?: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

export class EnvelopeBackend implements AsyncDisposable {
  readonly port: number;
  readonly handshakes: IncomingHttpHeaders[] = [];
  readonly received: EnvelopeMessage[] = [];
  /** Answers every handshake with this status instead of a websocket; with 0 not at all. */
  refuseWith: number | undefined;
  /** Answers a handshake with 401 when it says no. */
  accepts: (headers: IncomingHttpHeaders) => boolean = () => true;
  /** What else happens with a message; true when it is dealt with. */
  behave: (message: EnvelopeMessage, socket: WebSocket) => boolean = () => false;
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets: WebSocketServer;
  readonly #channels = new Map<WebSocket, Set<string>>();
  readonly #silent: Duplex[] = [];

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.#sockets = new WebSocketServer({ noServer: true, autoPong: true });
    server.on('upgrade', (request, socket, head) => {
      this.handshakes.push(request.headers);
      if (this.refuseWith === 0) {
        this.#silent.push(socket);
        return;
      }
      const refusal = this.refuseWith ?? (this.accepts(request.headers) ? undefined : 401);
      if (refusal !== undefined) {
        socket.end(`HTTP/1.1 ${refusal} No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (opened) => this.#accept(opened));
    });
  }

  /** @param options `port` 0 for a free one, the same again to come back at the same address; `tls` for wss: */
  static async start(
    options: { readonly port?: number; readonly tls?: ServerOptions } = {},
  ): Promise<EnvelopeBackend> {
    const server = options.tls === undefined ? createServer() : createSecureServer(options.tls);
    server.on('request', (_request, response) => response.writeHead(426).end());
    server.listen(options.port ?? 0, '127.0.0.1');
    await once(server, 'listening');
    return new EnvelopeBackend(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/feed`;
  }

  get connections(): number {
    return this.#sockets.clients.size;
  }

  watching(channel: string): number {
    return [...this.#channels.values()].filter((channels) => channels.has(channel)).length;
  }

  emit(channel: string, body: unknown): void {
    for (const [socket, channels] of this.#channels) {
      if (channels.has(channel)) socket.send(JSON.stringify({ kind: 'event', channel, body }));
    }
  }

  /** Sends a frame to everybody, whatever it is. */
  broadcast(frame: string | Buffer): void {
    for (const socket of this.#sockets.clients) socket.send(frame, { binary: typeof frame !== 'string' });
  }

  /** Closes all connections, as a proxy in front that restarts would. */
  drop(code?: number): void {
    for (const socket of this.#sockets.clients) {
      if (code === undefined) socket.terminate();
      else socket.close(code);
    }
  }

  /** Stops reading: connections stay open and nothing is answered any more, not even a ping. */
  hang(): void {
    for (const socket of this.#sockets.clients) socket.pause();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    for (const socket of this.#silent) socket.destroy();
    this.#server.closeAllConnections();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  #accept(socket: WebSocket): void {
    this.#channels.set(socket, new Set());
    socket.on('close', () => this.#channels.delete(socket));
    socket.on('error', () => socket.terminate());
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as EnvelopeMessage;
      this.received.push(message);
      if (this.behave(message, socket)) return;
      const answer = this.#answer(message, socket);
      if (answer !== undefined) socket.send(JSON.stringify({ kind: 'answer', id: message.id, ...answer }));
    });
  }

  #answer({ action, channel, body = {} }: EnvelopeMessage, socket: WebSocket): object | undefined {
    switch (action) {
      case 'watch':
        if (channel === 'docks/none') return { problem: { code: 'NO_CHANNEL', text: 'hunter2' } };
        this.#channels.get(socket)?.add(channel!);
        return { body: { watching: channel } };
      case 'unwatch':
        this.#channels.get(socket)?.delete(channel!);
        return undefined;
      case 'docks.get':
        if (body.id === 'none') return { problem: { code: 'MISSING', text: 'hunter2' } };
        return { body: { id: body.id, state: 'FREE' } };
      case 'echo':
        return { body: { json: JSON.stringify(body) } };
      default:
        return { problem: { code: 'ACTION', text: 'hunter2' } };
    }
  }
}
