/** A REST backend over a real socket, a connector on it, and a client that shows all of it. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GatewayFiles } from '../support/gateway.ts';

const SCHEMA = /* GraphQL */ `
  enum Level { LOW HIGH }
  input Nested { nested: Nested list: [Nested] text: String constructor: String }
  type Query {
    thing(id: ID!): Thing @lookup @rest(get: "/things/{id}")
    things: [Thing!] @rest(get: "/things")
    failing: Thing @rest(get: "/failing")
    hanging: Thing @rest(get: "/hanging")
    odd: Odd @rest(get: "/odd")
    missing: Odd @rest(get: "/empty")
    echo(text: String, number: Float, level: Level, nested: Nested): String
      @rest(post: "/echo", body: "{ text: $text, number: $number, level: $level, nested: $nested }", select: "text")
  }
  type Mutation {
    touch: Int @rest(post: "/touch", select: "count")
    upload(file: Upload!, note: String): File @rest(post: "/files", multipart: "{ file: $file, note: $note }", select: "first")
    uploadAll(files: [Upload]!): [File!] @rest(post: "/files", multipart: "{ files: $files }", select: "all")
  }
  type Thing @key(fields: "id") { id: ID! name: String level: Level friend: Thing }
  type Odd { constructor: String prototype: String hasOwnProperty: String then: String toString: String name: String }
  type File { field: String name: String type: String bytes: Int text: String }
`;

export interface ThingsBackend extends AsyncDisposable {
  readonly url: string;
  /** Paths of requests, in their order. */
  readonly asked: string[];
  /** Requests to /hanging whose caller is still there. */
  readonly hanging: Set<ServerResponse>;
  touched: number;
}

/** What a client's view shows: the connector's schema without directives. */
export const THINGS_VIEW = SCHEMA.replace(/@\w+(\((?:"[^"]*"|[^()"])*\))?/g, '');

export async function startThings(): Promise<ThingsBackend> {
  const server: Server = createServer((message, response) => {
    backend.asked.push(message.url ?? '');
    answer(backend, message, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const backend: ThingsBackend = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    hanging: new Set(),
    touched: 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return backend;
}

/** @param client client.yml @param hem hem.yml */
export function thingsFiles(url: string, { client = '{}', hem = '{}' } = {}): GatewayFiles {
  return {
    files: {
      'hem.yml': hem,
      'connectors/things/connector.yml': `kind: rest\nendpoint: ${url}`,
      'connectors/things/schema.graphql': SCHEMA,
      'schemas/web.graphql': THINGS_VIEW,
      'clients/web/client.yml': client,
    },
  };
}

async function answer(backend: ThingsBackend, message: IncomingMessage, response: ServerResponse) {
  const chunks = (await message.toArray()) as Buffer[];
  const body = Buffer.concat(chunks);
  const send = (text: string, status = 200) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(text);
  };
  switch (message.url?.split('?')[0]) {
    case '/things':
      return send('[{"id":"1","name":"one","level":"LOW"},{"id":"2","name":"two","level":"HIGH"}]');
    case '/failing':
      return send('{"error":"secret: database at db.internal:5432"}', 500);
    case '/hanging':
      backend.hanging.add(response);
      response.once('close', () => backend.hanging.delete(response));
      return;
    case '/odd':
      return send(
        '{"__proto__":{"polluted":"yes"},"constructor":"c","prototype":"p","hasOwnProperty":"h","then":"t","toString":"s"}',
      );
    case '/empty':
      return send('{}');
    case '/echo':
      return send(JSON.stringify({ text: body.toString('utf8') }));
    case '/touch':
      return send(JSON.stringify({ count: ++backend.touched }));
    case '/files': {
      const all = await describeFiles(message, body);
      return send(JSON.stringify({ all, first: all[0] }));
    }
    default:
      return send(JSON.stringify({ id: message.url?.split('/').at(-1), name: 'one', level: 'LOW' }));
  }
}

async function describeFiles(message: IncomingMessage, body: Buffer) {
  const headers = { 'content-type': message.headers['content-type'] ?? '' };
  const form = await new Response(new Uint8Array(body), { headers }).formData();
  const files = [...form].map(async ([field, value]) =>
    value instanceof File
      ? {
          field,
          name: value.name,
          type: value.type,
          bytes: value.size,
          text: (await value.text()).slice(0, 20),
        }
      : { field, text: value },
  );
  return Promise.all(files);
}
