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
  colour: Colour @rest(get: "/lists")
  odd: Colour @rest(get: "/odd", select: "value")
  wired: Wired @rest(get: "/odd", select: "value")
  piece: Piece @rest(get: "/piece")
  fact: Boolean @rest(get: "/lists")
  int: Int @rest(get: "/lists")
  float: Float @rest(get: "/objects", select: "value")
  id: ID @rest(get: "/lists")
  date: Date @rest(get: "/lists")
  strange: [Thing] @rest(get: "/strange")
}
scalar Own
enum Colour { RED BLUE }
enum Wired { RED @from(value: "red") }
interface Piece @discriminator(property: "kind") { id: ID! }
type Book implements Piece { id: ID! }
type Film implements Piece { id: ID! }
type Thing @key(fields: "id") { id: ID! blob: JSON }`;
const OTHER = `
type Query { thing(ids: [ID!]! @is(field: "id")): [Thing]! @lookup @internal @rest(get: "/deep-ids?ids={ids|csv}") }
extend type Thing @key(fields: "id") {
  id: ID!
  name: String
  need(blob: JSON @require(field: "blob")): String @rest(post: "/good", body: "{ blob: $blob }", select: "text")
}`;
const BODIES: Readonly<Record<string, string>> = {
  '/good': '{"text":"here"}',
  '/lists': lists,
  '/objects': `{"value":${objects}}`,
  '/things': '[{"id":"1"},{"id":"2"}]',
  '/odd': '{"value":{"toString":1,"valueOf":1}}',
  '/piece': `{"id":"1","kind":${lists}}`,
  '/strange': `[{"id":"1","blob":${objects}},{"id":${lists}},{"id":"2","blob":1}]`,
  '/deep-ids': `[{"id":"1","name":"one"},{"id":${lists},"name":"none"}]`,
};

const VIEW = `
type Query {
  good: String lists: JSON objects: JSON text: String refused: String own: Own things: [Thing] strange: [Thing]
  colour: Colour odd: Colour wired: Wired piece: Piece fact: Boolean int: Int float: Float id: ID date: Date
}
scalar Own
enum Colour { RED BLUE }
enum Wired { RED }
interface Piece { id: ID! }
type Book implements Piece { id: ID! }
type Film implements Piece { id: ID! }
type Thing { id: ID! name: String need: String }`;

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
          [`schemas/${engine}.graphql`, VIEW],
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
  test.each([
    ...[
      'lists',
      'objects',
      'text',
      'own',
      'colour',
      'odd',
      'wired',
      'piece',
      'fact',
      'int',
      'float',
      'id',
      'date',
    ],
  ])('%s', async (field) => {
    const below = field === 'piece' ? '{ id }' : '';
    const { status, body } = await gateway.query(client, `{ good ${field} ${below} }`);
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

  test('what goes into other calls', async () => {
    for (const fields of ['name', 'need', 'name need']) {
      const { status, body } = await gateway.query(client, `{ good strange { ${fields} } }`);
      expect(status).toBe(200);
      expect(body.data.good).toBe('here');
      expect(body.data.strange).toHaveLength(3);
      if (fields !== 'need') expect(body.data.strange[0].name).toBe('one');
      if (fields !== 'name') expect(body.data.strange[2].need).toBe('here');
      expect(body.errors).not.toHaveLength(0);
    }
  });

  test('a key', async () => {
    const { status, body } = await gateway.query(client, '{ good things { name } }');
    expect(status).toBe(200);
    expect(body.data).toEqual({ good: 'here', things: [{ name: 'one' }, { name: null }] });
  });
});
