/**
 * What stands before a gateway in a mesh: a proxy that has let a caller in by its certificate, and says so in
 * `x-forwarded-client-cert` in place of whatever came with that name.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface Sidecar extends AsyncDisposable {
  readonly url: string;
}

/** @param certificate an element as Envoy writes it */
export async function startSidecar(target: string, certificate: string): Promise<Sidecar> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const headersOf = ({ headers }: IncomingMessage) => ({
    ...headers,
    'x-forwarded-client-cert': certificate,
    'x-forwarded-for': '192.0.2.7',
  });
  const server = createServer((incoming, response) => {
    const { method, url: path } = incoming;
    const onward = request({ host: hostname, port, method, path, headers: headersOf(incoming) }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
    const onward = connect(Number(port), hostname);
    const lines = Object.entries(headersOf(incoming)).map(([name, value]) => `${name}: ${String(value)}`);
    onward.write(`GET ${incoming.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    onward.write(head);
    onward.pipe(socket).pipe(onward);
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const)
      one.on('error', () => {}).on('close', () => other.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
