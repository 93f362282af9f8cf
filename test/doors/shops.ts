/** Shops over three backends that take their time: a list, a batched lookup, and a call that waits for the lookup. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayFiles } from '../support/gateway.ts';
import { type JsonBackend, type JsonRequest, Refusal, startJsonBackend } from '../support/json-backend.ts';

/** How long each backend takes. */
export const TAKES_MS = { shops: 40, stock: 80, weather: 30 };

const SECRET = 'the database is db.internal';

const SCHEMAS: Readonly<Record<string, string>> = {
  shops: /* GraphQL */ `
    type Query { shop(id: ID!): Shop @lookup @rest(get: "/shops/{id}")  shops: [Shop!] @rest(get: "/shops") }
    type Mutation { open(id: ID!): Shop @rest(post: "/shops/{id}/open") }
    type Shop @key(fields: "id") { id: ID!  name: String }
  `,
  stock: /* GraphQL */ `
    type Query { stockOf(ids: [ID!]! @is(field: "id")): [Shop]! @lookup @internal @rest(get: "/stock?ids={ids|csv}") }
    extend type Shop @key(fields: "id") { id: ID!  items: Int  shelves: Int }
  `,
  weather: /* GraphQL */ `
    extend type Shop @key(fields: "id") {
      id: ID!
      visitors(items: Int! @require(field: "items")): Int
        @rest(get: "/visitors/{parent.id}?items={items}", select: "count")
    }
  `,
};

const VIEW = /* GraphQL */ `
  type Query { shop(id: ID!): Shop  shops: [Shop!] }
  type Mutation { open(id: ID!): Shop }
  type Shop { id: ID!  name: String  items: Int  shelves: Int  visitors: Int }
`;

export interface Shops extends AsyncDisposable {
  /** Requests so far, to all three. */
  readonly requests: () => number;
  /** @param client client.yml */
  files(client: string): GatewayFiles;
}

export async function startShops(): Promise<Shops> {
  await using started = new AsyncDisposableStack();
  const backends = new Map<string, JsonBackend>();
  for (const [name, takesMs] of Object.entries(TAKES_MS)) {
    const backend = await startJsonBackend(async (request) => {
      await sleep(takesMs);
      return answer(name, request);
    });
    backends.set(name, started.use(backend));
  }
  const everything = started.move();
  return {
    requests: () => [...backends.values()].reduce((sum, { requests }) => sum + requests.length, 0),
    files: (client) => ({
      files: {
        ...Object.fromEntries(
          [...backends].flatMap(([name, { url }]) => [
            [`connectors/${name}/connector.yml`, `kind: rest\nendpoint: ${url}`],
            [`connectors/${name}/schema.graphql`, SCHEMAS[name]!],
          ]),
        ),
        'schemas/web.graphql': VIEW,
        'clients/web/client.yml': client,
      },
    }),
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  };
}

/** The third shop has no weather, there is none with the number 0, and numbers may begin with zeros. */
function answer(name: string, { path, query }: JsonRequest): unknown {
  const [, , id] = path.split('/');
  if (name === 'stock')
    return query
      .get('ids')!
      .split(',')
      .map((one) => ({ id: one, items: 7, shelves: 2 }));
  if (name === 'weather') return id === '3' ? new Refusal(500, { error: SECRET }) : { count: 12 };
  if (id === '0') return undefined;
  return id === undefined
    ? ['1', '2', '3'].map((one) => ({ id: one, name: `Shop ${one}` }))
    : { id: String(Number(id)), name: `Shop ${id}` };
}
