/** A client whose schema may not be read learns nothing of it: not by asking, and not from any error. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { ask, codesOf, post } from './ask.ts';
import { RawSocket } from './riders.ts';
import { startThings, type ThingsBackend, thingsFiles } from './things.ts';

let backend: ThingsBackend;
let gateway: TestGateway;
beforeAll(async () => {
  backend = await startThings();
  gateway = await startGateway(thingsFiles(backend.url, { client: 'introspection: false' }));
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

interface Asked {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
}

/** Every way in; each gives the text of the answer. */
const ways: Readonly<Record<string, (asked: Asked) => Promise<string>>> = {
  POST: async (asked) => (await post(gateway, asked)).text,
  GET: async ({ query, variables = {}, operationName = '' }) => {
    const pairs = new URLSearchParams({ query, variables: JSON.stringify(variables), operationName });
    return (await ask(gateway, { search: `?${pairs}` })).text;
  },
  websocket: async (asked) => {
    await using socket = await RawSocket.open(gateway);
    socket.send({ type: 'subscribe', id: 'a', payload: asked });
    return JSON.stringify(await socket.until(({ id }) => id === 'a'));
  },
};

/** Nearly right, so that a suggestion would give away what is right. */
const NEARLY: ReadonlyArray<readonly [string, Asked]> = [
  ['a field', { query: '{ thingz { id } }' }],
  ['a field of a type', { query: '{ things { namee } }' }],
  ['an argument', { query: '{ thing(idd: 1) { id } }' }],
  ['a type', { query: '{ things { ... on Thingy { id } } }' }],
  ['a type of a variable', { query: 'query ($l: Levell) { echo(level: $l) }' }],
  ['an enum value', { query: '{ echo(level: LOWW) }' }],
  [
    'an enum value in a variable',
    { query: 'query ($l: Level) { echo(level: $l) }', variables: { l: 'LOWW' } },
  ],
  ['an input field', { query: '{ echo(nested: { textt: "" }) }' }],
  [
    'an input field in a variable',
    { query: 'query ($n: Nested) { echo(nested: $n) }', variables: { n: { textt: '' } } },
  ],
  ['a directive', { query: '{ __typename @skipp(if: true) }' }],
  ['a fragment', { query: '{ ...B } fragment Bb on Query { __typename }' }],
  ['an operation', { query: 'query Aa { __typename }', operationName: 'A' }],
  ['a selection that is missing', { query: '{ things }' }],
];

describe.each(Object.keys(ways))('by %s', (way) => {
  it.each(NEARLY)('%s that is nearly right is not put right', async (_what, asked) => {
    const text = await ways[way]!(asked);
    expect(text).toMatch(/"code":"(GRAPHQL_VALIDATION_FAILED|BAD_VARIABLES|BAD_REQUEST)"/);
    expect(text).not.toMatch(/did you mean/i);
    expect(text).not.toMatch(/\bLOW\b|HIGH|\btext\b|\\"name\\"|\bNested\.|"thing\\"/);
  });

  it.each([
    '{ __schema { types { name } } }',
    '{ __type(name: "Thing") { fields { name } } }',
    '{ ...F } fragment F on Query { __schema { queryType { name } } }',
    '{ ... on Query { a: __type(name: "Query") { name } } }',
  ])('%s is refused', async (query) => {
    const text = await ways[way]!({ query });
    expect(text).toContain('GRAPHQL_VALIDATION_FAILED');
    expect(text).not.toContain('"data"');
  });

  it('__typename is no secret', async () => {
    expect(await ways[way]!({ query: '{ __typename }' })).toContain('"__typename":"Query"');
  });
});

it('there is no schema.graphql', async () => {
  const response = await gateway.fetch('/web/schema.graphql');
  expect(response.status).toBe(404);
});

it('with introspection on, suggestions are given', async () => {
  await using open = await startGateway(thingsFiles(backend.url));
  const answer = await post(open, { query: '{ thingz { id } }' });
  expect(answer.text).toMatch(/Did you mean/);
  expect(codesOf(answer)).toEqual(['GRAPHQL_VALIDATION_FAILED']);
});
