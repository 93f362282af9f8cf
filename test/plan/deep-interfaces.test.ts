/** A field of an interface stands in every type that implements it: what is selected once below must not be planned once per type and level. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema, execute, parse } from 'graphql';
import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { startJsonBackend } from '../support/json-backend.ts';

const TYPES = ['Text', 'Image', 'Video', 'Quote'];
const ENGINES = ['compiled', 'reference'] as const;

/** `{ next { next { … id } } }` */
function nested(levels: number): string {
  return `{ first ${'{ id next '.repeat(levels)}{ id }${' }'.repeat(levels)} }`;
}

function files(kind: 'rest' | 'graphql', engine: string) {
  const rest = kind === 'rest';
  const types = TYPES.map((name) => `type ${name} implements Block { id: ID! next: Block }`);
  const view = ['interface Block { id: ID! next: Block }', ...types].join('\n');
  return {
    'connectors/blocks/connector.yml': `kind: ${kind}\nendpoint: \${env:BLOCKS_URL}\n`,
    'connectors/blocks/schema.graphql': `
      type Query { first: Block ${rest ? '@rest(get: "/first")' : '@graphql'} }
      interface Block ${rest ? '@discriminator(property: "kind")' : ''} { id: ID! next: Block }
      ${types.join('\n')}`,
    'schemas/web.graphql': `type Query { first: Block }\n${view}`,
    'clients/web/client.yml': `engine: ${engine}\n`,
  };
}

function block(level: number): object | null {
  return level === 0 ? null : { id: level, kind: TYPES[level % TYPES.length], next: block(level - 1) };
}

test.each(ENGINES)('eighteen levels over REST, %s', async (engine) => {
  await using backend = await startJsonBackend(() => block(8));
  await using gateway = await startGateway({
    files: files('rest', engine),
    env: { BLOCKS_URL: backend.url },
  });
  const startedAt = performance.now();
  const { body } = await gateway.query('web', nested(18));
  expect(body.errors).toBeUndefined();
  expect(body.data.first.next.next.next.id).toBe('5');
  expect(performance.now() - startedAt).toBeLessThan(2000);
});

test.each(ENGINES)(
  'a GraphQL backend is not sent a document that grows by four per level, %s',
  async (engine) => {
    const schema = buildSchema(
      `type Query { first: Block } interface Block { id: ID! next: Block }
    ${TYPES.map((name) => `type ${name} implements Block { id: ID! next: Block }`).join('\n')}`,
    );
    for (const name of TYPES) {
      const type = schema.getType(name) as unknown as { isTypeOf: (value: { kind: string }) => boolean };
      type.isTypeOf = ({ kind }) => kind === name;
    }
    const server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const result = await execute({
        schema,
        document: parse(JSON.parse(text).query),
        rootValue: { first: block(8) },
      });
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      await using gateway = await startGateway({
        files: files('graphql', engine),
        env: { BLOCKS_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
      });
      const shallow = await gateway.query('web', nested(4));
      expect(shallow.body).toEqual({ data: { first: expect.objectContaining({ id: '8' }) } });

      const startedAt = performance.now();
      const deep = await gateway.query('web', nested(18));
      expect(deep.body.data).toEqual({ first: null });
      expect(deep.body.errors).toMatchObject([
        { path: ['first'], extensions: { code: 'OPERATION_TOO_LARGE' } },
      ]);
      expect(performance.now() - startedAt).toBeLessThan(2000);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  },
);

test('how it is executed is told in bounded words', async () => {
  const types = TYPES.map(
    (name) =>
      `type ${name} implements Block { id: ID! next: Block author: Person @from(path: "{ id: author }") }`,
  );
  const view = types.join('\n').replace(/@from\(.*?\)/g, '');
  const signed = (level: number): object | null => {
    const kind = TYPES[level % TYPES.length];
    return level === 0 ? null : { id: level, kind, author: String(level % 3), next: signed(level - 1) };
  };
  await using backend = await startJsonBackend(({ query }) =>
    query.has('ids')
      ? query
          .get('ids')!
          .split(',')
          .map((id) => ({ id, name: `Person ${id}` }))
      : signed(8),
  );
  await using gateway = await startGateway({
    files: {
      'connectors/blocks/connector.yml': `kind: rest\nendpoint: ${backend.url}\n`,
      'connectors/blocks/schema.graphql': `
        type Query { first: Block @rest(get: "/first") }
        interface Block @discriminator(property: "kind") { id: ID! next: Block author: Person }
        ${types.join('\n')}
        extend type Person @key(fields: "id") { id: ID! }`,
      'connectors/people/connector.yml': `kind: rest\nendpoint: ${backend.url}\n`,
      'connectors/people/schema.graphql': `
        type Query { people(ids: [ID!]! @is(field: "id")): [Person]! @lookup @internal @rest(get: "/people?ids={ids|csv}") }
        type Person @key(fields: "id") { id: ID! name: String }`,
      'schemas/web.graphql': `
        type Query { first: Block }
        interface Block { id: ID! next: Block author: Person }
        type Person { id: ID! name: String }
        ${view}`,
      'clients/web/client.yml': 'explain: true',
    },
  });
  const levels = 15;
  const query = `{ first ${'{ author { name } next '.repeat(levels)}{ id }${' }'.repeat(levels)} }`;
  const startedAt = performance.now();
  const { body } = await gateway.query('web', query, { headers: { 'hem-plan': '1' } });
  expect(performance.now() - startedAt).toBeLessThan(4000);
  expect(body.data.first.next.author).toEqual({ name: 'Person 1' });
  const plan = body.extensions?.plan as {
    engine: string;
    worstCase: object;
    waterfall: readonly string[];
    timeline: { calls: number; steps: ReadonlyArray<{ id: string; calls: number }> };
  };
  expect(JSON.stringify(plan).length).toBeLessThan(2_000_000);
  // One object is of one type at every level.
  expect(plan).toMatchObject({
    engine: 'compiled',
    worstCase: { formula: String(levels + 1), calls: levels + 1 },
  });
  const calling = plan.timeline.steps.filter(({ calls }) => calls > 0).map(({ id }) => id);
  expect(new Set(calling).size).toBe(calling.length);
  expect(plan.timeline.calls).toBe(backend.requests.length);
});
