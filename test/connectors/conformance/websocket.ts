/** Things over a websocket: JSON-RPC 2.0 by npm `rpc-websockets`. */
import type { Duplex } from 'node:stream';
import { Server } from 'rpc-websockets';
import { type Headers, HttpServer } from './http-server.ts';
import type { ConformingKind, ThingsBackend } from './kind.ts';
import { SECRET, Things, toJson } from './things.ts';

const NO_CANCELLING = 'JSON-RPC has no message that ends a call';
const ONE_CONNECTION = 'all callers share one connection; connector.yml refuses headers.forward';

export const websocket: ConformingKind = {
  kind: 'websocket',
  lacks: {
    cancellation: NO_CANCELLING,
    'caching headers': 'replies over a websocket have no headers',
    'forwarded headers': ONE_CONNECTION,
  },
  async start({ tls } = {}): Promise<ThingsBackend> {
    const things = new Things();
    const http = new HttpServer((_request, response) => void response.writeHead(426).end(), tls);
    await http.up();
    const server = new Server({ server: http.server } as never, {
      encode: (value) => encode(value),
      decode: (text) => JSON.parse(String(text)),
    });
    const handshakes = new Map<string, { readonly headers: Headers; readonly socket: Duplex }>();
    server.on('connection', (socket: { _id: string }, request: { headers: Headers; socket: Duplex }) => {
      handshakes.set(socket._id, request);
    });
    server.on('socket-error', () => {});
    for (const name of ['thing', 'thingsById', 'things', 'echo', 'parts', 'rename']) {
      server.register(name, async (params, id) => {
        const { headers, socket } = handshakes.get(id)!;
        const answer = await things.answer(name, params as Record<string, unknown>, headers);
        switch (answer.kind) {
          case 'value':
            return answer.value;
          case 'missing':
            throw { code: 4004, message: 'none' };
          case 'hang':
            return new Promise(() => {});
          case 'garbage':
            socket.write('this is no frame of a websocket');
            return new Promise(() => {});
          case 'broken':
            throw { code: -32603, message: SECRET };
          case 'denied':
            throw { code: 4003, message: SECRET };
        }
      });
    }
    for (const id of ['1', '2']) server.event(`thing/${id}`);
    return {
      things,
      url: `${tls === undefined ? 'ws' : 'wss'}://${http.authority}`,
      settings: [
        'subscriptions:',
        '  subscribe: { call: rpc.on, args: "[$topic]" }',
        '  unsubscribe: { call: rpc.off, args: "[$topic]" }',
        '  event: { topic: notification }',
        'codes: { "4004": not-found, "4003": denied }',
        'reconnect: { min: 20ms, max: 100ms, attempts: 50 }',
        '',
      ].join('\n'),
      bindings: {
        thing: '@websocket(call: "thing")',
        thingsById: '@websocket(call: "thingsById")',
        things: '@websocket(call: "things")',
        echo: '@websocket(call: "echo")',
        parts: '@websocket(call: "parts", args: "{ thing: $parent.id, first: $first }")',
        rename: '@websocket(call: "rename")',
        thingChanged: '@websocket(topic: "thing/{id}")',
      },
      files: {},
      up: () => http.up(),
      down: () => http.down(),
      emit: (id, name) => void server.emit(`thing/${id}`, { id, name }),
      listeners: () => {
        const { events } = server.of('/').clients() as unknown as {
          events: Record<string, { sockets: unknown[] }>;
        };
        return Object.values(events).reduce((sum, { sockets }) => sum + sockets.length, 0);
      },
      [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
    };
  },
};

/** The library's own messages, with the result as our JSON. */
function encode(message: object): string {
  if (!('result' in message)) return JSON.stringify(message);
  const { result, ...rest } = message;
  return `${JSON.stringify(rest).slice(0, -1)},"result":${toJson(result ?? null)}}`;
}
