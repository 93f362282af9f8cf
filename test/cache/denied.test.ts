/** Whoever may not, or does not, run a mutation ends nothing of what is kept; and what is kept is told to its caller only, with the limits. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KeyMaker } from '../auth/key-maker.ts';
import { readLimits } from '../limits/rate-limit.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';

const SHOP = `
type Query { item: Item @rest(get: "/item") @cacheControl(maxAge: 60) }
type Mutation { reset: Boolean @rest(post: "/reset") @invalidates(type: "Item") @authenticated  free: Boolean @rest(post: "/free") }
type Item { id: ID! }
`;

let backend: JsonBackend;
let gateway: TestGateway;
let known: TestGateway;

beforeAll(async () => {
  backend = await startJsonBackend(({ path }) => (path === '/item' ? { id: '1' } : true));
  const VIEW = SHOP.replace(/ @\w+(\([^)]*\))?/g, '');
  const client = (auth: object) =>
    JSON.stringify({
      auth: { keys: { header: 'x-partner' }, ...auth },
      cache: { responses: {} },
      quotas: [{ name: 'all', limit: 1000, per: '1h' }],
    });
  gateway = await startGateway({
    files: {
      'connectors/shop/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
      'connectors/shop/schema.graphql': SHOP,
      'clients/web/client.yml': client({}),
      'schemas/web.graphql': VIEW,
      'clients/nulls/client.yml': client({ denied: 'nullify' }),
      'schemas/nulls.graphql': VIEW,
      'clients/plans.yml': JSON.stringify({ plans: { whole: { clients: ['web', 'nulls'] } } }),
    },
  });
  known = gateway.as({ 'x-partner': (await new KeyMaker(gateway).make('whole')).text });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});

const LEFT_OUT =
  'mutation ($no: Boolean = true, $yes: Boolean = false) { free reset @skip(if: $no) ... @include(if: $yes) { again: reset } }';

test.each([
  ['denied with null', 'nulls', 'mutation { free reset }'],
  ['refused', 'web', 'mutation { free reset }'],
  ['left out by variables', 'web', LEFT_OUT],
  ['left out by variables, and denied with null', 'nulls', LEFT_OUT],
])('a mutation that is %s ends nothing', async (_what, client, mutation) => {
  const isKept = async () =>
    (await gateway.query(client, '{ item { id } }')).headers.get('cache-status')!.startsWith('hem; hit');
  await isKept();
  expect(await isKept()).toBe(true);
  await gateway.query(client, mutation);
  expect(await isKept()).toBe(true);
  // As if it had been executed after all.
  await known.query(client, mutation.replace('true', 'false'));
  expect(await isKept()).toBe(false);
});

test('other caches are told which headers say who asks, and a 304 tells of limits as any answer does', async () => {
  const get = (headers: Record<string, string> = {}) =>
    known.fetch('/web/graphql?query={item{id}}', { headers });
  const whole = await get();
  expect(whole.headers.get('vary')).toBe('accept, authorization, x-partner');
  expect(whole.headers.get('cache-control')).toBe('max-age=60, private');
  const again = await get({ 'if-none-match': whole.headers.get('etag')! });
  expect(again.status).toBe(304);
  const left = ({ headers }: Response) => readLimits(headers).all?.remaining;
  expect(left(again)).toBe(left(whole)! - 1);
});
