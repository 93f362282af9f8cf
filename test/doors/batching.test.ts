/** Several operations in one request: off unless a client allows it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { codesOf, post } from './ask.ts';
import { MOVED, startRiders } from './riders.ts';
import { startThings, type ThingsBackend, thingsFiles } from './things.ts';

let backend: ThingsBackend;
let off: TestGateway;
let on: TestGateway;
beforeAll(async () => {
  backend = await startThings();
  off = await startGateway(thingsFiles(backend.url));
  on = await startGateway(thingsFiles(backend.url, { client: 'batching: { max: 3 }' }));
});
afterAll(async () => {
  await off[Symbol.asyncDispose]();
  await on[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

const ONE = { query: '{ thing(id: 1) { name } }' };

it('is refused where it is off, even with one operation', async () => {
  const answer = await post(off, [ONE]);
  expect(answer.status).toBe(400);
  expect(codesOf(answer)).toEqual(['BAD_REQUEST']);
});

it('answers in order, each by itself', async () => {
  const { status, body } = await post(on, [ONE, { query: '{' }, { query: '{ failing { id } }' }]);
  expect(status).toBe(200);
  expect(body).toMatchObject([
    { data: { thing: { name: 'one' } } },
    { errors: [{ extensions: { code: 'GRAPHQL_PARSE_FAILED' } }] },
    { data: { failing: null }, errors: [{ extensions: { code: 'UPSTREAM_FAILED', connector: 'things' } }] },
  ]);
});

it.each([
  ['more than the limit', [ONE, ONE, ONE, ONE], 'OPERATION_TOO_LARGE'],
  ['nothing', [], 'BAD_REQUEST'],
  ['a batch in a batch', [[ONE]], 'BAD_REQUEST'],
  ['null', [null], 'BAD_REQUEST'],
])('refuses %s', async (_what, batch, code) => {
  const answer = await post(on, batch);
  expect(answer.status).toBe(400);
  expect(codesOf(answer)).toEqual([code]);
});

it('takes no subscription', async () => {
  await using riders = await startRiders({ client: 'batching: { max: 2 }' });
  const { status, body } = await post(riders.gateway, [{ query: '{ __typename }' }, { query: MOVED }]);
  expect(status).toBe(200);
  expect(body).toMatchObject([
    { data: { __typename: 'Query' } },
    { errors: [{ message: 'A subscription cannot be part of a batch.' }] },
  ]);
  expect(riders.backend.subscribers).toBe(0);
});
