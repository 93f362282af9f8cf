/** Answers that are nested tens of thousands of levels deep cost the field that holds them, and nothing else. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RestBackend } from '../support/backends/rest.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';

const LEVELS = 20_000;
const lists = '['.repeat(LEVELS) + ']'.repeat(LEVELS);
const objects = `${'{"a":'.repeat(LEVELS)}1${'}'.repeat(LEVELS)}`;
const SCHEMA = `
type Query {
  good: String @rest(get: "/good", select: "text")
  lists: JSON @rest(get: "/lists")
  objects: JSON @rest(get: "/objects", select: "value")
  text: String @rest(get: "/objects", select: "value")
  refused: String @rest(get: "/refused")
  things: [Thing] @rest(get: "/things")
  own: Own @rest(get: "/objects", select: "value")
}
scalar Own
type Thing @key(fields: "id") { id: ID! }`;
const OTHER = `
type Query { thing(ids: [ID!]! @is(field: "id")): [Thing]! @lookup @internal @rest(get: "/deep-ids?ids={ids|csv}") }
type Thing @key(fields: "id") { id: ID! name: String }`;
const BODIES: Readonly<Record<string, string>> = {
  '/good': '{"text":"here"}',
  '/lists': lists,
  '/objects': `{"value":${objects}}`,
  '/things': '[{"id":"1"},{"id":"2"}]',
  '/deep-ids': `[{"id":"1","name":"one"},{"id":${lists},"name":"none"}]`,
};

let backend: RestBackend;
let gateway: TestGateway;

beforeAll(async () => {
  backend = await RestBackend.start(({ url }) =>
    url === '/refused'
      ? { status: 422, body: `{"value":${objects}}` }
      : { body: BODIES[url.split('?')[0]!] ?? '' },
  );
  const settings = `kind: rest\nendpoint: ${backend.url}\nerrors: { detail: public }\n`;
  gateway = await startGateway({
    files: {
      'connectors/deep/connector.yml': settings,
      'connectors/deep/schema.graphql': SCHEMA,
      'connectors/other/connector.yml': settings,
      'connectors/other/schema.graphql': OTHER,
      ...Object.fromEntries(
        ['compiled', 'reference'].flatMap((engine) => [
          [`clients/${engine}/client.yml`, `engine: ${engine}\n`],
          [
            `schemas/${engine}.graphql`,
            'type Query { good: String lists: JSON objects: JSON text: String refused: String own: Own things: [Thing] } scalar Own type Thing { id: ID! name: String }',
          ],
        ]),
      ),
    },
  });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});

describe.each(['compiled', 'reference'])('%s', (client) => {
  test.each(['lists', 'objects', 'text', 'own'])('%s', async (field) => {
    const { status, body } = await gateway.query(client, `{ good ${field} }`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      data: { good: 'here', [field]: null },
      errors: [{ path: [field], extensions: { code: 'UPSTREAM_INVALID', connector: 'deep' } }],
    });
  });

  test('what a backend tells of its error', async () => {
    const { body } = await gateway.query(client, '{ good refused }');
    expect(body).toMatchObject({
      data: { good: 'here', refused: null },
      errors: [{ path: ['refused'], extensions: { code: 'UPSTREAM_REJECTED' } }],
    });
  });

  test('a key', async () => {
    const { status, body } = await gateway.query(client, '{ good things { name } }');
    expect(status).toBe(200);
    expect(body.data).toEqual({ good: 'here', things: [{ name: 'one' }, { name: null }] });
  });
});
