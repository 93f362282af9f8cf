/** How long answers may be kept, and for whom: by what connectors and views say. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sign } from '../auth/issuer.ts';
import { startGateway } from '../support/gateway.ts';
import { type City, startCity } from './city.ts';

let city: City;
beforeAll(async () => {
  city = await startCity();
});
afterAll(() => city[Symbol.asyncDispose]());

const POLICIES: ReadonlyArray<readonly [query: string, expected: string]> = [
  ['{ brief }', 'max-age=1, public'],
  ['{ never }', 'no-store'],
  ['{ brief never }', 'no-store'],
  // A field's own time counts more than its type's, also where it is shorter.
  ['{ station(id: 1) { name } }', 'max-age=60, public'],
  ['{ stations { name } brief }', 'max-age=1, public'],
  // A type's where the field has none.
  ['{ weather { sky } }', 'max-age=10, public'],
  // Objects about which nothing is said.
  ['{ station(id: 1) { name dock { free } } }', 'no-store'],
  // Those that inherit.
  ['{ station(id: 1) { owner { name } } }', 'max-age=60, public'],
  ['{ station(id: 1) { owner { name city } } }', 'max-age=30, public'],
  // The same through a view's path.
  ['{ station(id: 1) { ownerName } }', 'max-age=60, public'],
  ['{ station(id: 1) { ownerCity } }', 'max-age=30, public'],
  // Another connector, that knows its caller by a header.
  ['{ station(id: 1) { bikes } }', 'max-age=5, private'],
  ['{ desk }', 'max-age=60, private'],
  // What a view says.
  ['{ shorter }', 'no-store'],
  ['{ narrow { name } }', 'max-age=60, private'],
  // What a schema says of itself may depend on who asks.
  ['{ brief __schema { queryType { name } } }', 'no-store'],
  ['{ __typename }', 'no-store'],
  ['{ brief __typename }', 'max-age=1, public'],
  ['query ($yes: Boolean = true) { brief never @skip(if: $yes) }', 'max-age=1, public'],
  ['query ($no: Boolean = false) { brief never @skip(if: $no) }', 'no-store'],
  ['{ ...F } fragment F on Query { brief ... on Query { weather { sky } } }', 'max-age=1, public'],
  ['mutation { swap(name: "Market") { name } }', 'no-store'],
];

test.each(POLICIES)('%s → %s', async (query, expected) => {
  const { headers, body } = await city.ask(query);
  expect(body.errors).toBeUndefined();
  expect(headers.get('cache-control')).toBe(expected);
});

/** Whoever depends on claims is private whatever is said. */
test.each(['{ careless }', '{ viewer }', '{ me { name } }'])('%s is for its caller only', async (query) => {
  const headers = { authorization: `Bearer ${await sign(city.key)}` };
  const answer = await city.ask(query, { client: 'web', headers });
  expect(answer.body.errors).toBeUndefined();
  expect(answer.headers.get('cache-control')).toBe('max-age=60, private');
});

test('the values of conditions decide, not the first caller’s', async () => {
  const query = 'query ($with: Boolean!) { brief never @include(if: $with) }';
  const controls = [];
  for (const variables of [{ with: true }, { with: false }, { with: true }])
    controls.push((await city.ask(query, { variables })).headers.get('cache-control'));
  expect(controls).toEqual(['no-store', 'max-age=1, public', 'no-store']);
});

test('a client that does not ask for it keeps nothing and says so', async () => {
  const before = city.asked('/brief');
  for (let count = 0; count < 3; count++) {
    const { headers } = await city.ask('{ brief }', { client: 'plain' });
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('etag')).toBeNull();
  }
  expect(city.asked('/brief') - before).toBe(3);
});

test('whoever is known is told to keep it for nobody else', async () => {
  const authorization = `Bearer ${await sign(city.key)}`;
  const known = await city.ask('{ station(id: 2) { name } }', { client: 'web', headers: { authorization } });
  expect(known.headers.get('cache-control')).toBe('max-age=60, private');
  expect(known.headers.get('vary')).toBe('accept, authorization');
  const unknown = await city.ask('{ station(id: 2) { name } }', { client: 'web' });
  expect(unknown.headers.get('cache-control')).toBe('max-age=60, public');
  expect(unknown.headers.get('vary')).toBe('accept');
});

test('it makes no difference whether the metrics take the times of an operation', async () => {
  await using city = await startCity({ hem: { metrics: { sample: 1 } } });
  await city.ask('{ brief }');
  const { headers } = await city.ask('{ brief }');
  expect(headers.get('cache-status')).toMatch(/^hem; hit/);
  expect(city.asked('/brief')).toBe(1);
});

describe('over HTTP', () => {
  const QUERY = '{ station(id: 1) { name number } }';
  const get = (headers: Record<string, string> = {}, query = QUERY) =>
    city.gateway.fetch(`/open/graphql?${new URLSearchParams({ query })}`, { headers });

  test('a GET that has the answer already gets 304, by weak comparison', async () => {
    const first = await get();
    const etag = first.headers.get('etag')!;
    expect(etag).toMatch(/^W\/"[\w-]{22}"$/);
    expect(await first.json()).toEqual({ data: { station: { name: 'Harbour', number: '1' } } });
    for (const tag of [etag, etag.slice(2), `"x", ${etag}`, '*']) {
      const again = await get({ 'if-none-match': tag });
      expect([again.status, await again.text()]).toEqual([304, '']);
      expect(again.headers.get('etag')).toBe(etag);
      expect(again.headers.get('cache-control')).toBe('max-age=60, public');
      expect(again.headers.get('x-request-id')).toBeTruthy();
    }
    for (const tag of ['"x"', 'W/"x"', '', etag.slice(0, -2)])
      expect((await get({ 'if-none-match': tag })).status).toBe(200);
  });

  test('to callers who take parts as well', async () => {
    const accept = 'multipart/mixed;incrementalSpec=v0.2, application/json';
    const first = await get({ accept });
    expect(first.headers.get('content-type')).toMatch(/^application\/json/);
    const etag = first.headers.get('etag')!;
    expect((await get({ accept, 'if-none-match': etag })).status).toBe(304);
  });

  test('a POST is answered whole', async () => {
    const { headers } = await city.ask(QUERY);
    const again = await city.ask(QUERY, { headers: { 'if-none-match': headers.get('etag')! } });
    expect(again.status).toBe(200);
    expect(again.body.data.station.name).toBe('Harbour');
  });

  test('says how old it is, and what became of the request', async () => {
    const query = '{ station(id: 2) { number name ownerName } }';
    const first = await get({}, query);
    expect(first.headers.get('age')).toBe('0');
    expect(first.headers.get('cache-status')).toBe('hem; fwd=miss; stored');
    const second = await get({}, query);
    expect(second.headers.get('cache-status')).toMatch(/^hem; hit; ttl=5\d$/);
    expect(Number(second.headers.get('age'))).toBeLessThan(10);
  });

  test('batches, streams and sockets are told nothing', async () => {
    const response = await city.gateway.fetch('/open/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([{ query: QUERY }, { query: '{ brief }' }]),
    });
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('etag')).toBeNull();
    expect(await response.json()).toHaveLength(2);
  });
});

test('the example of the documentation loads', async () => {
  const page = await readFile(new URL('../../docs/caching.md', import.meta.url), 'utf8');
  const [, schema] = /```graphql\n([\s\S]*?)```/.exec(page)!;
  await using gateway = await startGateway({
    files: {
      'hem.yml': '{}',
      'connectors/stations/connector.yml':
        'kind: rest\nendpoint: http://127.0.0.1:9\ncache: {}\ndedupe: true',
      'connectors/stations/schema.graphql': `${schema}\ntype Rider { id: ID! }`,
      'clients/web/client.yml': 'cache: { responses: {} }',
      'schemas/web.graphql':
        'type Query { station(id: ID!): Station }\ntype Station { id: ID!  name: String }',
    },
  });
  expect(gateway.url).toContain('http');
});

test('where web pages of other origins call, answers differ by origin as well', async () => {
  await using own = await startCity({
    client: { cors: { origins: ['https://a.example', 'https://b.example'] } },
  });
  const headers = { origin: 'https://a.example' };
  for (const accept of ['application/json', 'multipart/mixed;incrementalSpec=v0.2, application/json']) {
    const answer = await own.ask('{ brief }', { headers: { ...headers, accept } });
    expect(answer.headers.get('vary')?.toLowerCase().split(/, ?/).sort()).toEqual(['accept', 'origin']);
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://a.example');
  }
});

test('a federation subgraph’s @cacheControl counts, with the definitions that Apollo asks for', async () => {
  const sdl = `
    extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
    enum CacheControlScope { PUBLIC PRIVATE }
    directive @cacheControl(maxAge: Int, scope: CacheControlScope, inheritMaxAge: Boolean) on FIELD_DEFINITION | OBJECT | INTERFACE | UNION
    type Query { top: Product @cacheControl(scope: PRIVATE) }
    type Product @key(fields: "id") @cacheControl(maxAge: 240) { id: ID!  name: String }
  `;
  await using gateway = await startGateway({
    files: {
      'hem.yml': '{}',
      'connectors/products/connector.yml': 'kind: graphql\nendpoint: http://127.0.0.1:9\nfederation: true',
      'connectors/products/schema.graphql': sdl,
      'clients/web/client.yml': '{}',
      'schemas/web.graphql': 'type Query { top: Product }\ntype Product { id: ID! }',
    },
  });
  const { types } = gateway.gateway.generation.graph.connectors[0]!;
  expect(types.get('Product')?.cache?.maxAgeMs).toBe(240_000);
  expect(types.get('Query')?.fields.get('top')?.cache?.scope).toBe('PRIVATE');
});
