/**
 * An Apollo Federation subgraph as teams run them, in a process of its own: it wants graphql 16. Prints its address when it listens.
 * Every request it gets is kept, and `GET /requests` answers and forgets them.
 */
import { createServer } from 'node:http';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { graphql, parse } from 'graphql';

const typeDefs = parse(/* GraphQL */ `
  extend schema
    @link(
      url: "https://specs.apollo.dev/federation/v2.7"
      import: [
        "@key"
        "@shareable"
        "@external"
        "@provides"
        "@tag"
        { name: "@requires", as: "@needs" }
      ]
    )

  type Query {
    stocked(first: Int = 10): [Product!]!
    medium(id: ID!): Medium
    media: [Medium!]!
    reviews: [Review!]!
  }

  type Mutation {
    restock(upc: ID!, amount: Int!): Product
  }

  type Product @key(fields: "upc") @key(fields: "sku brand { code }") {
    upc: ID!
    sku: String!
    brand: Brand!
    inStock(warehouse: String): Int! @tag(name: "stock")
    shelfCode: String @federation__inaccessible
    price: Float @external
    dimensions: Dimensions @external
    parts: [Part!] @external
    shippingEstimate(express: Boolean! = false): Float @needs(fields: "price dimensions { weight size }")
    weightOfParts: Float! @needs(fields: "parts { weight material { density } }")
  }

  type Brand @shareable {
    code: String!
  }

  type Dimensions @external {
    weight: Float
    size: Float
  }

  type Part {
    weight: Float @external
    material: Material @external
  }

  type Material {
    density: Float @external
  }

  interface Medium @key(fields: "id") {
    id: ID!
    title: String!
    reviews: [Review!]!
  }

  type Book implements Medium @key(fields: "id") {
    id: ID!
    title: String!
    reviews: [Review!]!
    pages: Int!
  }

  type Movie implements Medium @key(fields: "id") {
    id: ID!
    title: String!
    reviews: [Review!]!
    minutes: Int!
    related: Book
  }

  type Review {
    id: ID!
    text: String!
    "The price comes along, so that nobody has to ask for it again."
    product: Product @provides(fields: "price")
    author: Author
  }

  extend type Author @key(fields: "handle", resolvable: false) {
    handle: ID! @external
  }
`);

const BRANDS = ['ACME', 'BOLT'];
const products = Array.from({ length: 6 }, (_, index) => ({
  upc: String(index + 1),
  sku: `S${index + 1}`,
  brand: { code: BRANDS[index % 2] },
  amount: index * 5,
}));
const media = [
  { __typename: 'Book', id: 'b1', title: 'Bridges', pages: 300 },
  { __typename: 'Movie', id: 'm1', title: 'Motion', minutes: 90, related: { __typename: 'Book', id: 'b1' } },
];
const reviews = [
  { id: 'r1', text: 'Fine', productUpc: '1', author: { handle: 'ada' }, about: 'b1' },
  { id: 'r2', text: 'Loud', productUpc: '2', author: { handle: 'ben' }, about: 'm1' },
];

function findProduct({ upc, sku, brand }) {
  if (upc === 'broken') throw new Error('the stock cannot be counted');
  return products.find((product) =>
    upc === undefined ? product.sku === sku && product.brand.code === brand?.code : product.upc === upc,
  );
}

const schema = buildSubgraphSchema([
  {
    typeDefs,
    resolvers: {
      Query: {
        stocked: (_, { first }) => products.slice(0, first),
        medium: (_, { id }) => media.find((medium) => medium.id === id),
        media: () => media,
        reviews: () => reviews,
      },
      Mutation: {
        restock: (_, { upc, amount }) => {
          const product = findProduct({ upc });
          if (product !== undefined) product.amount += amount;
          return product;
        },
      },
      Product: {
        // The representation's further fields are what @requires asked for.
        __resolveReference: async (reference) => {
          const found = findProduct(reference);
          return found === undefined ? null : { ...reference, ...found };
        },
        inStock: ({ amount }) => amount,
        shelfCode: ({ sku }) => `shelf of ${sku}`,
        shippingEstimate: ({ price, dimensions }, { express }) =>
          price === null || dimensions === null
            ? null
            : (price > 100 ? 0 : dimensions.weight * dimensions.size) * (express ? 2 : 1),
        weightOfParts: ({ parts }) =>
          (parts ?? []).reduce((sum, { weight, material }) => sum + weight * (material?.density ?? 1), 0),
      },
      Medium: {
        __resolveReference: ({ id }) => media.find((medium) => medium.id === id) ?? null,
        __resolveType: ({ __typename }) => __typename,
        reviews: ({ id }) => reviews.filter(({ about }) => about === id),
      },
      Book: {
        __resolveReference: ({ id }) => media.find((medium) => medium.id === id) ?? null,
        reviews: ({ id }) => reviews.filter(({ about }) => about === id),
        title: ({ id }) => media.find((medium) => medium.id === id).title,
        pages: ({ id }) => media.find((medium) => medium.id === id).pages,
      },
      Movie: {
        __resolveReference: ({ id }) => media.find((medium) => medium.id === id) ?? null,
        reviews: ({ id }) => reviews.filter(({ about }) => about === id),
      },
      Review: {
        product: ({ productUpc }) => ({ ...findProduct({ upc: productUpc }), price: 1 }),
      },
    },
  },
]);

let requests = [];

const server = createServer(async (request, response) => {
  const answer = (status, value) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(value));
  };
  if (request.method === 'GET') {
    answer(200, requests);
    requests = [];
    return;
  }
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { query, variables } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  requests.push({ query, variables });
  const result = await graphql({ schema, source: query, variableValues: variables });
  answer(result.data === undefined ? 400 : 200, result);
});

server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
process.on('SIGTERM', () => process.exit(0));
