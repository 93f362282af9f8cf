/** A JSON-RPC backend made with npm `rpc-websockets`: a library that others wrote, so that we do not test our own reading of the protocol. */
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'rpc-websockets';

export interface RpcBackend extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Headers of every handshake so far. */
  readonly handshakes: readonly IncomingHttpHeaders[];
  /** Names of the methods called so far, in order. */
  readonly called: readonly string[];
  /** Sends an event to its subscribers. */
  emit(event: string, ...params: unknown[]): void;
  /** How many sockets are subscribed to an event. */
  subscribed(event: string): number;
}

const EVENTS = ['bike.moved', 'bike.parked'];

/** @param port 0 for a free one; the same again to come back at the same address */
export async function startRpcBackend(port = 0): Promise<RpcBackend> {
  const server = new Server({ port, host: '127.0.0.1' });
  await once(server.wss, 'listening');
  const handshakes: IncomingHttpHeaders[] = [];
  const called: string[] = [];
  server.on('connection', (_socket: unknown, request: { headers: IncomingHttpHeaders }) => {
    handshakes.push(request.headers);
  });
  for (const [name, method] of Object.entries(METHODS)) {
    server.register(name, (params) => {
      called.push(name);
      return method(params as Readonly<Record<string, unknown>>);
    });
  }
  for (const event of EVENTS) server.event(event);
  const address = server.wss.address() as AddressInfo;
  return {
    port: address.port,
    url: `ws://127.0.0.1:${address.port}`,
    handshakes,
    called,
    emit: (event, ...params) => void server.emit(event, ...params),
    subscribed: (event) => {
      const { events } = server.of('/').clients() as unknown as {
        events: Record<string, { sockets: unknown[] }>;
      };
      return events[event]!.sockets.length;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of server.wss.clients) socket.terminate();
      const closed = once(server.wss, 'close');
      await server.close();
      await closed;
    },
  };
}

type Method = (params: Readonly<Record<string, unknown>>) => unknown;

const BIKES = new Map([
  ['b1', { id: 'b1', name: 'Red one', range: 42.5, tags: ['cargo', 'new'] }],
  ['b2', { id: 'b2', name: 'Blue one', range: 7, tags: [] }],
]);

const METHODS: Readonly<Record<string, Method>> = {
  'bikes.get': ({ id }) => {
    const bike = BIKES.get(String(id));
    if (bike === undefined) throw { code: 4004, message: 'No such bike', data: { id } };
    return bike;
  },
  'bikes.byIds': ({ ids }) => ({ found: (ids as string[]).flatMap((id) => BIKES.get(id) ?? []).reverse() }),
  'bikes.range': (params) => (params as unknown as [string])[0].length,
  'bikes.rename': ({ id, name }) => ({ ...BIKES.get(String(id)), name }),
  'bikes.forget': () => undefined,
  echo: (params) => ({ json: JSON.stringify(params ?? null) }),
  'fail.error': () => {
    throw new Error('the database password is hunter2');
  },
  'fail.internal': () => {
    throw { code: -32603, message: 'Internal error' };
  },
  'fail.params': () => {
    throw { code: -32602, message: 'Invalid params', data: 'hunter2' };
  },
  'fail.application': () => {
    throw { code: 17, message: 'No' };
  },
  'fail.shapeless': () => {
    throw 'no object at all';
  },
  slow: ({ ms }) => new Promise((resolve) => setTimeout(() => resolve({ slept: ms }), Number(ms))),
};
