/** Lookups of many: keys that are objects, and answers in which something failed. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema, GraphQLError } from 'graphql';
import { createHandler } from 'graphql-http/lib/use/http';
import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { startJsonBackend } from '../support/json-backend.ts';

const ENGINES = ['compiled', 'reference'] as const;

/** The same client once by each engine. */
const clients = (view: string) =>
  Object.fromEntries(
    ENGINES.flatMap((engine) => [
      [`clients/${engine}/client.yml`, `engine: ${engine}`],
      [`schemas/${engine}.graphql`, view],
    ]),
  );

interface Code {
  readonly a: string;
  readonly b: number;
}

test.each(['code { a b }', '{ a: code.a, b: code.b }', 'code { a: a, b }'])(
  'keys that are objects are matched, however they are said: %s',
  async (is) => {
    await using backend = await startJsonBackend(({ path, body }) =>
      path === '/all'
        ? ['x', 'y', 'z'].map((a, b) => ({ id: a, code: { a, b } }))
        : (body.codes as Code[]).map((code) => ({ code, depth: code.b * 10 })).reverse(),
    );
    const connector = `kind: rest\nendpoint: ${backend.url}`;
    const code = 'type Code @shareable { a: String b: Int }';
    await using gateway = await startGateway({
      files: {
        'connectors/pieces/connector.yml': connector,
        'connectors/pieces/schema.graphql': `
        type Query { all: [Piece] @rest(get: "/all") }
        type Piece @key(fields: "code { a b }") { id: ID code: Code } ${code}`,
        'connectors/depths/connector.yml': connector,
        'connectors/depths/schema.graphql': `
        type Query { depths(codes: [CodeIn!]! @is(field: "${is}")): [Piece] @lookup @internal @rest(post: "/depths", body: "{ codes: $codes }") }
        input CodeIn { a: String! b: Int! }
        extend type Piece @key(fields: "code { a b }") { code: Code depth: Int } ${code}`,
        ...clients('type Query { all: [Piece] } type Piece { id: ID depth: Int }'),
      },
    });
    for (const engine of ENGINES)
      expect((await gateway.query(engine, '{ all { id depth } }')).body).toEqual({
        data: {
          all: [
            { id: 'x', depth: 0 },
            { id: 'y', depth: 10 },
            { id: 'z', depth: 20 },
          ],
        },
      });
  },
);

test('an item that a GraphQL backend could not give is told, and not where a record is missing', async () => {
  const ids = ['1', '2', '3', '4'];
  await using backend = await startJsonBackend(() => ids.map((id) => ({ id })));
  const schema = buildSchema('type Query { scores(ids: [ID!]!): [Score] } type Score { id: ID! score: Int }');
  const handler = createHandler({
    schema,
    rootValue: {
      scores: ({ ids }: { readonly ids: readonly string[] }) =>
        ids
          .filter((id) => id !== '4')
          .map((id) => (id === '2' ? new GraphQLError('no score today') : { id, score: Number(id) }))
          .reverse(),
    },
  });
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await using gateway = await startGateway({
      files: {
        'connectors/pieces/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
        'connectors/pieces/schema.graphql': `
          type Query { all: [Piece] @rest(get: "/all") } type Piece @key(fields: "id") { id: ID! }`,
        'connectors/scores/connector.yml': `kind: graphql\nendpoint: http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        'connectors/scores/schema.graphql': `
          type Query { scores(ids: [ID!]! @is(field: "id")): [Piece] @lookup @internal @graphql }
          extend type Piece @key(fields: "id") { id: ID! score: Int }`,
        ...clients('type Query { all: [Piece] } type Piece { id: ID! score: Int }'),
      },
    });
    for (const engine of ENGINES) {
      const { data, errors } = (await gateway.query(engine, '{ all { id score } }')).body;
      expect(data.all.map(({ score }: { score: number | null }) => score)).toEqual([1, null, 3, null]);
      expect(errors).toMatchObject([{ path: ['all', 1, 'score'], extensions: { code: 'UPSTREAM_FAILED' } }]);
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('lists of lists of keys lead to lists of lists of objects', async () => {
  await using backend = await startJsonBackend(({ path, query }) =>
    path === '/shelf'
      ? { rows: [['a', 'b'], [], null, [null, 'c']], flat: ['a', 'b'] }
      : query
          .get('ids')!
          .split(',')
          .map((id) => ({ id, name: id.toUpperCase() })),
  );
  const connector = `kind: rest\nendpoint: ${backend.url}`;
  await using gateway = await startGateway({
    files: {
      'connectors/shelves/connector.yml': connector,
      'connectors/shelves/schema.graphql': `
        type Query { shelf: Shelf @rest(get: "/shelf") }
        type Shelf { rows: [[Book]] @from(path: "rows[][] { id: . }") flat: [Book] @from(path: "flat[] { id: . }") }
        extend type Book @key(fields: "id") { id: ID! }`,
      'connectors/books/connector.yml': connector,
      'connectors/books/schema.graphql': `
        type Query { books(ids: [ID!]! @is(field: "id")): [Book] @lookup @internal @rest(get: "/books?ids={ids|csv}") }
        type Book @key(fields: "id") { id: ID! name: String }`,
      ...clients(
        'type Query { shelf: Shelf } type Shelf { rows: [[Book]] flat: [Book] } type Book { id: ID! name: String }',
      ),
    },
  });
  const book = (name: string) => ({ name });
  for (const engine of ENGINES)
    expect((await gateway.query(engine, '{ shelf { rows { name } flat { name } } }')).body).toEqual({
      data: {
        shelf: { rows: [[book('A'), book('B')], [], null, [null, book('C')]], flat: [book('A'), book('B')] },
      },
    });
});
