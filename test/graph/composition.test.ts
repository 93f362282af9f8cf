/** Entities over several connectors: joined by keys of every form, asked through a view and through the whole graph. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type GatewayFiles, startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, type JsonRequest, startJsonBackend } from '../support/json-backend.ts';
import { askBoth, askWholeGraph } from '../support/whole-graph.ts';

interface Product {
  readonly id: string;
  readonly sku: string;
  readonly number: number;
  readonly name: string;
  readonly weight: number;
  readonly maker: { readonly id: string; readonly name: string };
}

const PRODUCTS: readonly Product[] = [
  { id: '1', sku: 'A-1', number: 7, name: 'Saddle', weight: 400, maker: { id: 'm1', name: 'Sella' } },
  { id: '2', sku: 'B-2', number: 8, name: 'Bell', weight: 90, maker: { id: 'm1', name: 'Sella' } },
  { id: '3', sku: 'C/3', number: 7, name: 'Lamp', weight: 120, maker: { id: 'm2', name: 'Lux' } },
];

/** One server; every connector has a path of its own. */
function answer({ path, query, body }: JsonRequest): unknown {
  const [, area = '', ...rest] = path.split('/');
  const last = rest.join('/').replace(/^.*?\//, '');
  switch (area) {
    case 'catalog':
      return rest[1] === undefined ? PRODUCTS : PRODUCTS.find(({ id }) => id === rest[1]);
    case 'stock': {
      // Numbers for ids, the last first, nothing about the second, and one that nobody asked for.
      const ids = query.get('ids')!.split(',').map(Number);
      const found = ids.filter((id) => id !== 2).map((id) => ({ id, in_stock: id * 10, state: 'on-hand' }));
      return { items: [{ id: 99, in_stock: 0, state: 'gone' }, ...found.reverse(), null] };
    }
    case 'prices': {
      const product = PRODUCTS.find(({ sku }) => sku === last);
      return product && { item: { code: product.sku, amount: product.weight * 2 } };
    }
    case 'parts': {
      const { maker, no } = body.key;
      return { maker: { id: maker }, number: no, parts: [`${maker}/${no}/a`, `${maker}/${no}/b`] };
    }
    case 'manuals':
      return { maker: { id: rest[0] }, number: Number(rest[1]), pages: Number(rest[1]) * 3 };
    case 'shipping':
      return { cost: Number(query.get('weight')) / 10, zone: query.get('zone') };
    case 'insurance':
      return Number(body.amount) / 100 + Number(body.cost);
    case 'orders':
      return {
        order_id: rest[0],
        product_ids: ['3', '1', '404'],
        first: '2',
        gift: null,
        by_number: { maker: 'm2', number: 7 },
      };
    default:
      return undefined;
  }
}

function connector(base: string, name: string): string {
  return `kind: rest\nendpoint: ${base}/${name}\n`;
}

function files(base: string): GatewayFiles['files'] {
  const schemas: Record<string, string> = {
    catalog: `
      type Query {
        product(id: ID!): Product @lookup @rest(get: "/products/{id}")
        products: [Product!] @rest(get: "/products")
      }
      type Product @key(fields: "id") @key(fields: "sku") @key(fields: "maker { id } number") {
        id: ID!
        sku: String
        number: Int
        name: String
        weight: Int @inaccessible
        maker: Maker
      }
      type Maker @shareable { id: ID! name: String }
    `,
    stock: `
      type Query {
        stockOf(numbers: [Int!]! @is(field: "id")): [Product]! @lookup @internal
          @rest(get: "/levels?ids={numbers|csv}", select: "items")
      }
      extend type Product @key(fields: "id") { id: ID! inStock: Int @from(path: "in_stock") state: StockState }
      enum StockState { ON_HAND @from(value: "on-hand") GONE @from(value: "gone") }
    `,
    prices: `
      type Query {
        priced(code: String! @is(field: "sku")): Product @lookup @internal @rest(get: "/of/{code}", select: "item")
      }
      extend type Product @key(fields: "sku") { sku: String @from(path: "code") price: Price @from(path: "{ amount: amount }") }
      type Price { amount: Int }
    `,
    parts: `
      type Query {
        withParts(key: PartsKey! @is(field: "{ maker: maker.id, no: number }")): Product @lookup @internal
          @rest(post: "/find", body: "{ key: $key }")
      }
      input PartsKey { maker: ID! no: Int! }
      extend type Product @key(fields: "maker { id } number") { maker: Maker number: Int parts: [String!] }
      type Maker @shareable { id: ID! name: String }
    `,
    manuals: `
      type Query {
        manual(makerId: ID! @is(field: "maker.id"), number: Int!): Product @lookup @internal
          @rest(get: "/{makerId}/{number}")
      }
      extend type Product @key(fields: "maker { id } number") { maker: Maker number: Int pages: Int }
      type Maker @shareable { id: ID! name: String }
    `,
    shipping: `
      extend type Product @key(fields: "id") {
        id: ID!
        shipping(weight: Int! @require(field: "weight"), zone: String = "home"): Shipping
          @rest(get: "/{parent.id}?weight={weight}&zone={zone}")
      }
      type Shipping { cost: Float zone: String }
    `,
    insurance: `
      extend type Product @key(fields: "id") {
        id: ID!
        insurance(
          amount: Int @require(field: "price.amount")
          cost: Float @require(field: "shipping.cost")
        ): Float @rest(post: "/quote", body: "{ amount: $amount, cost: $cost, id: $parent.id }")
      }
    `,
    orders: `
      type Query { order(id: ID!): Order @rest(get: "/{id}") }
      type Order {
        id: ID! @from(path: "order_id")
        products: [Product] @from(path: "product_ids[] { id: . }")
        first: Product @from(path: "{ id: first }")
        gift: Product @from(path: "{ id: gift }")
      }
      extend type Product @key(fields: "id") { id: ID! }
    `,
  };
  return {
    ...Object.fromEntries(
      Object.entries(schemas).flatMap(([name, schema]) => [
        [`connectors/${name}/connector.yml`, connector(base, name)],
        [`connectors/${name}/schema.graphql`, schema],
      ]),
    ),
    'clients/web/client.yml': '{}',
    'schemas/web.graphql': `
      type Query { product(id: ID!): Product products: [Product!] order(id: ID!): Order }
      type Product {
        id: ID! sku: String number: Int name: String maker: Maker
        inStock: Int state: StockState price: Price parts: [String!] pages: Int
        shipping(zone: String = "home"): Shipping insurance: Float
      }
      type Maker { id: ID! name: String }
      type Price { amount: Int }
      type Shipping { cost: Float zone: String }
      type Order { id: ID! products: [Product] first: Product gift: Product }
      enum StockState { ON_HAND GONE }
    `,
  };
}

let backend: JsonBackend;
let gateway: TestGateway;

beforeAll(async () => {
  backend = await startJsonBackend(answer);
  gateway = await startGateway({ files: files(backend.url) });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});
beforeEach(() => {
  backend.requests.length = 0;
});

describe('one entity of several connectors', () => {
  test('by a key that is ID here and Int there, many in one call, out of order and with gaps', async () => {
    const query = '{ products { id name inStock state } }';
    expect(await askBoth(gateway, query)).toEqual({
      products: [
        { id: '1', name: 'Saddle', inStock: 10, state: 'ON_HAND' },
        { id: '2', name: 'Bell', inStock: null, state: null },
        { id: '3', name: 'Lamp', inStock: 30, state: 'ON_HAND' },
      ],
    });
    backend.requests.length = 0;
    await gateway.query('web', query);
    expect(backend.requests).toEqual(['GET /catalog/products', 'GET /stock/levels?ids=1%2C2%2C3']);
  });

  test('by another of its keys, one call each, encoded into one segment', async () => {
    const query = '{ products { price { amount } } }';
    expect(await askBoth(gateway, query)).toEqual({
      products: [{ price: { amount: 800 } }, { price: { amount: 180 } }, { price: { amount: 240 } }],
    });
    expect(backend.requests).toContain('GET /prices/of/C%2F3');
  });

  test('by a composite key with a nested field, as two arguments and as one object', async () => {
    expect(await askBoth(gateway, '{ products { parts pages maker { id } } }')).toEqual({
      products: [
        { parts: ['m1/7/a', 'm1/7/b'], pages: 21, maker: { id: 'm1' } },
        { parts: ['m1/8/a', 'm1/8/b'], pages: 24, maker: { id: 'm1' } },
        { parts: ['m2/7/a', 'm2/7/b'], pages: 21, maker: { id: 'm2' } },
      ],
    });
  });

  test('what nobody knows is null', async () => {
    expect(await askBoth(gateway, '{ product(id: "404") { id name inStock } }')).toEqual({ product: null });
  });
});

describe('stubs that a value map makes', () => {
  test('in lists, and what is not there is null', async () => {
    const data = await askBoth(
      gateway,
      '{ order(id: 5) { id products { id name price { amount } } first { name inStock } gift { name } } }',
    );
    expect(data).toEqual({
      order: {
        id: '5',
        products: [
          { id: '3', name: 'Lamp', price: { amount: 240 } },
          { id: '1', name: 'Saddle', price: { amount: 800 } },
          { id: '404', name: null, price: null },
        ],
        first: { name: 'Bell', inStock: null },
        gift: null,
      },
    });
  });

  test('their keys alone cost no call', async () => {
    await gateway.query('web', '{ order(id: 5) { products { id } first { id } } }');
    expect(backend.requests).toEqual(['GET /orders/5']);
  });
});

describe('@require', () => {
  test('one hop: a field that no view may show', async () => {
    expect(await askBoth(gateway, '{ product(id: 1) { shipping(zone: "far") { cost zone } } }')).toEqual({
      product: { shipping: { cost: 40, zone: 'far' } },
    });
    expect(backend.requests).toContain('GET /shipping/1?weight=400&zone=far');
  });

  test('two hops: what is required requires something itself', async () => {
    const { body } = await gateway.query(
      'web',
      '{ order(id: 5) { products { insurance } first { insurance } } }',
    );
    expect(body.data.order.first).toEqual({ insurance: 1.8 + 9 });
    expect(body.data.order.products.slice(0, 2)).toEqual([{ insurance: 2.4 + 12 }, { insurance: 8 + 40 }]);
  });

  test('its arguments are no part of the graph', async () => {
    const { data } = await askWholeGraph(
      gateway,
      '{ __type(name: "Product") { fields { name args { name } } } }',
    );
    const fields = data.__type.fields as Array<{ name: string; args: unknown }>;
    expect(fields.find(({ name }) => name === 'shipping')!.args).toEqual([{ name: 'zone' }]);
    expect(fields.find(({ name }) => name === 'insurance')!.args).toEqual([]);
  });
});

describe('what is not for everybody', () => {
  test('@internal lookups are in nobody’s schema, not even the operators’', async () => {
    const { data } = await askWholeGraph(gateway, '{ __schema { queryType { fields { name } } } }');
    expect(data.__schema.queryType.fields.map(({ name }: { name: string }) => name).sort()).toEqual([
      'order',
      'product',
      'products',
    ]);
  });

  test('@inaccessible fields are the operators’ alone', async () => {
    expect((await askWholeGraph(gateway, '{ product(id: 1) { weight } }')).data).toEqual({
      product: { weight: 400 },
    });
    const { status, body } = await gateway.query('web', '{ product(id: 1) { weight } }');
    expect(status).toBe(400);
    expect(body.errors).toHaveLength(1);
  });
});
