/** Ways to read of the schema what a plan does not show, all of which were tried from the outside: none leads there. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { KeyMaker } from './key-maker.ts';

const SHOP = `
type Query {
  item: Item @rest(get: "/item")
  hidden(by: Hidden): Int @rest(get: "/hidden?text={by.text}")
  back: Query @rest(get: "/back")
}
type Mutation { turn: Query @rest(post: "/back") }
type Item { id: ID! }
input Hidden { text: String }
`;

let backend: JsonBackend;
let gateway: TestGateway;
let small: TestGateway;
let whole: TestGateway;

beforeAll(async () => {
  backend = await startJsonBackend(({ path }) => (path === '/hidden' ? 1 : { id: '1' }));
  const VIEW = SHOP.replace(/ @rest\([^)]*\)/g, '');
  const client = (denied: string) => JSON.stringify({ auth: { keys: {}, denied }, batching: { max: 5 } });
  const plan = { clients: ['web', 'nulls'] };
  gateway = await startGateway({
    files: {
      'connectors/shop/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
      'connectors/shop/schema.graphql': SHOP,
      'clients/web/client.yml': client('reject'),
      'schemas/web.graphql': VIEW,
      'clients/nulls/client.yml': client('nullify'),
      'schemas/nulls.graphql': VIEW,
      'clients/plans.yml': JSON.stringify({
        plans: { whole: plan, small: { ...plan, fields: { exclude: ['Query.hidden'] } } },
      }),
    },
  });
  const keys = new KeyMaker(gateway);
  small = gateway.as({ 'x-api-key': (await keys.make('small')).text });
  whole = gateway.as({ 'x-api-key': (await keys.make('whole')).text });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});

const TYPES = '__schema { types { name } }';

test.each([
  ['web', `query ($by: Hidden) { ${TYPES} item { id } ...Rest }`, '{ hidden(by: $by) @skip(if: true) }'],
  ['nulls', `query ($by: Hidden) { ${TYPES} item { id } ...Rest }`, '{ hidden(by: $by) }'],
  [
    'nulls',
    `query ($by: Hidden) { item { id } ...Rest }`,
    `{ hidden(by: $by) ...Types } fragment Types on Query { ${TYPES} }`,
  ],
])('a fragment with variables of a hidden type, at %s: %s', async (client, query, rest) => {
  const asked = `${query} fragment Rest on Query ${rest}`;
  const { body } = await small.query(client, asked);
  expect(body.data.item).toEqual({ id: '1' });
  expect(JSON.stringify(body.data.__schema)).toContain('"Item"');
  expect(JSON.stringify(body.data.__schema)).not.toContain('"Hidden"');
  expect(JSON.stringify((await whole.query(client, asked)).body.data.__schema)).toContain('"Hidden"');
});

test.each([
  `{ back { ${TYPES} } }`,
  '{ back { back { ...Deep } } } fragment Deep on Query { again: __type(name: "Hidden") { name } }',
  `mutation { turn { ${TYPES} } }`,
  `mutation { ...Root } fragment Root on Mutation { turn { ... on Query { back { ${TYPES} } } } }`,
])('a Query that stands inside of data: %s', async (query) => {
  const { body } = await small.query('web', query);
  expect(body.data).toBeUndefined();
  expect(body.errors!.map(({ extensions }) => extensions.code)).toEqual(['BAD_REQUEST']);
  expect(JSON.stringify((await whole.query('web', query)).body.data)).toContain('"Hidden"');
});
