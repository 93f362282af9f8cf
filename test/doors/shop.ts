/** Two REST backends whose calls can be held back, for answers whose parts come later. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startGateway, type TestGateway } from '../support/gateway.ts';

const ITEMS = /* GraphQL */ `
  type Query {
    item(id: ID!): Item @lookup @rest(get: "/items/{id}")
    items(first: Int = 5): [Item!] @rest(get: "/items?first={first}")
    grid: [[Item]] @rest(get: "/grid")
    failing: Item @rest(get: "/failing")
  }
  type Mutation { touch(id: ID!): Item @rest(post: "/items/{id}/touch") }
  type Item @key(fields: "id") {
    id: ID!
    name: String
    "Null for the item called bad."
    must: Int!
    page: String @rest(get: "/pages/{parent.id}", select: "text")
    details: Details @rest(get: "/details/{parent.id}")
    price: Int @rest(get: "/prices/{parent.id}", select: "amount") @fallback(value: -1)
    tags: [String!]
  }
  type Details { text: String  strict: String!  similar: [Item!] @rest(get: "/similar") }
`;
const STOCK = /* GraphQL */ `
  type Query { itemsById(ids: [ID!]! @is(field: "id")): [Item]! @lookup @internal @rest(get: "/stock?ids={ids|csv}") }
  type Item @key(fields: "id") { id: ID!  amount: Int }
`;
const VIEW = `${ITEMS.replace(/@\w+(\((?:"[^"]*"|[^()"])*\))?/g, '').replace('id: ID!\n', 'id: ID!\n amount: Int\n')}`;

export interface Shop extends AsyncDisposable {
  readonly gateway: TestGateway;
  /** What was asked of the backends, in order. */
  readonly asked: string[];
  /** Calls that wait for {@link release}, by path. */
  readonly waiting: ReadonlyMap<string, readonly ServerResponse[]>;
  /** From now on calls of this path wait. */
  hold(path: string): void;
  /** Lets those go on that wait, and those to come. */
  release(path: string): void;
  /** @throws when it takes longer than two seconds */
  untilWaiting(path: string, count?: number): Promise<void>;
}

/** @param hem hem.yml @param client client.yml */
export async function startShop({ hem = '{}', client = '{}' } = {}): Promise<Shop> {
  const held = new Set<string>();
  const waiting = new Map<string, ServerResponse[]>();
  const asked: string[] = [];
  const server = createServer((message, response) => {
    const path = decodeURIComponent(message.url ?? '');
    asked.push(path);
    if (!held.has(path)) return answer(path, response);
    waiting.set(path, [...(waiting.get(path) ?? []), response]);
    response.once('close', () =>
      waiting.set(
        path,
        (waiting.get(path) ?? []).filter((one) => one !== response),
      ),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const gateway = await startGateway({
    files: {
      'hem.yml': hem,
      'connectors/items/connector.yml': `kind: rest\nendpoint: ${url}`,
      'connectors/items/schema.graphql': ITEMS,
      'connectors/stock/connector.yml': `kind: rest\nendpoint: ${url}`,
      'connectors/stock/schema.graphql': STOCK,
      'schemas/web.graphql': VIEW,
      'clients/web/client.yml': client,
    },
  });
  return {
    gateway,
    asked,
    waiting,
    hold: (path) => void held.add(path),
    release(path) {
      held.delete(path);
      for (const response of waiting.get(path) ?? []) answer(path, response);
      waiting.delete(path);
    },
    async untilWaiting(path, count = 1) {
      for (let attempt = 0; attempt < 200; attempt++) {
        if ((waiting.get(path)?.length ?? 0) === count) return;
        await sleep(10);
      }
      throw new Error(`${waiting.get(path)?.length ?? 0} instead of ${count} calls wait for ${path}`);
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(path: string, response: ServerResponse) {
  const [, kind, id = ''] = /^\/(\w+)(?:\/(\w+))?/.exec(path) ?? [];
  const query = new URLSearchParams(path.split('?')[1]);
  const send = (body: unknown, status = 200) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  switch (kind) {
    case 'items':
      if (id !== '') return send(item(id));
      return send(Array.from({ length: Number(query.get('first')) }, (_, index) => item(String(index + 1))));
    case 'grid':
      return send([
        [item('1'), item('2')],
        [item('bad'), null],
      ]);
    case 'details':
      if (id === 'broken') return send({ error: 'secret: db.internal' }, 500);
      return send({ text: `about ${id}`, strict: id === 'bad' ? null : 'yes' });
    case 'pages':
      return send({ text: 'x'.repeat(100_000) });
    case 'prices':
      return id === 'broken' ? send({}, 500) : send({ amount: 10 });
    case 'similar':
      return send([item('7'), item('8')]);
    case 'stock':
      return send((query.get('ids') ?? '').split(',').map((one) => ({ id: one, amount: Number(one) * 100 })));
    default:
      return send({ error: 'secret' }, 500);
  }
}

function item(id: string) {
  return { id, name: `item ${id}`, must: id === 'bad' ? null : 1, tags: ['a', 'b', 'c'] };
}
