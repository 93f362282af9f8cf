/** Whatever else goes wrong, an answer says where a `@fallback` stood in for a backend. */
import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { Refusal, startJsonBackend } from '../support/json-backend.ts';

test.each(['compiled', 'reference'])(
  'a fallback in what a call requires leaves its trace beside an error, %s',
  async (engine) => {
    await using backend = await startJsonBackend(({ path, query }) => {
      if (path === '/book') return { id: '1', title: {} };
      if (path.startsWith('/stock')) return new Refusal(503);
      return { text: `${query.get('count')} left` };
    });
    const connector = `kind: rest\nendpoint: ${backend.url}\n`;
    await using gateway = await startGateway({
      files: {
        'connectors/books/connector.yml': connector,
        'connectors/books/schema.graphql': `
        type Query { book: Book @rest(get: "/book") }
        type Book @key(fields: "id") { id: ID! title: String }`,
        'connectors/stock/connector.yml': connector,
        'connectors/stock/schema.graphql': `
        type Query { stocked(id: ID!): Book @lookup @internal @rest(get: "/stock/{id}") }
        extend type Book @key(fields: "id") { id: ID! count: Int! @fallback(value: 0) }`,
        'connectors/notes/connector.yml': connector,
        'connectors/notes/schema.graphql': `
        extend type Book @key(fields: "id") {
          id: ID!
          note(count: Int! @require(field: "count")): String @rest(get: "/notes/{parent.id}?count={count}", select: "text")
        }`,
        'schemas/web.graphql': 'type Query { book: Book } type Book { note: String title: String }',
        'clients/web/client.yml': `engine: ${engine}\n`,
      },
    });
    const { body } = await gateway.query('web', '{ book { note title } }');
    expect(body.data).toEqual({ book: { note: '0 left', title: null } });
    expect(body.errors).toMatchObject([
      { path: ['book', 'title'], extensions: { code: 'UPSTREAM_INVALID' } },
    ]);
    expect(body.extensions).toEqual({
      fallbacks: [{ coordinate: 'Book.count', connector: 'stock', code: 'UPSTREAM_UNAVAILABLE' }],
    });
  },
);

/** What /ratings answers for each book, and what is read of it. */
const RATED: ReadonlyArray<readonly [stars: unknown, read: number | null]> = [
  [4, 4],
  [null, 0],
  ['many', 0],
  [{}, 0],
];

test.each(['compiled', 'reference'])(
  'a fallback stands in for what cannot be read, and the rest of the list stays, %s',
  async (engine) => {
    await using backend = await startJsonBackend(({ path }) =>
      path === '/books'
        ? RATED.map((_, id) => ({ id }))
        : RATED.map(([stars], id) => ({ id, stars, tags: stars })),
    );
    const connector = `kind: rest\nendpoint: ${backend.url}\n`;
    await using gateway = await startGateway({
      files: {
        'connectors/books/connector.yml': connector,
        'connectors/books/schema.graphql': `
        type Query { books: [Book!] @rest(get: "/books") }
        type Book @key(fields: "id") { id: ID! }`,
        'connectors/ratings/connector.yml': connector,
        'connectors/ratings/schema.graphql': `
        type Query { rated(ids: [ID!]! @is(field: "id")): [Book]! @lookup @internal @rest(get: "/ratings?ids={ids|csv}") }
        extend type Book @key(fields: "id") { id: ID! stars: Int! @fallback(value: 0) tags: [String!]! @fallback(value: []) }`,
        'schemas/web.graphql':
          'type Query { books: [Book!] } type Book { id: ID! stars: Int! tags: [String!]! }',
        'clients/web/client.yml': `engine: ${engine}\n`,
      },
    });
    const { body } = await gateway.query('web', '{ books { stars tags } }');
    expect(body.errors).toBeUndefined();
    expect(body.data.books).toEqual(RATED.map(([, stars]) => ({ stars, tags: [] })));
    const trace = (coordinate: string) => ({ coordinate, connector: 'ratings', code: 'UPSTREAM_INVALID' });
    const told = body.extensions!.fallbacks as Array<{ coordinate: string }>;
    expect(told.filter(({ coordinate }) => coordinate === 'Book.stars')).toEqual(
      Array.from({ length: 3 }, () => trace('Book.stars')),
    );
    expect(told).toHaveLength(7);
  },
);
