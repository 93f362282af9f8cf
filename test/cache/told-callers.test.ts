/** Backends that are told who calls, in every way there is, with everything on that keeps or shares answers: each caller reads what is its own. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DOORS } from '../auth/doors.ts';
import { clientYml, newKey, type SigningKey, sign } from '../auth/issuer.ts';
import { KeyMaker, type MadeKey } from '../auth/key-maker.ts';
import { Random } from '../oracle/random.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';

const USERS = 20;
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** How each connector tells its backend who calls, and what that reads of it. */
const WAYS: Readonly<
  Record<string, { readonly identity: unknown; readonly read: (headers: IncomingHttpHeaders) => unknown }>
> = {
  claim: { identity: { headers: { 'x-user': '{claims.sub}' } }, read: (headers) => headers['x-user'] },
  key: {
    identity: { headers: { 'x-of': '{consumer}/{key}' } },
    read: (headers) => String(headers['x-of']).split('/')[1],
  },
  address: { identity: { headers: { 'x-from': '{address}' } }, read: (headers) => headers['x-from'] },
  signed: {
    identity: {
      token: {
        issuer: 'hem',
        audience: 'backend',
        algorithm: 'HS256',
        key: 'a secret of at least 32 characters',
        header: 'x-caller',
      },
    },
    read: (headers) => decodeJwt(String(headers['x-caller'])).sub,
  },
  exchanged: {
    identity: 'exchange',
    read: (headers) => headers.authorization?.replace('Bearer exchanged-', ''),
  },
  forwarded: { identity: 'forward', read: (headers) => decodeJwt(headers.authorization!.slice(7)).sub },
};

let fails = false;
let asked = 0;
const backend = createServer(async (request, response) => {
  const [, way, kept] = request.url!.split('/');
  let body = '';
  for await (const chunk of request) body += chunk;
  const headers = {
    'content-type': 'application/json',
    'cache-control': kept === 'kept' ? 'public, max-age=60' : 'no-store',
  };
  if (way === 'token') {
    const subject = decodeJwt(new URLSearchParams(body).get('subject_token')!).sub;
    response
      .writeHead(200, headers)
      .end(JSON.stringify({ access_token: `exchanged-${subject}`, token_type: 'Bearer', expires_in: 60 }));
    return;
  }
  asked++;
  if (fails) response.writeHead(500, headers).end('{}');
  else response.writeHead(200, headers).end(JSON.stringify(WAYS[way!]!.read(request.headers) ?? null));
});
let gateway: TestGateway;
let signing: SigningKey;
let users: ReadonlyArray<{ readonly name: string; readonly token: string; readonly key: MadeKey }>;

beforeAll(async () => {
  signing = await newKey('k1');
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const url = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`;
  const exchange = { exchange: { tokenUrl: `${url}/token`, clientId: 'hem', clientSecret: 'secret' } };
  const connectors = Object.entries(WAYS).flatMap(([way, { identity }]) => [
    [
      `connectors/${way}/connector.yml`,
      JSON.stringify({
        kind: 'rest',
        endpoint: url,
        cache: {},
        dedupe: true,
        identity: identity === 'exchange' ? exchange : identity,
      }),
    ],
    [
      `connectors/${way}/schema.graphql`,
      `type Query {
        ${way}: String @rest(get: "/${way}/kept") @cacheControl(maxAge: 60, scope: PUBLIC)
        ${way}Now: String @rest(get: "/${way}/now") @fallback(stale: "10m")
      }`,
    ],
  ]);
  gateway = await startGateway({
    files: {
      'hem.yml': 'trustedProxies: [127.0.0.1]',
      ...Object.fromEntries(connectors),
      'schemas/web.graphql': `type Query { ${Object.keys(WAYS)
        .map((way) => `${way}: String  ${way}Now: String`)
        .join('  ')} }`,
      'clients/web/client.yml': clientYml(
        { keys: [signing.publicJwk] },
        {
          auth: { keys: {} },
          client: {
            batching: { max: 5 },
            uploads: {},
            cache: { responses: { staleWhileRevalidate: '1m', staleIfError: '1m' } },
          },
        },
      ),
      'clients/plans.yml': JSON.stringify({ plans: { all: { clients: ['web'] } } }),
    },
  });
  const keys = new KeyMaker(gateway);
  users = await Promise.all(
    Array.from({ length: USERS }, async (_, index) => ({
      name: `u${index}`,
      token: await sign(signing, { sub: `u${index}` }),
      key: await keys.make('all'),
    })),
  );
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  backend.close();
});

const addressOf = (name: string) => `203.0.113.${name.slice(1)}`;

function expected(way: string, { name, key }: (typeof users)[number]): string {
  return way === 'key' ? key.id : way === 'address' ? addressOf(name) : name;
}

/** Every way alone, and two together. */
const SELECTIONS = [...Object.keys(WAYS).map((way) => [way]), ['claim', 'key'], ['address', 'signed']];

test(`each reads its own at all doors (SEED=${SEED})`, { timeout: 30_000 }, async () => {
  const random = new Random(SEED);
  const doors = Object.keys(DOORS).filter((door) => !/socket/i.test(door));
  const asks = users
    .flatMap((user) => [...SELECTIONS, ...SELECTIONS].map((ways) => ({ user, ways, order: random.next() })))
    .sort((a, b) => a.order - b.order);
  for (let at = 0; at < asks.length; at += 80) {
    await Promise.all(
      asks.slice(at, at + 80).map(async ({ user, ways }) => {
        const door = doors[random.whole(0, doors.length - 1)]!;
        const { body } = await DOORS[door]!({
          gateway: gateway.as({ 'x-forwarded-for': addressOf(user.name) }),
          client: 'web',
          query: `{ ${ways.join(' ')} }`,
          variables: undefined,
          token: user.token,
          key: user.key.text,
        });
        const own = Object.fromEntries(ways.map((way) => [way, expected(way, user)]));
        expect(body, `${ways} of ${user.name} at ${door}`).toEqual({ data: own });
      }),
    );
  }
  // Something was kept, or shared.
  expect(asked).toBeLessThan(asks.length);
});

test('what is remembered for when a backend fails is nobody else’s either', async () => {
  const query = `{ ${Object.keys(WAYS)
    .map((way) => `${way}Now`)
    .join(' ')} }`;
  const ask = async (user: (typeof users)[number]) => {
    const headers = {
      authorization: `Bearer ${user.token}`,
      'x-api-key': user.key.text,
      'x-forwarded-for': addressOf(user.name),
    };
    return (await gateway.query('web', query, { headers })).body;
  };
  const good = await Promise.all(users.slice(1).map(ask));
  expect(good.every(({ errors }) => errors === undefined)).toBe(true);
  fails = true;
  try {
    for (const user of users.slice(0, 4)) {
      const { data } = await ask(user);
      for (const way of Object.keys(WAYS)) expect([null, expected(way, user)]).toContain(data[`${way}Now`]);
    }
    // Of the first nothing was ever asked before.
    const { data } = await ask(users[0]!);
    expect(Object.values(data as object).every((value) => value === null)).toBe(true);
  } finally {
    fails = false;
  }
});
