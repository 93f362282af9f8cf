/** Rules that stand in a federation subgraph, under whatever names it links them by. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { clientYml, newKey, type SigningKey, sign } from './issuer.ts';

const SUBGRAPH = `
extend schema @link(
  url: "https://specs.apollo.dev/federation/v2.7"
  import: ["@key", { name: "@authenticated", as: "@loggedIn" }]
)
type Query {
  open: Int
  secret: Int @loggedIn
  scoped: Int @federation__requiresScopes(scopes: [["a"]])
  plain: Plain
  grade: Grade
}
type Plain @authenticated { id: ID! }
enum Grade @loggedIn { HIGH }
type Thing @key(fields: "id") { id: ID!  price: Int @loggedIn }
extend type Query { thing: Thing }
`;
const VIEW = `
type Query { open: Int  secret: Int  scoped: Int  plain: Plain  grade: Grade  thing: Thing }
type Plain { id: ID! }
type Thing { id: ID!  price: Int }
enum Grade { HIGH }
`;

let backend: JsonBackend;
let gateway: TestGateway;
let key: SigningKey;
beforeAll(async () => {
  key = await newKey('k1');
  backend = await startJsonBackend(() => ({ data: { open: 1, secret: 2, scoped: 3 } }));
  gateway = await startGateway({
    files: {
      'connectors/sub/connector.yml': `kind: graphql\nendpoint: ${backend.url}\nfederation: true`,
      'connectors/sub/schema.graphql': SUBGRAPH,
      'clients/web/client.yml': clientYml({ keys: [key.publicJwk] }),
      'schemas/web.graphql': VIEW,
    },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

test.each([
  ['Query.secret', '{ secret }', ''],
  ['Query.scoped', '{ scoped }', 'a'],
  ['Query.plain', '{ plain { __typename } }', ''],
  ['Query.grade', '{ grade }', ''],
  ['Thing.price', '{ thing { id price } }', ''],
])('%s', async (coordinate, query, scope) => {
  backend.requests.length = 0;
  const refused = await gateway.query('web', query);
  expect(refused.status).toBe(401);
  expect(refused.body.errors![0]!.extensions.denied).toMatchObject([{ coordinate }]);
  expect(backend.requests).toEqual([]);
  const authorization = `Bearer ${await sign(key, { scope })}`;
  expect((await gateway.query('web', query, { headers: { authorization } })).status).toBe(200);
  expect(backend.requests).not.toEqual([]);
});

test('what has none is for everybody', async () => {
  expect((await gateway.query('web', '{ open }')).body).toEqual({ data: { open: 1 } });
});
