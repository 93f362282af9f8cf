/** An Apollo Federation v2 subgraph, by its unedited SDL, beside connectors that know the same entities. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSchema, createYoga } from 'graphql-yoga';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Subgraph, startSubgraph } from '../support/backends/graphql-subgraph.ts';
import { type GraphQLBody, startGateway } from '../support/gateway.ts';

const CATALOG = /* GraphQL */ `
  type Query { product(upc: ID!): Product  products: [Product!]! }
  type Product { upc: ID!  name: String!  price: Float  dimensions: Dimensions  parts: [Part] }
  type Dimensions { weight: Float  size: Float }
  type Part { weight: Float  material: Material }
  type Material { density: Float }
`;

const PRODUCTS = [
  {
    upc: '1',
    name: 'Saddle',
    price: 20,
    dimensions: { weight: 2, size: 3 },
    parts: [{ weight: 1, material: { density: 2 } }, { weight: 5 }],
  },
  { upc: '2', name: 'Frame', price: 200, dimensions: { weight: 10, size: 10 }, parts: [] },
  { upc: '3', name: 'Bell', price: 5, dimensions: null, parts: null },
];

const CATALOG_CONNECTOR = `
type Query {
  product(upc: ID!): Product @lookup @graphql
  products: [Product!] @graphql
}
type Product @key(fields: "upc") { upc: ID!  name: String  price: Float  dimensions: Dimensions  parts: [Part] }
type Dimensions { weight: Float  size: Float }
type Part { weight: Float  material: Material }
type Material { density: Float }
`;

/** Knows products by another key, and media by an interface. */
const SHOP_CONNECTOR = `
type Query {
  offers: [Offer!] @rest(get: "/offers")
  picks: [Pick!] @rest(get: "/picks")
  book(id: ID!): Book @lookup @internal @rest(get: "/books/{id}")
}
type Offer { id: ID!  product: Product @from(path: "{ sku: sku, brand: { code: brand } }") }
type Product @key(fields: "sku brand { code }") { sku: String  brand: Brand }
type Brand @shareable { code: String! }
type Pick { place: Int  medium: Medium @from(path: "{ __typename: kind, id: medium }") }
interface Medium @key(fields: "id") { id: ID! }
type Book implements Medium @key(fields: "id") { id: ID!  shelf: String }
type Movie implements Medium @key(fields: "id") { id: ID! }
`;

const SHOP: Readonly<Record<string, unknown>> = {
  '/offers': [
    { id: 'o1', sku: 'S1', brand: 'ACME' },
    { id: 'o2', sku: 'S2', brand: 'BOLT' },
    { id: 'o3', sku: 'S2', brand: 'ACME' },
  ],
  '/picks': [
    { place: 1, kind: 'Movie', medium: 'm1' },
    { place: 2, kind: 'Book', medium: 'b1' },
  ],
  '/books/b1': { id: 'b1', shelf: 'A 3' },
};

const VIEW = `
type Query {
  products: [Product!]
  product(upc: ID!): Product
  stocked(first: Int = 10): [Product!]!
  offers: [Offer!]
  picks: [Pick!]
  media: [Medium!]!
  medium(id: ID!): Medium
  reviews: [Review!]!
}
type Mutation { restock(upc: ID!, amount: Int!): Product }
type Product {
  upc: ID
  sku: String
  name: String
  price: Float
  brand: Brand
  inStock(warehouse: String): Int
  shippingEstimate(express: Boolean! = false): Float
  weightOfParts: Float
}
type Brand { code: String! }
type Offer { id: ID!  product: Product }
type Pick { place: Int  medium: Medium }
interface Medium { id: ID!  title: String  reviews: [Review!] }
type Book implements Medium { id: ID!  title: String  reviews: [Review!]  pages: Int  shelf: String }
type Movie implements Medium { id: ID!  title: String  reviews: [Review!]  minutes: Int  related: Book }
type Review { id: ID!  text: String!  product: Product  author: Author }
type Author { handle: ID! }
`;

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('an Apollo Federation subgraph', () => {
  let subgraph: Subgraph;
  let files: Record<string, string>;
  const servers: Server[] = [];

  beforeAll(async () => {
    subgraph = await startSubgraph();
    const catalog = createServer(
      createYoga({
        logging: false,
        schema: createSchema({
          typeDefs: CATALOG,
          resolvers: {
            Query: {
              product: (_, { upc }: { upc: string }) => PRODUCTS.find((product) => product.upc === upc),
              products: () => PRODUCTS,
            },
          },
        }),
      }),
    );
    const shop = createServer((request, response) => {
      const found = SHOP[request.url ?? ''];
      response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(found ?? {}));
    });
    servers.push(catalog, shop);
    files = {
      'connectors/inventory/connector.yml': `kind: graphql\nendpoint: ${subgraph.url}\nfederation: true\n`,
      'connectors/inventory/schema.graphql': subgraph.sdl,
      'connectors/catalog/connector.yml': `kind: graphql\nendpoint: ${await listen(catalog)}/graphql\nspec: catalog.graphql\n`,
      'connectors/catalog/catalog.graphql': CATALOG,
      'connectors/catalog/schema.graphql': CATALOG_CONNECTOR,
      'connectors/shop/connector.yml': `kind: rest\nendpoint: ${await listen(shop)}\n`,
      'connectors/shop/schema.graphql': SHOP_CONNECTOR,
      'schemas/web.graphql': VIEW,
      'clients/web/client.yml': '{}',
    };
  });

  afterAll(async () => {
    await subgraph[Symbol.asyncDispose]();
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  test('gives root fields, and entities of others by their key in one request', async () => {
    await using gateway = await startGateway({ files });
    await subgraph.requests();
    const { body } = await gateway.query(
      'web',
      '{ products { name sku inStock brand { code } } stocked(first: 1) { upc name } }',
    );
    expect(body).toEqual({
      data: {
        products: [
          { name: 'Saddle', sku: 'S1', inStock: 0, brand: { code: 'ACME' } },
          { name: 'Frame', sku: 'S2', inStock: 5, brand: { code: 'BOLT' } },
          { name: 'Bell', sku: 'S3', inStock: 10, brand: { code: 'ACME' } },
        ],
        stocked: [{ upc: '1', name: 'Saddle' }],
      },
    });
    const entities = (await subgraph.requests()).filter(({ query }) => query.includes('_entities'));
    expect(entities).toHaveLength(1);
    expect(entities[0]?.variables).toEqual({
      representations: ['1', '2', '3'].map((upc) => ({ __typename: 'Product', upc })),
    });
    expect(entities[0]?.query).toContain('... on Product { sku inStock brand { code } }');
  });

  test('computes from what it requires of another connector: leaves, objects, lists of objects', async () => {
    await using gateway = await startGateway({ files });
    await subgraph.requests();
    const { body } = await gateway.query(
      'web',
      `{
        stocked(first: 3) { upc shippingEstimate fast: shippingEstimate(express: true) weightOfParts }
        product(upc: 2) { shippingEstimate }
      }`,
    );
    expect(body).toEqual({
      data: {
        stocked: [
          { upc: '1', shippingEstimate: 6, fast: 12, weightOfParts: 7 },
          { upc: '2', shippingEstimate: 0, fast: 0, weightOfParts: 0 },
          { upc: '3', shippingEstimate: null, fast: null, weightOfParts: 0 },
        ],
        product: { shippingEstimate: 0 },
      },
    });
    const requests = await subgraph.requests();
    expect(
      requests.find(({ query }) => query.includes('weightOfParts'))?.variables.representations,
    ).toContainEqual({
      __typename: 'Product',
      upc: '1',
      parts: [
        { weight: 1, material: { density: 2 } },
        { weight: 5, material: null },
      ],
    });
  });

  test('finds an entity by its second key, and by that the way to a third connector', async () => {
    await using gateway = await startGateway({ files });
    const { body } = await gateway.query(
      'web',
      '{ offers { id product { upc name inStock shippingEstimate } } }',
    );
    expect(body).toEqual({
      data: {
        offers: [
          { id: 'o1', product: { upc: '1', name: 'Saddle', inStock: 0, shippingEstimate: 6 } },
          { id: 'o2', product: { upc: '2', name: 'Frame', inStock: 5, shippingEstimate: 0 } },
          { id: 'o3', product: { upc: null, name: null, inStock: null, shippingEstimate: null } },
        ],
      },
    });
  });

  test('finds entities of an interface for another connector, and takes their further fields from there', async () => {
    await using gateway = await startGateway({ files });
    const { body } = await gateway.query(
      'web',
      `{
        picks { place medium { __typename id title reviews { text } ... on Book { pages shelf } ... on Movie { minutes related { title shelf } } } }
        media { title ... on Book { shelf } }
        medium(id: "b1") { title }
      }`,
    );
    expect(body).toEqual({
      data: {
        picks: [
          {
            place: 1,
            medium: {
              __typename: 'Movie',
              id: 'm1',
              title: 'Motion',
              reviews: [{ text: 'Loud' }],
              minutes: 90,
              related: { title: 'Bridges', shelf: 'A 3' },
            },
          },
          {
            place: 2,
            medium: {
              __typename: 'Book',
              id: 'b1',
              title: 'Bridges',
              reviews: [{ text: 'Fine' }],
              pages: 300,
              shelf: 'A 3',
            },
          },
        ],
        media: [{ title: 'Bridges', shelf: 'A 3' }, { title: 'Motion' }],
        medium: { title: 'Bridges' },
      },
    });
  });

  test("is not believed about what it only provides: the price is the catalog's", async () => {
    await using gateway = await startGateway({ files });
    const { body } = await gateway.query(
      'web',
      '{ reviews { text product { name price } author { handle } } }',
    );
    expect(body).toEqual({
      data: {
        reviews: [
          { text: 'Fine', product: { name: 'Saddle', price: 20 }, author: { handle: 'ada' } },
          { text: 'Loud', product: { name: 'Frame', price: 200 }, author: { handle: 'ben' } },
        ],
      },
    });
  });

  test('is changed by mutations', async () => {
    await using gateway = await startGateway({ files });
    const { body } = await gateway.query(
      'web',
      'mutation { restock(upc: 6, amount: 3) { upc inStock name } }',
    );
    expect(body).toEqual({ data: { restock: { upc: '6', inStock: 28, name: null } } });
  });

  test('fails for one entity alone', async () => {
    await using gateway = await startGateway({ files });
    PRODUCTS.push({ upc: 'broken', name: 'Riddle', price: 1, dimensions: null, parts: null });
    const { body } = await gateway
      .query('web', '{ products { name inStock } }')
      .finally(() => PRODUCTS.pop());
    expect(body.data.products).toEqual([
      { name: 'Saddle', inStock: 0 },
      { name: 'Frame', inStock: 5 },
      { name: 'Bell', inStock: 10 },
      { name: 'Riddle', inStock: null },
    ]);
    expect(body.errors).toHaveLength(1);
    expect(body.errors?.[0]).toMatchObject({
      path: ['products', 3, 'inStock'],
      extensions: { code: 'UPSTREAM_FAILED', connector: 'inventory' },
    });
  });

  test('shows nothing of its machinery', async () => {
    await using gateway = await startGateway({ files });
    const { body } = await gateway.query(
      'web',
      '{ __schema { types { name } directives { name } queryType { fields { name } } } }',
    );
    const text = JSON.stringify(body.data);
    for (const name of [
      '_Any',
      '_Entity',
      '_service',
      'federation',
      'link',
      '_product_by_upc',
      'shelfCode',
      'needs',
    ]) {
      expect(text).not.toContain(name);
    }
  });

  test('is part of the whole graph, which is executed by stitching', async () => {
    await using gateway = await startGateway({ files });
    const response = await fetch(`${gateway.adminUrl}/graph`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${gateway.gateway.adminToken}` },
      body: JSON.stringify({
        query:
          '{ products { name sku shippingEstimate weightOfParts } offers { product { name } } media { title } __schema { queryType { fields { name } } } }',
      }),
    });
    const { data, errors } = (await response.json()) as GraphQLBody;
    expect(errors).toBeUndefined();
    expect(data).toMatchObject({
      products: [
        { name: 'Saddle', sku: 'S1', shippingEstimate: 6, weightOfParts: 7 },
        { name: 'Frame', sku: 'S2', shippingEstimate: 0, weightOfParts: 0 },
        { name: 'Bell', sku: 'S3', shippingEstimate: null, weightOfParts: 0 },
      ],
      offers: [{ product: { name: 'Saddle' } }, { product: { name: 'Frame' } }, { product: { name: null } }],
      media: [{ title: 'Bridges' }, { title: 'Motion' }],
    });
    expect(JSON.stringify(data.__schema)).not.toContain('_product_by_upc');
  });
});
