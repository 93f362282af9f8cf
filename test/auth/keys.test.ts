/** Keys at every door: which count, what comes of a key together with a token, and what those are told that are none. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeKey } from '../../src/consumers/key-format.ts';
import { EventReader } from '../doors/event-reader.ts';
import { MOVED, RawSocket } from '../doors/riders.ts';
import { RIDERS_SDL, RidersBackend } from '../support/backends/graphql-riders.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { DOORS } from './doors.ts';
import { clientYml, newKey, type SigningKey, sign } from './issuer.ts';
import { KeyMaker, withWrongSecret } from './key-maker.ts';

const THINGS = `
type Query {
  open: String @rest(get: "/open")
  known: String @rest(get: "/known") @authenticated
  read: String @rest(get: "/read") @requiresScopes(scopes: [["read"]])
  sub: String @rest(get: "/sub?of={claims.sub}")
}`;
const RIDERS = `
type Query { rider(id: ID!): Rider @lookup @graphql }
type Subscription { riderMoved(id: ID!): Rider @graphql }
type Rider @key(fields: "id") { id: ID!  name: String }
`;
const VIEW = `
type Query { open: String  known: String  read: String  sub: String }
type Subscription { riderMoved(id: ID!): Rider }
type Rider { id: ID!  name: String }
`;
const PAGE = 'https://app.example';
const ALL = ['web', 'iot', 'strict', 'both', 'tokens', 'mine'];
const PLANS = {
  full: { clients: ALL, scopes: ['read'] },
  bare: { clients: ALL },
  web: { clients: ['web'] },
  still: { clients: ['iot'], fields: { exclude: ['Subscription.*'] } },
  nameless: { clients: ['iot'], fields: { exclude: ['Rider.name'] } },
};

let things: JsonBackend;
let riders: RidersBackend;
let gateway: TestGateway;
let signing: SigningKey;
let keys: KeyMaker;
const heads: Array<Record<string, unknown>> = [];

beforeAll(async () => {
  signing = await newKey('k1');
  riders = await RidersBackend.start();
  things = await startJsonBackend(({ path, query, headers }) => {
    heads.push(headers);
    return query.has('of') ? query.get('of') : path;
  });
  const jwks = { keys: [signing.publicJwk] };
  const client = (name: string, yml: string, view = VIEW) => ({
    [`clients/${name}/client.yml`]: yml,
    [`schemas/${name}.graphql`]: view,
  });
  /** Claims are of tokens. */
  const forKeys = VIEW.replace('  sub: String', '');
  const doors = { batching: { max: 5 }, uploads: {}, cors: { origins: [PAGE] } };
  const some = clientYml(jwks, { auth: { keys: { publishable: true } }, client: doors });
  const jwt = JSON.parse(some).auth.jwt;
  gateway = await startGateway({
    files: {
      'connectors/things/connector.yml': `kind: rest\nendpoint: ${things.url}\nheaders: { forward: [authorization, x-trace, x-own-key] }`,
      'connectors/things/schema.graphql': THINGS,
      'connectors/riders/connector.yml': `kind: graphql\nendpoint: ${riders.url}\nspec: riders.graphql`,
      'connectors/riders/riders.graphql': RIDERS_SDL,
      'connectors/riders/schema.graphql': RIDERS,
      ...client('web', some),
      ...client('iot', JSON.stringify({ ...doors, auth: { keys: { required: true } } }), forKeys),
      ...client('strict', JSON.stringify({ ...doors, auth: { anonymous: false, keys: {}, jwt } })),
      ...client(
        'both',
        JSON.stringify({ ...doors, auth: { keys: { required: true }, jwt: { ...jwt, required: true } } }),
      ),
      ...client('tokens', JSON.stringify({ ...doors, auth: { keys: {}, jwt: { ...jwt, required: true } } })),
      ...client('plain', clientYml(jwks, { client: doors })),
      ...client('mine', JSON.stringify({ ...doors, auth: { keys: { header: 'X-Own-Key' } } }), forKeys),
      'clients/plans.yml': JSON.stringify({ plans: PLANS }),
    },
  });
  keys = new KeyMaker(gateway);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await Promise.all([things[Symbol.asyncDispose](), riders[Symbol.asyncDispose]()]);
});
beforeEach(() => {
  things.requests.length = 0;
  heads.length = 0;
});

const ask = async (
  query: string,
  headers: Record<string, string>,
  { client = 'web', search = '' }: { readonly client?: string; readonly search?: string } = {},
) => {
  const response = await gateway.fetch(`/${client}/graphql${search}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  const body = (await response.json()) as any;
  return {
    status: response.status,
    data: body.data,
    code: body.errors?.[0].extensions.code as string | undefined,
    message: body.errors?.[0].message as string | undefined,
    challenge: response.headers.get('www-authenticate'),
  };
};

describe('a key that is none', () => {
  const KINDS: Readonly<Record<string, { readonly make: () => Promise<string>; readonly text: RegExp }>> = {
    'one letter': { make: async () => 'x', text: /no key/ },
    'nothing but the beginning': { make: async () => 'hem_', text: /no key/ },
    'cut off': { make: async () => (await keys.make('full')).text.slice(0, -5), text: /no key/ },
    'very long': { make: async () => `hem_test_${'a'.repeat(7000)}`, text: /no key/ },
    'a prototype name': { make: async () => '__proto__', text: /no key/ },
    'of a stranger': { make: async () => makeKey('live').text, text: /no such key/ },
    'a consumer’s token for its portal': { make: async () => makeKey('portal').text, text: /no such key/ },
    'with another secret': {
      make: async () => withWrongSecret(await keys.make('full')),
      text: /no such key/,
    },
    'with another secret, revoked': {
      make: async () => {
        const key = await keys.make('full');
        await keys.revoke(key);
        return withWrongSecret(key);
      },
      text: /no such key/,
    },
    revoked: {
      make: async () => {
        const key = await keys.make('full');
        await keys.revoke(key);
        return key.text;
      },
      text: /was revoked/,
    },
    expired: {
      make: async () => (await keys.makeExpired('full')).text,
      text: /has expired/,
    },
    'for another client': {
      make: async () => (await keys.make('full', { clients: ['iot'] })).text,
      text: /not for this client/,
    },
    'of a page, from nowhere': {
      make: async () => (await keys.make('full', { origins: ['https://else.example'] })).text,
      text: /Origin/,
    },
  };

  describe.each(Object.keys(DOORS))('by %s', (door) => {
    test.each(Object.entries(KINDS))('%s', async (_name, { make, text }) => {
      const key = await make();
      const { status, body, challenge } = await DOORS[door]!({
        gateway,
        client: 'web',
        query: '{ open }',
        variables: undefined,
        token: undefined,
        key,
      });
      expect(body.data).toBeUndefined();
      expect(body.errors![0]!.extensions.code).toBe('UNAUTHENTICATED');
      expect(things.requests).toEqual([]);
      if (key.length > 20) expect(JSON.stringify(body)).not.toContain(key.slice(-20));
      if (door === 'websocket') {
        expect(status).toBe(4403);
        return;
      }
      expect(status).toBe(401);
      expect(body.errors![0]!.message).toMatch(text);
      expect(challenge).toMatch(
        /^Bearer realm="hem", ApiKey header="x-api-key", realm="hem", error="invalid_key", error_description=/,
      );
    });
  });

  test.each(Object.entries(KINDS))('%s, beside a good token', async (_name, { make, text }) => {
    const authorization = `Bearer ${await sign(signing, { scope: 'read' })}`;
    const { status, message } = await ask('{ read }', { authorization, 'x-api-key': await make() });
    expect({ status, message }).toEqual({ status: 401, message: expect.stringMatching(text) });
  });

  test('is none at schema.graphql', async () => {
    const headers = { 'x-api-key': 'hem_test_no' };
    const response = await gateway.fetch('/web/schema.graphql', { headers });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toMatch(/invalid_key/);
  });

  test('says nothing that would tell a wrong secret from a wrong name', async () => {
    const known = await ask('{ open }', { 'x-api-key': withWrongSecret(await keys.make('full')) });
    const unknown = await ask('{ open }', { 'x-api-key': makeKey('test').text });
    expect(known).toEqual(unknown);
  });
});

describe('where a key may be', () => {
  test.each([
    ['the header', (text: string) => ({ 'x-api-key': text })],
    ['Authorization', (text: string) => ({ authorization: `Bearer ${text}` })],
    ['Authorization, in small letters', (text: string) => ({ authorization: `bearer ${text}` })],
    ['both', (text: string) => ({ 'x-api-key': text, authorization: `Bearer ${text}` })],
  ])('%s', async (_name, headers) => {
    const { text } = await keys.make('full');
    expect(await ask('{ known read }', headers(text))).toMatchObject({ status: 200 });
  });

  test('two different ones are none', async () => {
    const [one, other] = [await keys.make('full'), await keys.make('full')];
    const refused = await ask('{ open }', { 'x-api-key': one.text, authorization: `Bearer ${other.text}` });
    expect(refused).toMatchObject({ status: 401, message: 'Two different keys came along: send one.' });
    const twice = await ask('{ open }', { 'x-api-key': `${one.text}, ${one.text}` });
    expect(twice).toMatchObject({ status: 401, message: expect.stringMatching(/no key/) });
  });

  test('a header without any text is none at all', async () => {
    expect(await ask('{ open }', { 'x-api-key': '' })).toMatchObject({ status: 200 });
    const { text } = await keys.make('full');
    expect(await ask('{ known }', { 'x-api-key': '', authorization: `Bearer ${text}` })).toMatchObject({
      status: 200,
    });
    const missing = await ask('{ open }', {}, { client: 'strict' });
    expect(await ask('{ open }', { 'x-api-key': '' }, { client: 'strict' })).toEqual(missing);
    expect(missing.status).toBe(401);
  });

  test('not the address, nor a cookie', async () => {
    const { text } = await keys.make('full');
    const search = `?key=${text}&x-api-key=${text}&api_key=${text}`;
    expect(await ask('{ known }', { cookie: `x-api-key=${text}` }, { search })).toMatchObject({
      status: 401,
    });
  });

  test('a header that client.yml names, and then no other', async () => {
    const { text } = await keys.make('full');
    expect(await ask('{ known }', { 'x-own-key': text }, { client: 'mine' })).toMatchObject({ status: 200 });
    expect(await ask('{ known }', { 'x-api-key': text }, { client: 'mine' })).toMatchObject({ status: 401 });
  });

  test('nowhere where client.yml knows no keys: the header is not looked at, and a bearer is a token', async () => {
    const { text } = await keys.make('full');
    expect(await ask('{ open }', { 'x-api-key': 'hem_no' }, { client: 'plain' })).toMatchObject({
      status: 200,
    });
    expect(await ask('{ known }', { 'x-api-key': text }, { client: 'plain' })).toMatchObject({ status: 401 });
    const bearer = await ask('{ open }', { authorization: `Bearer ${text}` }, { client: 'plain' });
    expect(bearer).toMatchObject({ status: 401, challenge: expect.stringMatching(/invalid_token/) });
  });

  test.each<readonly [string, (text: string) => unknown, Record<string, string>]>([
    ['its name', (text) => ({ 'x-api-key': text }), {}],
    ['its name in capitals', (text) => ({ 'X-API-Key': text }), {}],
    ['headers', (text) => ({ headers: { 'x-api-key': text } }), {}],
    ['authorization', (text) => ({ authorization: `Bearer ${text}` }), {}],
    ['both', (text) => ({ 'x-api-key': text, headers: { authorization: `Bearer ${text}` } }), {}],
  ])('connection_init: %s', async (_name, params, headers) => {
    const { text } = await keys.make('full');
    await using socket = await open(params(text), headers, 'iot');
    await socket.until(({ type }) => type === 'connection_ack');
    socket.subscribe('a', '{ known read }');
    expect(await socket.until(({ id }) => id === 'a')).toMatchObject({
      payload: { data: { known: '/known' } },
    });
  });

  test('the headers of a websocket’s upgrade', async () => {
    const { text } = await keys.make('full');
    await using socket = await open(undefined, { 'x-api-key': text }, 'iot');
    await socket.until(({ type }) => type === 'connection_ack');
    const other = await keys.make('full');
    await using two = await open({ 'x-api-key': other.text }, { 'x-api-key': text }, 'iot');
    expect(await two.closed).toEqual({ code: 4403, reason: expect.stringMatching(/^UNAUTHENTICATED: /) });
    await using odd = await open({ 'x-api-key': 5 }, {}, 'iot');
    expect(await odd.closed).toEqual({ code: 4403, reason: expect.stringMatching(/^UNAUTHENTICATED: /) });
  });
});

describe('what a key is enough for', () => {
  const bearer = async (scope = '') => ({ authorization: `Bearer ${await sign(signing, { scope })}` });

  test('a secret one is known, with the scopes of its plan', async () => {
    const [full, bare] = [await keys.make('full'), await keys.make('bare')];
    expect(await ask('{ known read }', { 'x-api-key': full.text })).toMatchObject({ status: 200 });
    expect(await ask('{ known }', { 'x-api-key': bare.text })).toMatchObject({ status: 200 });
    expect(await ask('{ read }', { 'x-api-key': bare.text })).toMatchObject({
      status: 403,
      code: 'FORBIDDEN',
    });
    // A claim that is not there is no filter less: nobody's data is everybody's.
    expect(await ask('{ sub }', { 'x-api-key': full.text })).toMatchObject({
      status: 200,
      data: { sub: null },
      code: 'UNAUTHENTICATED',
      message: expect.stringContaining('the claim "sub"'),
    });
  });

  test('with a token it is the user, with the user’s scopes and no others', async () => {
    const [full, bare] = [await keys.make('full'), await keys.make('bare')];
    expect(await ask('{ sub }', { 'x-api-key': full.text, ...(await bearer()) })).toMatchObject({
      data: { sub: 'u1' },
    });
    expect(await ask('{ read }', { 'x-api-key': full.text, ...(await bearer()) })).toMatchObject({
      status: 403,
    });
    expect(await ask('{ read }', { 'x-api-key': bare.text, ...(await bearer('read')) })).toMatchObject({
      status: 200,
    });
  });

  test('a wrong token beside a good key is refused', async () => {
    const { text } = await keys.make('full');
    const { status, challenge } = await ask('{ open }', { 'x-api-key': text, authorization: 'Bearer abc' });
    expect(status).toBe(401);
    expect(challenge).toMatch(
      /^Bearer realm="hem", error="invalid_token".*, ApiKey header="x-api-key", realm="hem"$/,
    );
  });

  test.each([
    // client, nothing, key, token, both
    ['web', 200, 200, 200, 200],
    ['iot', 401, 200, 401, 200],
    ['strict', 401, 200, 200, 200],
    ['both', 401, 401, 401, 200],
    ['tokens', 401, 401, 200, 200],
    ['plain', 200, 200, 200, 200],
  ] as const)('%s: nothing %i, a key %i, a token %i, both %i', async (client, ...expected) => {
    const key = { 'x-api-key': (await keys.make('full')).text };
    const token = await bearer();
    const statuses = [];
    for (const headers of [{}, key, token, { ...key, ...token }])
      statuses.push((await ask('{ open }', headers as Record<string, string>, { client })).status);
    expect(statuses).toEqual(expected);
  });

  test('who lacks it is told what to send', async () => {
    const [iot, both, strict] = await Promise.all(
      ['iot', 'both', 'strict'].map((client) => ask('{ open }', {}, { client })),
    );
    expect(iot!.message).toBe('This client needs credentials: send a key as "x-api-key: …".');
    expect(both!.message).toMatch(/a token as "Authorization: Bearer …", and a key as "x-api-key: …"/);
    expect(strict!.message).toMatch(/a token as "Authorization: Bearer …", or a key as "x-api-key: …"/);
    const keyAlone = await ask(
      '{ open }',
      { 'x-api-key': (await keys.make('full')).text },
      { client: 'both' },
    );
    expect(keyAlone.message).toBe('This client needs a token as "Authorization: Bearer …", too.');
    const tokenAlone = await ask('{ open }', await bearer(), { client: 'both' });
    expect(tokenAlone.message).toBe('This client needs a key as "x-api-key: …", too.');
    expect(iot!.challenge).toBe('Bearer realm="hem", ApiKey header="x-api-key", realm="hem"');
  });

  test('a plan that does not grant the client is refused, and says which it grants', async () => {
    const { text } = await keys.make('web');
    expect(await ask('{ open }', { 'x-api-key': text }, { client: 'web' })).toMatchObject({ status: 200 });
    const refused = await ask('{ open }', { 'x-api-key': text }, { client: 'iot' });
    expect(refused).toMatchObject({
      status: 403,
      code: 'FORBIDDEN',
      message: 'The plan "web" of this key does not grant the client "iot". It grants web.',
      challenge: null,
    });
    const headers = { 'x-api-key': text };
    expect((await gateway.fetch('/iot/schema.graphql', { headers })).status).toBe(403);
    await using socket = await open(headers, {}, 'iot');
    expect(await socket.closed).toEqual({ code: 4403, reason: expect.stringMatching(/^FORBIDDEN: /) });
  });
});

describe('a key that stands in web pages', () => {
  const publishable = () => keys.make('full', { origins: [PAGE] });

  test('counts from its origins only', async () => {
    const { text } = await publishable();
    const from = (origin: string | undefined) =>
      ask('{ open }', { 'x-api-key': text, ...(origin === undefined ? {} : { origin }) });
    expect(await from(PAGE)).toMatchObject({ status: 200 });
    for (const origin of [
      undefined,
      'https://evil.example',
      'https://app.example.evil',
      'http://app.example',
      'null',
      '',
    ])
      expect(await from(origin)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
  });

  test('is nobody who is known, but a user may come along', async () => {
    const { text } = await publishable();
    const headers = { 'x-api-key': text, origin: PAGE };
    expect(await ask('{ known }', headers)).toMatchObject({ status: 401 });
    expect(await ask('{ read }', headers)).toMatchObject({ status: 401 });
    const authorization = `Bearer ${await sign(signing, { scope: 'read' })}`;
    expect(await ask('{ known read }', { ...headers, authorization })).toMatchObject({ status: 200 });
  });

  test('is none where the client takes none', async () => {
    const { text } = await publishable();
    const refused = await ask('{ open }', { 'x-api-key': text, origin: PAGE }, { client: 'iot' });
    expect(refused).toMatchObject({
      status: 401,
      message: expect.stringMatching(/no keys that stand in web pages/),
    });
  });

  test('opens a websocket from its page', async () => {
    const { text } = await publishable();
    await using page = await open({ 'x-api-key': text }, { origin: PAGE });
    await page.until(({ type }) => type === 'connection_ack');
    page.subscribe('a', '{ known }');
    expect(await page.until(({ id }) => id === 'a')).toMatchObject({
      payload: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] },
    });
    await using program = await open({ 'x-api-key': text });
    expect(await program.closed).toEqual({ code: 4403, reason: expect.stringMatching(/^UNAUTHENTICATED: /) });
  });

  test('may be asked for in a preflight', async () => {
    const response = await gateway.fetch('/web/graphql', {
      method: 'OPTIONS',
      headers: { origin: PAGE, 'access-control-request-headers': 'x-api-key, content-type' },
    });
    expect(response.headers.get('access-control-allow-headers')).toContain('x-api-key');
  });
});

describe('a key that ends', () => {
  const sse = (text: string) =>
    gateway.fetch('/iot/graphql', {
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json', 'x-api-key': text },
      body: JSON.stringify({ query: MOVED }),
    });

  test('ends the subscriptions of its websocket with an error, then the socket', async () => {
    const key = await keys.make('full');
    await using socket = await open({ 'x-api-key': key.text }, {}, 'iot');
    await socket.until(({ type }) => type === 'connection_ack');
    socket.subscribe('a', MOVED);
    await riders.untilSubscribers(1);
    riders.move('1', 'Ann');
    await socket.until(({ id }) => id === 'a');
    await keys.revoke(key);
    expect(await socket.closed).toEqual({ code: 4403, reason: expect.stringMatching(/^UNAUTHENTICATED: /) });
    expect(socket.received.slice(-2)).toMatchObject([
      {
        id: 'a',
        type: 'next',
        payload: {
          errors: [
            { message: expect.stringMatching(/key was revoked/), extensions: { code: 'UNAUTHENTICATED' } },
          ],
        },
      },
      { id: 'a', type: 'complete' },
    ]);
    await riders.untilSubscribers(0);
  });

  test('ends server-sent events', async () => {
    const key = await keys.make('full');
    const events = EventReader.of(await sse(key.text));
    await riders.untilSubscribers(1);
    await keys.revoke(key);
    expect(await events.rest()).toMatchObject([
      { event: 'next', data: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } },
      { event: 'complete' },
    ]);
    await riders.untilSubscribers(0);
  });

  test('ends by the clock, too', async () => {
    const expiresAt = Date.now() + 1500;
    const key = await keys.make('full', { expiresAt });
    const events = EventReader.of(await sse(key.text));
    const rest = await events.rest();
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
    expect(rest).toMatchObject([
      { event: 'next', data: { errors: [{ message: expect.stringMatching(/The key/) }] } },
      { event: 'complete' },
    ]);
  });
});

describe('a subscription that the plan does not grant', () => {
  test.each(['still', 'nameless'])('%s: is refused, and nothing is opened', async (plan) => {
    const { text } = await keys.make(plan);
    const refused = await gateway.fetch('/iot/graphql', {
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json', 'x-api-key': text },
      body: JSON.stringify({ query: MOVED }),
    });
    expect(refused.status).toBe(403);
    const error = { extensions: { code: 'FORBIDDEN', denied: [{ plan }] } };
    expect(await EventReader.of(refused).rest()).toMatchObject([{ data: { errors: [error] } }, {}]);
    await using socket = await open({ 'x-api-key': text }, {}, 'iot');
    await socket.until(({ type }) => type === 'connection_ack');
    socket.subscribe('a', MOVED);
    expect(await socket.until(({ id }) => id === 'a')).toMatchObject({
      payload: { errors: [{ extensions: { code: 'FORBIDDEN' } }] },
    });
    expect(riders.subscribers).toBe(0);
  });
});

describe('towards backends', () => {
  test('no key goes where Authorization is forwarded; a token does, and a header that is listed', async () => {
    const { text } = await keys.make('full');
    await ask('{ known }', { authorization: `Bearer ${text}`, 'x-trace': 't' });
    await ask('{ known }', { 'x-api-key': text });
    const authorization = `Bearer ${await sign(signing)}`;
    await ask('{ known }', { 'x-api-key': text, authorization });
    await ask('{ known }', { 'x-own-key': text }, { client: 'mine' });
    // No bearer to anybody who reads it by the letter, and a key all the same.
    await ask('{ open }', { authorization: `Bearer\t${text}` });
    await ask('{ open }', { authorization: `ApiKey ${text}` });
    await ask('{ open }', { authorization: text });
    const seen = heads.map((headers) => ({
      authorization: headers.authorization,
      trace: headers['x-trace'],
      key: headers['x-api-key'],
      own: headers['x-own-key'],
    }));
    expect(seen).toEqual([
      { trace: 't' },
      {},
      { authorization },
      // Listed in connector.yml.
      { own: text },
      {},
      {},
      {},
    ]);
  });

  test('nor from connection_init, whatever opened the socket', async () => {
    const { text } = await keys.make('full');
    const authorization = `Bearer ${await sign(signing)}`;
    await using socket = await open({ authorization: `Bearer ${text}` }, { authorization });
    await socket.until(({ type }) => type === 'connection_ack');
    socket.subscribe('a', '{ known }');
    await socket.until(({ id }) => id === 'a');
    expect(heads.map((headers) => headers.authorization)).toEqual([undefined]);
  });
});

test('two thousand random texts are refused, and none is an error of the gateway', {
  timeout: 30_000,
}, async () => {
  const seed = Number(process.env.HEM_TEST_SEED ?? Date.now() % 1e9);
  console.log(`seed ${seed}`);
  let state = seed;
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state % below;
  };
  const letters = 'hem_livetstABC019._-~+/=:;"\'{}[]()<>?!@#$%^&*\\|`';
  const text = () =>
    (random(2) ? 'hem_test_' : '') +
    Array.from({ length: 1 + random(60) }, () => letters[random(letters.length)]).join('');
  const statuses = new Set<number>();
  for (let round = 0; round < 100; round++) {
    const batch = await Promise.all(
      Array.from({ length: 20 }, () => {
        const key = text();
        return ask('{ open }', random(2) ? { 'x-api-key': key } : { authorization: `Bearer hem_${key}` });
      }),
    );
    for (const { status } of batch) statuses.add(status);
  }
  expect([...statuses]).toEqual([401]);
  expect(things.requests).toEqual([]);
});

/** @param params of connection_init */
async function open(
  params: unknown,
  headers: Record<string, string> = {},
  client = 'web',
): Promise<RawSocket> {
  const socket = new RawSocket(gateway, undefined, { headers, client });
  await socket.opened();
  socket.send({ type: 'connection_init', ...(params === undefined ? {} : { payload: params }) });
  return socket;
}
