/**
 * A POST of application/json takes the short path, one of application/graphql+json the broad one. Whoever asks cannot tell: the same
 * status, the same headers, the same bytes.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BikeShare, operation, startBikeShare } from '../demo/bike-share.ts';

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
  const ask = async (contentType: string) => {
    const response = await bikeShare.gateway.fetch(`/${client}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': contentType,
        'x-request-id': 'same',
        ...(accept === undefined ? {} : { accept }),
      },
      body: JSON.stringify(body),
    });
    const {
      date: _date,
      connection: _connection,
      'keep-alive': _keepAlive,
      ...headers
    } = Object.fromEntries(response.headers);
    // Whether the length is announced or the body chunked is the transport's affair.
    const { 'content-length': _length, 'transfer-encoding': _chunked, ...rest } = headers;
    return { status: response.status, headers: rest, text: await response.text() };
  };
  const [short, broad] = [await ask('application/json'), await ask('application/graphql+json')];
  expect(short).toEqual(broad);
  expect(short.text).toMatch(/^\{"(data|errors)":/);
});
