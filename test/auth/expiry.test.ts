/** What lives longer than a request: sockets and streams end when their token does, and nothing goes on behind them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EventReader } from '../doors/event-reader.ts';
import { MOVED, RawSocket } from '../doors/riders.ts';
import { RIDERS_SDL, RidersBackend } from '../support/backends/graphql-riders.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { AUDIENCE, clientYml, ISSUER, newKey, type SigningKey, sign } from './issuer.ts';

const SCHEMA = `
type Query { rider(id: ID!): Rider @lookup @graphql }
type Subscription { riderMoved(id: ID!): Rider @graphql @authenticated  ticks(count: Int!): Int @graphql }
type Rider @key(fields: "id") { id: ID!  name: String @requiresScopes(scopes: [["names"]]) }
`;
const VIEW = `
type Query { rider(id: ID!): Rider }
type Subscription { riderMoved(id: ID!): Rider  ticks(count: Int!): Int }
type Rider { id: ID!  name: String }
`;

let backend: RidersBackend;
let gateway: TestGateway;
let key: SigningKey;

beforeAll(async () => {
  backend = await RidersBackend.start();
  key = await newKey('k1');
  const jwks = { keys: [key.publicJwk] };
  gateway = await startGateway({
    files: {
      'connectors/riders/connector.yml': `kind: graphql\nendpoint: ${backend.url}\nspec: riders.graphql`,
      'connectors/riders/riders.graphql': RIDERS_SDL,
      'connectors/riders/schema.graphql': SCHEMA,
      'schemas/web.graphql': VIEW,
      'clients/web/client.yml': clientYml(jwks, {
        issuer: { clockTolerance: '0s' },
      }),
      'schemas/closed.graphql': VIEW,
      'clients/closed/client.yml': clientYml(jwks, { auth: { anonymous: false } }),
      'schemas/cookies.graphql': VIEW,
      'clients/cookies/client.yml': JSON.stringify({
        cors: { origins: ['*'] },
        auth: {
          anonymous: false,
          jwt: {
            cookie: 'session',
            issuers: [{ issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'], jwks }],
          },
        },
      }),
      'schemas/nulls.graphql': VIEW,
      'clients/nulls/client.yml': clientYml(jwks, { auth: { denied: 'nullify' } }),
    },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

const token = (expiresIn = 600) => sign(key, { scope: 'names' }, { expiresIn });

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

describe('a websocket', () => {
  test.each([
    ['authorization', async () => [{ authorization: `Bearer ${await token()}` }, {}]],
    ['Authorization', async () => [{ Authorization: `Bearer ${await token()}` }, {}]],
    ['headers.authorization', async () => [{ headers: { authorization: `Bearer ${await token()}` } }, {}]],
    ['the header of its upgrade', async () => [undefined, { authorization: `Bearer ${await token()}` }]],
  ] as const)('is let in by %s', async (_name, credentials) => {
    const [params, headers] = await credentials();
    await using socket = await open(params, headers as Record<string, string>);
    await socket.until(({ type }) => type === 'connection_ack');
    socket.subscribe('a', '{ rider(id: "1") { name } }');
    expect(await socket.until(({ id }) => id === 'a')).toMatchObject({ payload: { data: {} } });
  });

  test.each([
    ['a token that is none', { authorization: 'Bearer abc' }],
    ['no text', { authorization: 1 }],
    ['a text without a token', { authorization: 'Bearer ' }],
    ['a million characters', { authorization: `Bearer ${'x'.repeat(900_000)}` }],
  ])('of %s is closed', async (_name, params) => {
    await using socket = await open(params);
    expect(await socket.closed).toEqual({ code: 4403, reason: expect.stringMatching(/^UNAUTHENTICATED: /) });
    expect(socket.received).toEqual([]);
  });

  test('what connection_init says counts, whatever opened it', async () => {
    await using socket = await open(
      { authorization: 'Bearer abc' },
      { authorization: `Bearer ${await token()}` },
    );
    expect(await socket.closed).toMatchObject({ code: 4403 });
  });

  test('is let in by a cookie, unless a page of another origin opened it: "*" lists nobody', async () => {
    const cookie = `session=${await token()}`;
    await using own = await open(undefined, { cookie }, 'cookies');
    await own.until(({ type }) => type === 'connection_ack');
    await using same = await open(undefined, { cookie, origin: gateway.url }, 'cookies');
    await same.until(({ type }) => type === 'connection_ack');
    await using foreign = await open(undefined, { cookie, origin: 'https://evil.example' }, 'cookies');
    expect(await foreign.closed).toEqual({ code: 4403, reason: expect.stringMatching(/^BAD_REQUEST: /) });
    await using bearer = await open(
      { authorization: `Bearer ${await token()}` },
      { cookie, origin: 'https://evil.example' },
      'cookies',
    );
    await bearer.until(({ type }) => type === 'connection_ack');
  });

  test('without a token is closed where the client wants one, else it is nobody’s', async () => {
    await using closed = await open(undefined, {}, 'closed');
    expect(await closed.closed).toEqual({ code: 4403, reason: expect.stringMatching(/^UNAUTHENTICATED: /) });
    await using socket = await open(undefined);
    await socket.until(({ type }) => type === 'connection_ack');
    const before = backend.requests.length;
    socket.subscribe('a', MOVED);
    expect(await socket.until(({ id }) => id === 'a')).toMatchObject({
      type: 'next',
      payload: { errors: [{ extensions: { code: 'UNAUTHENTICATED', denied: [{}, {}] } }] },
    });
    await socket.until(({ id, type }) => id === 'a' && type === 'complete');
    expect(backend.requests.length).toBe(before);
    expect(backend.subscribers).toBe(0);
  });

  test('of a token that expires ends its subscriptions with an error, then itself', async () => {
    await using socket = await open({ authorization: `Bearer ${await token(2)}` });
    await socket.until(({ type }) => type === 'connection_ack');
    socket.subscribe('a', MOVED);
    await backend.untilSubscribers(1);
    backend.move('1', 'Ann');
    expect(await socket.until(({ id }) => id === 'a')).toMatchObject({
      payload: { data: { riderMoved: { name: 'Ann' } } },
    });
    expect(await socket.closed).toEqual({ code: 4403, reason: expect.stringMatching(/^UNAUTHENTICATED: /) });
    expect(socket.received.slice(-2)).toMatchObject([
      { id: 'a', type: 'next', payload: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } },
      { id: 'a', type: 'complete' },
    ]);
    await backend.untilSubscribers(0);
  });

  test('of a token that expires is closed also when nothing runs', async () => {
    await using socket = await open({ authorization: `Bearer ${await token(1)}` });
    await socket.until(({ type }) => type === 'connection_ack');
    expect(await socket.closed).toMatchObject({ code: 4403 });
  });
});

describe('server-sent events', () => {
  const post = (query: string, authorization: string | undefined, client = 'web') =>
    gateway.fetch(`/${client}/graphql`, {
      method: 'POST',
      headers: {
        accept: 'text/event-stream',
        'content-type': 'application/json',
        ...(authorization === undefined ? {} : { authorization: `Bearer ${authorization}` }),
      },
      body: JSON.stringify({ query }),
    });

  test('of a token that expires end with an error', async () => {
    const events = EventReader.of(await post(MOVED, await token(2)));
    await backend.untilSubscribers(1);
    backend.move('1', 'Ben');
    const rest = await events.rest();
    expect(rest).toMatchObject([
      { event: 'next', data: { data: { riderMoved: { name: 'Ben' } } } },
      { event: 'next', data: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } },
      { event: 'complete' },
    ]);
    await backend.untilSubscribers(0);
  });

  test('are refused with a status and an event', async () => {
    const response = await post(MOVED, undefined);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="hem"');
    const [event] = await EventReader.of(response).rest();
    expect(event).toMatchObject({ data: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } });
    expect(backend.subscribers).toBe(0);
  });
});

describe('a client that answers null instead', () => {
  test('refuses a subscription of which nothing would be left', async () => {
    await using socket = await open(undefined, {}, 'nulls');
    await socket.until(({ type }) => type === 'connection_ack');
    socket.subscribe('a', MOVED);
    const refused = await socket.until(({ id }) => id === 'a');
    expect(refused).toMatchObject({ payload: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } });
    expect(refused.payload).not.toHaveProperty('data');
  });

  test('leaves out of every event what is denied, and does not ask the backend for it', async () => {
    await using socket = await open({ authorization: `Bearer ${await sign(key)}` }, {}, 'nulls');
    await socket.until(({ type }) => type === 'connection_ack');
    socket.subscribe('a', 'subscription { riderMoved(id: "1") { id name } }');
    await backend.untilSubscribers(1);
    backend.move('1', 'Cleo');
    expect(await socket.until(({ id }) => id === 'a')).toMatchObject({
      payload: {
        data: { riderMoved: { id: '1', name: null } },
        errors: [
          { path: ['riderMoved', 'name'], extensions: { code: 'FORBIDDEN', coordinate: 'Rider.name' } },
        ],
      },
    });
    expect(JSON.stringify(backend.requests)).not.toMatch(/riderMoved.*name/);
    socket.send({ id: 'a', type: 'complete' });
    await backend.untilSubscribers(0);
  });
});

test('a token in use is not asked for its signature again, and ends on time all the same', async () => {
  const short = await token(2);
  const ask = async () =>
    (
      await gateway.query('web', '{ rider(id: "1") { name } }', {
        headers: { authorization: `Bearer ${short}` },
      })
    ).status;
  expect(await ask()).toBe(200);
  expect(await ask()).toBe(200);
  await sleep(2100);
  expect(await ask()).toBe(401);
});
