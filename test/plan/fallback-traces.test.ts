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
    // Each once, however long the list is.
    expect(body.extensions!.fallbacks).toEqual([trace('Book.tags'), trace('Book.stars')]);
  },
);

test.each(['compiled', 'reference'])('a fallback knows what a value of every type is, %s', async (engine) => {
  const bodies: Readonly<Record<string, unknown>> = {
    '/pieces': [
      { id: '1', kind: 'Book' },
      { id: '2', kind: 'Nope' },
    ],
    '/books': [{ id: '1' }, 5],
    '/lists': [[{ id: '1' }], [null]],
    '/text': 'x',
    '/colours': ['RED', 'b', 'GREEN'],
    '/numbers': [1, 'x', 3],
    '/names': [{ id: '1', name: 'one' }],
  };
  await using backend = await startJsonBackend(({ path }) => bodies[path]);
  const connector = `kind: rest\nendpoint: ${backend.url}\n`;
  const fields = `
    pieces: [Piece!] @rest(get: "/pieces") @fallback(value: [])
    books: [Book!] @rest(get: "/books") @fallback(value: [])
    lists: [[Book!]!] @rest(get: "/lists") @fallback(value: [])
    date: Date @rest(get: "/text") @fallback(value: "2020-01-01")
    big: BigInt @rest(get: "/text") @fallback(value: 7)
    colour: Colour @rest(get: "/text") @fallback(value: RED)
    colours: [Colour!] @rest(get: "/colours") @fallback(value: [BLUE])
    numbers: [Int!] @rest(get: "/numbers") @fallback(value: [])
    some: [Int] @rest(get: "/numbers") @fallback(value: [])
    anything: [JSON] @rest(get: "/numbers") @fallback(value: [])`;
  await using gateway = await startGateway({
    files: {
      'connectors/things/connector.yml': connector,
      'connectors/things/schema.graphql': `
        type Query { ${fields} }
        enum Colour { RED BLUE @from(value: "b") }
        interface Piece @discriminator(property: "kind") { id: ID! }
        type Book implements Piece @key(fields: "id") { id: ID! }
        type Film implements Piece { id: ID! }`,
      'connectors/names/connector.yml': connector,
      'connectors/names/schema.graphql': `
        type Query { named(ids: [ID!]! @is(field: "id")): [Book]! @lookup @internal @rest(get: "/names?ids={ids|csv}") }
        extend type Book @key(fields: "id") { id: ID! name: String }`,
      'schemas/web.graphql': `
        type Query { ${fields.replace(/@\w+\([^)]*\)/g, '')} }
        enum Colour { RED BLUE }
        interface Piece { id: ID! }
        type Book implements Piece { id: ID! name: String }
        type Film implements Piece { id: ID! }`,
      'clients/web/client.yml': `engine: ${engine}\n`,
    },
  });
  for (const [query, value] of [
    ['pieces { id }', []],
    ['pieces { id ... on Book { name } }', []],
    ['books { id }', []],
    ['books { name }', []],
    ['lists { id }', []],
    ['lists { name }', []],
    ['date', '2020-01-01'],
    ['big', '7'],
    ['colour', 'RED'],
    ['colours', ['BLUE']],
    ['numbers', []],
  ] as const) {
    const [field] = query.split(' ');
    const { body } = await gateway.query('web', `{ ${query} }`);
    expect(body).toEqual({
      data: { [field!]: value },
      extensions: {
        fallbacks: [{ coordinate: `Query.${field}`, connector: 'things', code: 'UPSTREAM_INVALID' }],
      },
    });
  }
  const { body } = await gateway.query('web', '{ some }');
  expect(body.data).toEqual({ some: [1, null, 3] });
  expect(body.errors).toMatchObject([{ path: ['some', 1], extensions: { code: 'UPSTREAM_INVALID' } }]);
  expect((await gateway.query('web', '{ anything }')).body).toEqual({ data: { anything: [1, 'x', 3] } });
});
