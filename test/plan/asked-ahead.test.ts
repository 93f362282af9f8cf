/** What is asked ahead, by a key that may be nobody's, costs nobody else an answer and is told to nobody. Both engines answer alike. */
import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { Refusal, startJsonBackend } from '../support/json-backend.ts';

const SHOP = `
  type Query { product(id: ID!): Product @lookup @rest(get: "/products/{id}") }
  type Product @key(fields: "id") { id: ID! title: String }`;
const stockOf = (directives: string) => `
  type Query { levels(ids: [ID!]! @is(field: "id")): [Product]! @lookup @internal @rest(get: "/levels?ids={ids|csv}") ${directives} }
  type Product @key(fields: "id") { id: ID! inStock: Int }`;

/** Knows the products whose ids are numbers. */
async function startCity(engine: string, { status = 200, directives = '' } = {}) {
  const missing: string[] = [];
  const fails = { stock: false };
  const backend = await startJsonBackend(({ path, query }) => {
    if (path.startsWith('/products/')) {
      const id = path.split('/')[2]!;
      return /^\d+$/.test(id) && !missing.includes(id) ? { id, title: `n${id}` } : undefined;
    }
    const ids = query.get('ids')!.split(',');
    if (fails.stock) return new Refusal(500);
    if (status !== 200 && ids.some((id) => !/^\d+$/.test(id))) return new Refusal(status);
    return ids.map((id) => ({ id, inStock: Number(id) * 2 }));
  });
  const gateway = await startGateway({
    files: {
      'connectors/shop/connector.yml': `kind: rest\nendpoint: ${backend.url}\n`,
      'connectors/shop/schema.graphql': SHOP,
      'connectors/stock/connector.yml': `kind: rest\nendpoint: ${backend.url}\n`,
      'connectors/stock/schema.graphql': stockOf(directives),
      'schemas/web.graphql':
        'type Query { product(id: ID!): Product }\ntype Product { id: ID! title: String inStock: Int }\n',
      'clients/web/client.yml': `engine: ${engine}\n`,
    },
  });
  return {
    ...{ backend, gateway, missing, fails },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}

const engines = ['compiled', 'reference'];

test.each(engines.flatMap((engine) => [404, 400, 500].map((status) => [engine, status] as const)))(
  '%s: a backend that answers a list with %i where it does not know one of it',
  async (engine, status) => {
    await using city = await startCity(engine, { status });
    const { body } = await city.gateway.query(
      'web',
      '{ a: product(id: "x1") { inStock } b: product(id: 2) { title inStock } c: product(id: 2) { inStock } }',
    );
    expect(body).toEqual({ data: { a: null, b: { title: 'n2', inStock: 4 }, c: { inStock: 4 } } });
    const asked = city.backend.requests
      .map(decodeURIComponent)
      .filter((request) => request.includes('/levels'));
    // Together first, and then what is there, once.
    expect(asked).toEqual(
      engine === 'reference' ? ['GET /levels?ids=2'] : ['GET /levels?ids=x1,2', 'GET /levels?ids=2'],
    );
  },
);

test.each(engines)('%s: many keys go in one call where all are there', async (engine) => {
  await using city = await startCity(engine);
  const ids = Array.from({ length: 20 }, (_, id) => id);
  const fields = ids.map((id) => `p${id}: product(id: ${id}) { inStock }`).join(' ');
  const { body } = await city.gateway.query('web', `{ ${fields} }`);
  expect(body.data).toEqual(Object.fromEntries(ids.map((id) => [`p${id}`, { inStock: id * 2 }])));
  const asked = city.backend.requests
    .map(decodeURIComponent)
    .filter((request) => request.includes('/levels'));
  if (engine === 'compiled') expect(asked).toEqual([`GET /levels?ids=${ids.join()}`]);
});

test.each(engines)('%s: a fallback that stood in for nothing is not told', async (engine) => {
  await using city = await startCity(engine, { directives: '@fallback(stale: "1m")' });
  const query = '{ product(id: 7) { inStock } }';
  expect((await city.gateway.query('web', query)).body).toEqual({ data: { product: { inStock: 14 } } });
  city.fails.stock = true;
  expect((await city.gateway.query('web', query)).body).toMatchObject({
    data: { product: { inStock: 14 } },
    extensions: { fallbacks: [{ coordinate: 'Query.levels' }] },
  });
  city.missing.push('7');
  expect((await city.gateway.query('web', query)).body).toEqual({ data: { product: null } });
});
