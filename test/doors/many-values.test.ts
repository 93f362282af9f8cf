/** A small document over a long list cannot make an answer that nothing can hold. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { PartReader } from './part-reader.ts';

const SCHEMA = `
  scalar Map
  type Query { map(n: Int!): Map @rest(get: "/map?n={n}")  maps(n: Int!): [Map] @rest(get: "/maps?n={n}")  things(n: Int!): [Thing] @rest(get: "/things?n={n}")  numbers(n: Int!): [[Int]] @rest(get: "/numbers?n={n}")  sole: String @rest(get: "/sole")  long(n: Int!): String @rest(get: "/long?n={n}")  texts(n: Int!): [String!] @rest(get: "/texts?n={n}") }
  type Mutation { change(n: Int!): [Thing] @rest(post: "/things?n={n}") }
  type Thing { id: ID  all: [Thing] }`;
const LIMIT = 1000;
/** The reference engine has a fifth. */
const client = (engine: string, values = LIMIT) => ({
  [`clients/${engine}/client.yml`]: `engine: ${engine}\nlimits: { values: ${values}, fields: 3000 }\n`,
  [`schemas/${engine}.graphql`]: SCHEMA.replace(/@rest\([^)]*\)/g, ''),
});

let backend: JsonBackend;
let gateway: TestGateway;

beforeAll(async () => {
  backend = await startJsonBackend(({ path, query }) => {
    const n = Number(query.get('n'));
    if (path === '/sole') return 'one';
    if (path === '/long') return 'x'.repeat(n);
    if (path === '/texts') return Array(5).fill('x'.repeat(n));
    const entries = (count: number, length: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [String(at).padStart(length, 'k'), 1]));
    if (path === '/map') return entries(n, 640);
    if (path === '/maps') return Array.from({ length: n }, () => entries(60, 1));
    if (path === '/numbers') return [Array(n).fill(1), [1]];
    return Array.from({ length: n }, (_, id) => ({ id, all: [{ id: 'a' }, { id: 'b' }] }));
  });
  gateway = await startGateway({
    files: {
      'connectors/things/connector.yml': `kind: rest\nendpoint: ${backend.url}\n`,
      'connectors/things/schema.graphql': SCHEMA,
      ...client('compiled'),
      ...client('reference', LIMIT * 5),
    },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

const aliases = (count: number, length = 1) =>
  Array.from({ length: count }, (_, at) => `${'a'.repeat(length)}${at}: id`).join(' ');

const TOO_MANY = [
  ['objects under many names', `{ sole things(n: 20) { ${aliases(50)} } }`],
  ['lists in lists', '{ sole numbers(n: 1000) }'],
  ['objects in objects', `{ sole things(n: 10) { all { ${aliases(60)} } } }`],
  ['long texts', '{ sole long(n: 70000) }'],
  ['lists of long texts', '{ sole texts(n: 20000) }'],
  ['long names', `{ sole things(n: 20) { ${aliases(15, 250)} } }`],
  ['long names in a fragment', `{ sole things(n: 20) { ...F } } fragment F on Thing { ${aliases(15, 250)} }`],
  ['long keys of a scalar', '{ sole map(n: 100) }'],
  [
    'a scalar under many names',
    `{ sole ${Array.from({ length: 20 }, (_, at) => `m${at}: maps(n: 1)`).join(' ')} }`,
  ],
  ['by a fragment', `{ sole things(n: 20) { ...F } } fragment F on Thing { ${aliases(50)} }`],
] as const;

test.each(TOO_MANY)('%s: nothing but an error', async (_what, query) => {
  const { body } = await gateway.query('compiled', query);
  expect(body.data).toBeNull();
  expect(body.errors).toMatchObject([
    {
      message:
        'The answer has more than the 1000 values that are allowed: ask for shorter lists, or for less of each.',
      extensions: { code: 'OPERATION_TOO_LARGE' },
    },
  ]);
});

test.each(TOO_MANY)('%s: an error of the list, where the reference engine runs', async (_what, query) => {
  const { body } = await gateway.query('reference', query);
  expect(body.data?.sole).toBe('one');
  expect(body.errors?.length).toBeGreaterThan(0);
  for (const { extensions } of body.errors!) expect(extensions.code).toBe('OPERATION_TOO_LARGE');
});

test.each(['compiled', 'reference'])('%s: as many as are allowed', async (engine) => {
  const { body } = await gateway.query(engine, `{ things(n: 9) { ${aliases(100)} } }`);
  expect(body.errors).toBeUndefined();
  expect(body.data?.things).toHaveLength(9);
});

test('of a mutation, which has been made', async () => {
  const { body } = await gateway.query('compiled', `mutation { change(n: 20) { ${aliases(60)} } }`);
  expect(body).toMatchObject({ data: null, errors: [{ extensions: { code: 'OPERATION_TOO_LARGE' } }] });
});

test('in parts, each of which counts', async () => {
  const query = '{ sole things(n: 150) { id ... @defer { all { id } } } }';
  const parts = await (await PartReader.open(gateway, query, { client: 'compiled' })).rest();
  expect(JSON.stringify(parts)).toContain('OPERATION_TOO_LARGE');
  expect(parts.length).toBeLessThan(10);
});
