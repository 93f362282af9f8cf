/** Bytes on a socket, for requests that no HTTP client would send. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly text: string;
  /** Statuses of the answers on this connection, in order. */
  readonly statuses: readonly number[];
  /** Whether the gateway closed the connection by itself. */
  readonly closed: boolean;
}

/** Opens a connection to `http://host:port`. */
export async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** A first answer may take a while: some doors are loaded for the first who comes through. */
const FIRST_ANSWER_MS = 5000;

/** Sends bytes and reads until the gateway closes the connection, or says nothing more for `quietMs`. */
export async function sendRaw(url: string, bytes: string | Buffer, quietMs = 300): Promise<RawAnswer> {
  const socket = await open(url);
  socket.write(bytes);
  const answer = await readAll(socket, quietMs);
  socket.destroy();
  return answer;
}

export function readAll(socket: Socket, quietMs: number): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let text = '';
    const settle = (closed: boolean) => {
      clearTimeout(timer);
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
      resolve({ text, statuses, closed });
    };
    let timer = setTimeout(() => settle(false), Math.max(quietMs, FIRST_ANSWER_MS));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      clearTimeout(timer);
      timer = setTimeout(() => settle(false), quietMs);
    });
    socket.once('close', () => settle(true));
  });
}
