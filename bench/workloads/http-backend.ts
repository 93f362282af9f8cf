/**
 * A JSON backend that costs next to nothing: HTTP/1.1 with keep-alive, read from the socket, answers made before. It has to keep up with
 * the fastest contender on the core that it shares with the load. For these workloads only: it trusts its callers.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** The body for a path with its query; undefined is a 404. */
export type Answers = (target: string) => Buffer | undefined;

/** An answer with its head. */
export function toAnswer(value: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(value));
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

const NOT_FOUND = Buffer.from(
  'HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
);

/** @returns its origin */
export async function startHttpBackend(answers: Answers): Promise<string> {
  const server = createServer({ noDelay: true }, (socket) => serve(socket, answers));
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function serve(socket: Socket, answers: Answers): void {
  let rest = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    rest += (chunk as Buffer).toString('latin1');
    for (let end = rest.indexOf('\r\n\r\n'); end !== -1; end = rest.indexOf('\r\n\r\n')) {
      const target = rest.slice(rest.indexOf(' ') + 1, rest.indexOf(' HTTP/1.1'));
      rest = rest.slice(end + 4);
      socket.write(answers(target) ?? NOT_FOUND);
    }
  });
}
