/** Methods, media types and statuses of GraphQL over HTTP. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { ask, codesOf, post, RESPONSE_TYPE } from './ask.ts';
import { startThings, type ThingsBackend, thingsFiles } from './things.ts';

let backend: ThingsBackend;
let gateway: TestGateway;
beforeAll(async () => {
  backend = await startThings();
  gateway = await startGateway(thingsFiles(backend.url));
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

const QUERY = '{ thing(id: 1) { name } }';
const DATA = { data: { thing: { name: 'one' } } };
const PARTIAL = '{ thing(id: 1) { name } failing { id } }';

describe('the answer', () => {
  it.each([
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['application/json', 'application/json'],
    [RESPONSE_TYPE, RESPONSE_TYPE],
    [`application/json;q=0.5, ${RESPONSE_TYPE}`, RESPONSE_TYPE],
    [`${RESPONSE_TYPE};q=0, application/*`, 'application/json'],
    ['application/json;q=0, */*', RESPONSE_TYPE],
    ['*/*, application/json;q=0.1', RESPONSE_TYPE],
    ['application/*;q=0.2, */*;q=0.1', 'application/json'],
    [`*/*;q=0.9, ${RESPONSE_TYPE};q=0.9`, 'application/json'],
  ])('to Accept: %s is %s', async (accept, type) => {
    const headers: Record<string, string> = accept === undefined ? {} : { accept };
    const {
      status,
      body,
      headers: given,
    } = await ask(gateway, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query: QUERY }),
    });
    expect({ status, body }).toEqual({ status: 200, body: DATA });
    expect(given.get('content-type')).toBe(`${type}; charset=utf-8`);
    expect(given.get('cache-control')).toBe('no-store');
  });

  it('in a media type that nobody asked for is not given', async () => {
    const before = backend.asked.length;
    const answer = await post(gateway, { query: QUERY }, { accept: 'text/plain, image/*' });
    expect(answer.status).toBe(406);
    expect(codesOf(answer)).toEqual(['NOT_ACCEPTABLE']);
    expect(backend.asked.length).toBe(before);
  });
});

describe('the status', () => {
  it.each([
    [RESPONSE_TYPE, 294],
    ['application/json', 200],
    ['*/*', 200],
  ])('of partial data in %s is %i', async (accept, expected) => {
    const { status, body } = await post(gateway, { query: PARTIAL }, { accept });
    expect(status).toBe(expected);
    expect(body.data).toEqual({ thing: { name: 'one' }, failing: null });
  });

  it.each([
    ['no GraphQL', '{', {}, 'GRAPHQL_PARSE_FAILED'],
    ['not of this schema', '{ nothing }', {}, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'a variable that does not fit',
      'query ($l: Level) { echo(level: $l) }',
      { l: 'MIDDLE' },
      'BAD_VARIABLES',
    ],
    ['a variable that is missing', 'query ($i: ID!) { thing(id: $i) { id } }', {}, 'BAD_VARIABLES'],
  ])(
    'of %s is 400, and 200 for those who ask for application/json',
    async (_what, query, variables, code) => {
      for (const [accept, status] of [
        [RESPONSE_TYPE, 400],
        ['*/*', 400],
        ['application/json', 200],
      ] as const) {
        const answer = await post(gateway, { query, variables }, { accept });
        expect(answer.status).toBe(status);
        expect(answer.body).not.toHaveProperty('data');
        expect(new Set(codesOf(answer))).toEqual(new Set([code]));
      }
    },
  );

  it.each([
    ['no JSON', '{"query":'],
    ['no object', '"{ thing }"'],
    ['null', 'null'],
    ['no query', '{}'],
    ['a query that is no text', '{"query":{"a":1}}'],
    ['an empty query', '{"query":""}'],
    ['variables that are a list', '{"query":"{ __typename }","variables":[]}'],
    ['variables that are a text', '{"query":"{ __typename }","variables":"{}"}'],
    ['an operation name that is a number', '{"query":"{ __typename }","operationName":1}'],
    ['extensions that are a text', '{"query":"{ __typename }","extensions":"x"}'],
    ['an unknown parameter', '{"query":"{ __typename }","querry":"x"}'],
    ['several operations without a name', '{"query":"query A { __typename } query B { __typename }"}'],
    ['an operation that is not there', '{"query":"query A { __typename }","operationName":"B"}'],
    ['bytes that are not UTF-8', Buffer.from('7b227175657279223a22ff227d', 'hex')],
  ])('of %s is 400', async (_what, body) => {
    const answer = await ask(gateway, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: typeof body === 'string' ? body : new Uint8Array(body),
    });
    expect(answer.status).toBe(400);
    expect(codesOf(answer)).toEqual(['BAD_REQUEST']);
  });
});

describe('the body', () => {
  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'Application/JSON ; Charset="utf-8"',
    'application/json;',
    'application/json ; ; charset=utf-8;',
    'application/json; profile="a;b, c \\" d"; charset=utf-8',
    'application/graphql+json',
  ])('may be %s', async (type) => {
    expect((await post(gateway, { query: QUERY }, { 'content-type': type })).body).toEqual(DATA);
  });

  it('may be the document itself', async () => {
    expect((await post(gateway, QUERY, { 'content-type': 'application/graphql' })).body).toEqual(DATA);
  });

  it.each([
    'text/plain',
    'text/plain;application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'application/json, text/plain',
    'application/json; charset="utf-8',
    'application/json; a b',
    'application/json; charset=utf-16',
    'application/json; charset=utf-8; charset=utf-7',
    'json',
  ])('may not be %s', async (type) => {
    const before = backend.touched;
    const headers = { 'content-type': type, 'graphql-require-preflight': '1' };
    const answer = await post(gateway, { query: 'mutation { touch }' }, headers);
    expect(answer.status).toBe(415);
    expect(codesOf(answer)).toEqual(['UNSUPPORTED_MEDIA_TYPE']);
    expect(backend.touched).toBe(before);
  });

  it('may not be compressed, so that it cannot be a bomb', async () => {
    const answer = await post(gateway, { query: QUERY }, { 'content-encoding': 'gzip' });
    expect(answer.status).toBe(415);
  });

  it('needs a media type', async () => {
    const answer = await ask(gateway, { method: 'POST', body: new Uint8Array(Buffer.from('{}')) });
    expect(answer.status).toBe(415);
  });
});

describe('GET', () => {
  const search = (pairs: Record<string, string>) => `?${new URLSearchParams(pairs)}`;

  it('takes a query with variables and a name', async () => {
    const answer = await ask(gateway, {
      search: search({
        query: 'query A { __typename } query B($i: ID!) { thing(id: $i) { name } }',
        variables: '{"i":"1"}',
        operationName: 'B',
      }),
    });
    expect(answer.body).toEqual(DATA);
  });

  it.each(['application/x-www-form-urlencoded', 'text/plain', 'nonsense'])(
    'does not mind a Content-Type: %s',
    async (type) => {
      const answer = await ask(gateway, {
        search: search({ query: QUERY }),
        headers: { 'content-type': type },
      });
      expect(answer.body).toEqual(DATA);
    },
  );

  it('is not read where it is not UTF-8', async () => {
    for (const [text, status] of [
      ['%FF', 400],
      ['%EF%BF%BD', 200],
      ['%C3%BC', 200],
    ] as const) {
      const { status: given } = await ask(gateway, { search: `?query={%20__typename%20}%20%23%20${text}` });
      expect(given).toBe(status);
    }
  });

  it.each(['mutation { touch }', 'query A { __typename } mutation B { touch }'])(
    'refuses %s',
    async (query) => {
      const before = backend.touched;
      const answer = await ask(gateway, {
        search: search({ query, operationName: query.includes('B') ? 'B' : '' }),
      });
      expect(answer.status).toBe(405);
      expect(answer.headers.get('allow')).toBe('POST');
      expect(codesOf(answer)).toEqual(['METHOD_NOT_ALLOWED']);
      expect(backend.touched).toBe(before);
    },
  );

  it.each([
    ['nothing', ''],
    ['variables that are no JSON', search({ query: '{ __typename }', variables: '{' })],
    ['variables that are a list', search({ query: '{ __typename }', variables: '[1]' })],
  ])('refuses %s', async (_what, given) => {
    const answer = await ask(gateway, { search: given });
    expect(answer.status).toBe(400);
    expect(codesOf(answer)).toEqual(['BAD_REQUEST']);
  });
});

describe('the method', () => {
  it.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'PROPFIND'])('%s is not allowed', async (method) => {
    const answer = await ask(gateway, { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, POST');
  });
});

describe('the schema', () => {
  it('is read as text', async () => {
    const response = await gateway.fetch('/web/schema.graphql');
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toContain('type Thing');
    expect(text).not.toContain('@rest');
  });

  it('is not written', async () => {
    const response = await gateway.fetch('/web/schema.graphql', { method: 'POST' });
    expect(response.status).toBe(405);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
  });

  it.each(['/', '/web', '/web/', '/web/graphql/more', '/other/graphql', '/WEB/graphql', '/%77eb/graphql'])(
    'and nothing is at %s',
    async (path) => {
      const response = await gateway.fetch(path);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ title: 'NOT_FOUND', status: 404 });
    },
  );
});
