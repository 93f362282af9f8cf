/** A TCP proxy between a client and a server, for faults: cut, hang, delay, trickle. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface TcpProxyOptions {
  readonly host: string;
  readonly port: number;
}

export class TcpProxy implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #target: TcpProxyOptions;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #accepting = true;
  #hanging = false;
  #delayMs = 0;
  #trickling = false;
  /** Connections accepted since the start, also those that were cut at once. */
  accepted = 0;
  /** Bytes that came from the server. */
  received = 0;

  private constructor(server: Server, target: TcpProxyOptions) {
    this.#server = server;
    this.#target = target;
    this.port = (server.address() as AddressInfo).port;
  }

  /** On a free port of 127.0.0.1. */
  static async start(target: TcpProxyOptions): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true });
    server.listen({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const proxy = new TcpProxy(server, target);
    server.on('connection', (socket) => proxy.#forward(socket));
    return proxy;
  }

  /** The same address as `url`, through the proxy. */
  static async before(url: string): Promise<TcpProxy & { readonly url: string }> {
    const target = new URL(url);
    const port = Number(target.port === '' ? DEFAULT_PORTS[target.protocol] : target.port);
    const proxy = await TcpProxy.start({ host: target.hostname, port });
    target.hostname = '127.0.0.1';
    target.port = String(proxy.port);
    return Object.assign(proxy, { url: target.href });
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Resets every connection. New ones are accepted. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
    this.#pairs.clear();
  }

  /** Resets every connection, and every new one as soon as it comes. */
  refuse(): void {
    this.#accepting = false;
    this.cut();
  }

  accept(): void {
    this.#accepting = true;
  }

  /** Nothing passes any more, in either direction; connections stay open. */
  hang(): void {
    this.#hanging = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  resume(): void {
    this.#hanging = false;
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  /** Holds up every chunk by so much, in order. */
  delay(milliseconds: number): void {
    this.#delayMs = milliseconds;
  }

  /** Hands on a kilobyte every ten milliseconds. */
  trickle(): void {
    this.#trickling = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }

  #forward(client: Socket): void {
    this.accepted++;
    if (!this.#accepting) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ ...this.#target, allowHalfOpen: true });
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    server.on('data', (chunk: Buffer) => {
      this.received += chunk.length;
    });
    for (const [from, to] of [pair, [server, client] as const]) {
      from.setNoDelay(true);
      from.on('data', (chunk: Buffer) => this.#pass(from, to, chunk));
      from.on('end', () => this.#later(() => to.end()));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
      if (this.#hanging) from.pause();
    }
  }

  #pass(from: Socket, to: Socket, chunk: Buffer): void {
    if (this.#trickling) {
      void this.#passSlowly(from, to, chunk);
      return;
    }
    this.#later(() => {
      if (to.destroyed || to.write(chunk)) return;
      from.pause();
      to.once('drain', () => {
        if (!this.#hanging) from.resume();
      });
    });
  }

  async #passSlowly(from: Socket, to: Socket, chunk: Buffer): Promise<void> {
    from.pause();
    for (let at = 0; at < chunk.length && !to.destroyed; at += 1024) {
      to.write(chunk.subarray(at, at + 1024));
      await sleep(10);
    }
    if (!this.#hanging) from.resume();
  }

  /** Timers of one duration fire in order. */
  #later(act: () => void): void {
    if (this.#delayMs === 0) act();
    else setTimeout(act, this.#delayMs);
  }
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = {
  'amqp:': '5672',
  'amqps:': '5671',
  'http:': '80',
  'https:': '443',
  'redis:': '6379',
};
