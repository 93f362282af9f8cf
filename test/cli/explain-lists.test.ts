/** `hem explain` counts the lists that a requirement goes through, also where the answer has nothing of them. */
import { expect, test } from 'vitest';
import { runCommand } from '../support/command.ts';
import { startGateway } from '../support/gateway.ts';
import { startJsonBackend } from '../support/json-backend.ts';

const TEN = [...Array(10).keys()];

test('as many calls as explain says are made where every list is as long', { timeout: 60_000 }, async () => {
  await using backend = await startJsonBackend(({ path }) =>
    path === '/books'
      ? TEN.map((book) => ({ id: book, editor_ids: TEN.map((editor) => `${book}-${editor}`) }))
      : { id: path.split('/')[2], name: 'Ida', text: 'n' },
  );
  const connector = `kind: rest\nendpoint: ${backend.url}`;
  const query = '{ books { note } }';
  await using gateway = await startGateway({
    files: {
      'connectors/books/connector.yml': connector,
      'connectors/books/schema.graphql': `
        type Query { books: [Book!] @rest(get: "/books") }
        type Book @key(fields: "id") { id: ID! editors: [Person!] @from(path: "editor_ids[] { id: . }") }
        extend type Person @key(fields: "id") { id: ID! }`,
      'connectors/people/connector.yml': connector,
      'connectors/people/schema.graphql': `
        type Query { person(id: ID!): Person @lookup @rest(get: "/people/{id}") }
        type Person @key(fields: "id") { id: ID! name: String }`,
      'connectors/notes/connector.yml': connector,
      'connectors/notes/schema.graphql': `
        extend type Book @key(fields: "id") {
          id: ID!
          note(names: [String] @require(field: "editors[].name")): String
            @rest(get: "/notes/{parent.id}?names={names|csv}", select: "text")
        }`,
      'clients/web/client.yml': '{}',
      'clients/web/operations/notes.graphql': query,
      'schemas/web.graphql': 'type Query { books: [Book!] } type Book { note: String }',
    },
  });
  const { body } = await gateway.query('web', query);
  expect(body.data.books).toEqual(TEN.map(() => ({ note: 'n' })));
  expect(backend.requests).toHaveLength(111);

  const { output } = await runCommand(
    [
      process.execPath,
      'src/main.ts',
      'explain',
      'web',
      'notes',
      '--config',
      gateway.directory,
      '--format',
      'json',
    ],
    { env: { PATH: process.env.PATH } },
  );
  expect(JSON.parse(output).worstCase).toEqual({
    formula: '1 + books[].editors[] + books[]',
    listLength: 10,
    calls: 111,
  });
});
