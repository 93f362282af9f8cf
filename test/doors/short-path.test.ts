/**
 * A POST of application/json takes the short path, one of application/graphql+json the broad one. Whoever asks cannot tell: the same
 * status, the same headers, the same bytes.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DATA } from '../../demo/data.ts';
import { type BikeShare, operation, startBikeShare } from '../demo/bike-share.ts';
import { generate } from '../oracle/operations.ts';
import { Random } from '../oracle/random.ts';
import { atBothDoors } from './doors.ts';

let bikeShare: BikeShare;
beforeAll(async () => {
  bikeShare = await startBikeShare();
});
afterAll(() => bikeShare[Symbol.asyncDispose]());

interface Case {
  readonly client?: string;
  readonly body: object;
  readonly accept?: string;
}

const NAMED = 'query A { __typename } query B { __typename }';

const CASES: Readonly<Record<string, Case | (() => Promise<Case>)>> = {
  'all six backends': async () => ({ body: { query: await operation('web', 'showcase') } }),
  'a view that flattens': async () => ({
    client: 'mobile',
    body: { query: await operation('mobile', 'showcase') },
  }),
  'the media type of GraphQL': {
    body: { query: '{ __typename }' },
    accept: 'application/graphql-response+json',
  },
  'any media type': { body: { query: '{ __typename }' }, accept: '*/*' },
  'an operation by name': { body: { query: NAMED, operationName: 'B' } },
  'no such operation': { body: { query: NAMED, operationName: 'C' } },
  'several operations and no name': { body: { query: NAMED } },
  'a field that is not there': { body: { query: '{ nothing }' } },
  'no GraphQL': { body: { query: '{' }, accept: 'application/graphql-response+json' },
  'variables that do not fit': {
    body: { query: 'query ($id: ID!) { station(id: $id) { id } }', variables: { id: [] } },
  },
  'an argument that no backend can be asked with': {
    body: { query: '{ station(id: "..") { id name } }' },
    accept: 'application/graphql-response+json',
  },
  'aliases that objects inherit': {
    body: { query: '{ __proto__: __typename constructor: __typename then: __typename }' },
  },
};

test.each(Object.entries(CASES))('%s', async (_name, given) => {
  const { client = 'web', body, accept } = typeof given === 'function' ? await given() : given;
  await answersAlike(client, JSON.stringify(body), accept);
});

const BODIES: Readonly<Record<string, string>> = {
  'no JSON': '{"query":',
  'no object': '"{ __typename }"',
  'a batch': '[{"query":"{ __typename }"}]',
  'no query': '{"variables":{}}',
  'a parameter that is not known': '{"query":"{ __typename }","__proto__":{}}',
  'variables that objects inherit':
    '{"query":"{ __typename }","variables":{"__proto__":{"a":1},"constructor":2}}',
  'a lone surrogate': '{"query":"{ station(id: \\"\\ud800\\") { id } }"}',
  'a document that is too deep': JSON.stringify({
    query: '{ station(id: "1") '.concat('{ docks '.repeat(30)),
  }),
  'a subscription': '{"query":"subscription { bikeMoved(id: \\"bk-1001\\") { id } }"}',
  'a mutation that a backend refuses': JSON.stringify({
    query:
      'mutation { releaseDock(stationId: "st-01", number: 1) { number } reserveDock(stationId: "none", number: 1, riderId: "r") { number } }',
  }),
  introspection:
    '{"query":"{ __schema { types { name } } __type(name: \\"Station\\") { fields { name } } }"}',
};

test.each(Object.entries(BODIES))('%s', async (_name, body) => {
  await answersAlike('web', body, 'application/graphql-response+json', /^\{"(data|errors)":|^\[|^\{"type"/);
});

test('random operations', async () => {
  const { stations, bikes, riders } = DATA;
  const pool = {
    ids: [...stations, ...bikes, ...riders].slice(0, 60).map(({ id }) => id),
    texts: ['a', '..', '\u{1F6B2}'],
  };
  const limits = { depth: 3, fields: 20, rootFields: 3 };
  for (const { client, schema } of bikeShare.gateway.gateway.generation.views) {
    for (let seed = 0; seed < 25; seed++) {
      const { document, variables } = generate(schema, 'query', { random: new Random(seed), pool, limits });
      await answersAlike(client.name, JSON.stringify({ query: document, variables }));
    }
  }
});

async function answersAlike(client: string, body: string, accept?: string, form = /^\{"(data|errors)":/) {
  const { short, broad } = await atBothDoors(bikeShare.gateway, `/${client}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(accept === undefined ? {} : { accept }) },
    body,
  });
  expect(short).toEqual(broad);
  expect(short.text).toMatch(form);
}
