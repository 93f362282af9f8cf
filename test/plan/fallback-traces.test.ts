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
