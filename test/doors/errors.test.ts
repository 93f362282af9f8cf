/** What callers learn of failures: a code, whose fault it was, where, and an id to ask about. Nothing else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ConnectorKind } from '../../src/connectors/kind.ts';
import { KINDS, type RegisteredKind } from '../../src/connectors/registry.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { ask, codesOf, post } from './ask.ts';
import { startThings, THINGS_VIEW, type ThingsBackend, thingsFiles } from './things.ts';

/** A kind whose calls never settle, whatever their signal says. */
const deaf: ConnectorKind = {
  kind: 'deaf',
  summary: 'for this test',
  protocols: ['http:'],
  options: z.strictObject({}),
  directives: 'directive @deaf on FIELD_DEFINITION',
  selective: false,
  supports: { query: true, mutation: true, subscription: false },
  load: async () => ({}),
  bind: () => ({}),
  describe: () => ({ text: 'odd', batchSize: 1, callsAtOnce: 1 }),
  connect: () => ({
    compile: () => ({ mode: 'unary', call: () => new Promise(() => {}) }),
    [Symbol.asyncDispose]: async () => {},
  }),
};

let backend: ThingsBackend;
let gateway: TestGateway;
beforeAll(async () => {
  (KINDS as RegisteredKind[]).push({ kind: 'deaf', import: async () => deaf });
  backend = await startThings();
  const { files } = thingsFiles(backend.url, { hem: 'limits: { deadline: 300ms }' });
  gateway = await startGateway({
    files: {
      ...files,
      'connectors/deaf/connector.yml': 'kind: deaf\nendpoint: http://127.0.0.1:1',
      'connectors/deaf/schema.graphql': 'type Query { deaf: Int @deaf }\ntype Mutation { deafen: Int @deaf }',
      'schemas/web.graphql': THINGS_VIEW.replace('type Query {', 'type Query { deaf: Int').replace(
        'type Mutation {',
        'type Mutation { deafen: Int',
      ),
    },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
  (KINDS as RegisteredKind[]).pop();
});

it('a variable that is null where an argument may not be is the caller’s mistake, not the gateway’s', async () => {
  const answer = await post(gateway, {
    query: 'query ($id: ID = 1) { thing(id: $id) { name } other: thing(id: 1) { name } }',
    variables: { id: null },
  });
  expect(answer.body.data).toEqual({ thing: null, other: { name: 'one' } });
  expect(answer.body.errors).toMatchObject([
    { path: ['thing'], message: expect.stringContaining('"$id"'), extensions: { code: 'BAD_VARIABLES' } },
  ]);
});

describe('a failed backend', () => {
  it('gives partial data and an error that names it, and nothing of its inside', async () => {
    const answer = await post(gateway, { query: '{ failing { id } thing(id: 1) { name } }' });
    expect(answer.body).toEqual({
      data: { failing: null, thing: { name: 'one' } },
      errors: [
        {
          message: 'The backend failed (things).',
          locations: [{ line: 1, column: 3 }],
          path: ['failing'],
          extensions: {
            code: 'UPSTREAM_FAILED',
            connector: 'things',
            status: '500',
            coordinate: 'Query.failing',
            requestId: answer.headers.get('x-request-id'),
          },
        },
      ],
    });
    expect(answer.text).not.toMatch(/secret|internal:5432|127\.0\.0\.1/);
  });

  it('that cannot be reached is named without its address', async () => {
    await using gone = await startThings();
    const { files } = thingsFiles(gone.url);
    await using other = await startGateway({ files });
    await gone[Symbol.asyncDispose]();
    const answer = await post(other, { query: '{ thing(id: 1) { name } }' });
    expect(codesOf(answer)).toEqual(['UPSTREAM_UNAVAILABLE']);
    expect(answer.text).not.toMatch(/ECONN|127\.0\.0\.1/);
  });
});

describe('the deadline', () => {
  it.each([
    ['a backend that hangs', '{ hanging { id } thing(id: 1) { name } }', 'hanging', 'things'],
    ['a connector that does not listen', '{ deaf thing(id: 1) { name } }', 'deaf', 'deaf'],
  ])('ends %s, and the rest is answered', async (_what, query, field, connector) => {
    const startedAt = performance.now();
    const { body } = await post(gateway, { query });
    expect(performance.now() - startedAt).toBeLessThan(2000);
    expect(body.data).toEqual({ [field]: null, thing: { name: 'one' } });
    expect(body.errors).toMatchObject([
      { path: [field], extensions: { code: 'UPSTREAM_TIMEOUT', connector } },
    ]);
    await expect.poll(() => backend.hanging.size).toBe(0);
  });

  it('ends mutations, too', async () => {
    const { body } = await post(gateway, { query: 'mutation { deafen touch }' });
    expect(body.data).toMatchObject({ deafen: null });
    expect(body.errors?.[0]).toMatchObject({ path: ['deafen'], extensions: { code: 'UPSTREAM_TIMEOUT' } });
  });
});

describe('a caller that leaves', () => {
  it('ends what runs for it', async () => {
    const left = new AbortController();
    const { files } = thingsFiles(backend.url);
    await using patient = await startGateway({ files });
    const answer = ask(patient, { search: '?query={hanging{id}}', signal: left.signal });
    await expect.poll(() => backend.hanging.size).toBe(1);
    left.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(() => backend.hanging.size).toBe(0);
  });
});

describe('the request id', () => {
  const idOf = ({ body }: { body: { errors?: readonly { extensions: Record<string, unknown> }[] } }) =>
    body.errors?.[0]?.extensions.requestId;

  it.each([
    ['a failure', '{ failing { id } }'],
    ['a refusal', '{ nothing }'],
    ['no operation', ''],
  ])('of %s is the caller’s own', async (_what, query) => {
    const answer = await post(gateway, { query }, { 'x-request-id': 'abc-1:2/3' });
    expect(answer.headers.get('x-request-id')).toBe('abc-1:2/3');
    expect(idOf(answer)).toBe('abc-1:2/3');
  });

  it.each(['', 'with space', 'a'.repeat(129), '"quoted"', '<b>'])(
    'is a new one instead of %j',
    async (id) => {
      const answer = await post(gateway, { query: '{ failing { id } }' }, { 'x-request-id': id });
      expect(idOf(answer)).toMatch(/^[\w-]{16}\.[\da-z]+$/);
      expect(answer.headers.get('x-request-id')).toBe(idOf(answer));
    },
  );

  it('stands in answers that are not GraphQL', async () => {
    const response = await gateway.fetch('/nothing', { headers: { 'x-request-id': 'mine' } });
    expect(response.headers.get('x-request-id')).toBe('mine');
    expect(await response.json()).toMatchObject({ requestId: 'mine' });
  });
});
