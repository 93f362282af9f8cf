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
