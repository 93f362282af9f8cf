/** `@fallback(stale: …)`: what a backend last answered to the same question of the same caller, on both engines. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { clientYml, newKey, sign } from '../auth/issuer.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, type JsonRequest, Refusal, startJsonBackend } from '../support/json-backend.ts';

const SHOP = `
type Query {
  price(of: ID!): Int @rest(get: "/price/{of}") @fallback(stale: "1h") @cacheControl(maxAge: 60)
  sure(of: ID!): Int! @rest(get: "/sure/{of}") @fallback(value: -1, stale: "1h")
  soon(of: ID!): Int @rest(get: "/soon/{of}") @fallback(stale: "0s")
  mine: String @rest(get: "/mine") @fallback(stale: "1h")
  goods: [Good!] @rest(get: "/goods")
}
type Good @key(fields: "id") { id: ID!  stock: Int @rest(get: "/stock/{parent.id}") @fallback(value: 0, stale: "1h") }
`;
const VIEW = `
type Query { price(of: ID!): Int  sure(of: ID!): Int!  soon(of: ID!): Int  mine: String  goods: [Good!] }
type Good { id: ID!  stock: Int }
`;

let backend: JsonBackend;
let gateway: TestGateway;
let count = 0;
let broken: ((request: JsonRequest) => Refusal | undefined) | undefined;

beforeAll(async () => {
  backend = await startJsonBackend((request) => {
    const { path, headers } = request;
    const refused = broken?.(request);
    if (refused !== undefined) return refused;
    if (path === '/goods') return [{ id: 'a' }, { id: 'b' }];
    return path === '/mine' ? `of ${headers.authorization ?? 'nobody'}` : ++count;
  });
  const connector = { kind: 'rest', endpoint: backend.url, headers: { forward: ['authorization'] } };
  gateway = await startGateway({
    files: {
      'hem.yml': '{}',
      'connectors/shop/connector.yml': JSON.stringify(connector),
      'connectors/shop/schema.graphql': SHOP,
      'clients/compiled/client.yml': '{ cache: { responses: {} } }',
      'schemas/compiled.graphql': VIEW,
      'clients/reference/client.yml': '{ engine: reference }',
      'schemas/reference.graphql': VIEW,
    },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});
beforeEach(() => {
  broken = undefined;
});

const failing = (status: number, path = '/') => {
  broken = (request) => (request.path.startsWith(path) ? new Refusal(status) : undefined);
};

describe.each(['compiled', 'reference'])('%s', (client) => {
  const ask = async (query: string, headers: Record<string, string> = {}) => {
    const answer = await gateway.query(client, query, { headers });
    return { ...answer.body, said: answer.headers.get('cache-control') };
  };

  test('comes in place of a failure, and leaves a trace', async () => {
    const { data } = await ask('{ sure(of: 1) }');
    failing(503);
    expect(await ask('{ sure(of: 1) }')).toEqual({
      data,
      extensions: {
        fallbacks: [
          { coordinate: 'Query.sure', connector: 'shop', code: 'UPSTREAM_UNAVAILABLE', staleSeconds: 0 },
        ],
      },
      said: 'no-store',
    });
    // To another question there is no earlier answer: then the value stands in.
    expect(await ask('{ sure(of: 2) }')).toMatchObject({
      data: { sure: -1 },
      extensions: { fallbacks: [{ coordinate: 'Query.sure', code: 'UPSTREAM_UNAVAILABLE' }] },
    });
  });

  test('is nothing that a cache keeps', async () => {
    const { data } = await ask('{ first: price(of: 3) }');
    failing(500);
    for (let times = 0; times < 2; times++) {
      const { data: again, said, extensions } = await ask('{ second: price(of: 3) }');
      expect(again.second).toBe(data.first);
      expect([said, extensions?.fallbacks]).toEqual([
        'no-store',
        [expect.objectContaining({ code: 'UPSTREAM_FAILED' })],
      ]);
    }
    broken = undefined;
    expect((await ask('{ second: price(of: 3) }')).data.second).toBeGreaterThan(data.first);
  });

  test.each([401, 403, 404, 409, 422, 429])('%i is an answer, nothing comes in its place', async (status) => {
    await ask(`{ price(of: ${status}) }`);
    failing(status);
    const { errors, extensions } = await ask(`{ other: price(of: ${status}) }`);
    expect(errors).toHaveLength(1);
    expect(extensions).toBeUndefined();
  });

  test('is never that of another caller', async () => {
    expect((await ask('{ mine }', { authorization: 'Basic a' })).data.mine).toBe('of Basic a');
    failing(500);
    expect((await ask('{ mine }', { authorization: 'Basic a' })).data.mine).toBe('of Basic a');
    expect((await ask('{ mine }', { authorization: 'Basic b' })).errors).toHaveLength(1);
    expect((await ask('{ mine }')).errors).toHaveLength(1);
  });

  test('ends after its time', async () => {
    await ask('{ soon(of: 1) }');
    failing(500);
    expect((await ask('{ soon(of: 1) }')).errors).toHaveLength(1);
  });

  test('of objects in a list each has its own', async () => {
    const { data } = await ask('{ goods { id stock } }');
    failing(500, '/stock/b');
    const again = await ask('{ goods { id stock } }');
    expect(again.data.goods[0].stock).toBeGreaterThan(data.goods[0].stock);
    expect(again.data.goods[1]).toEqual(data.goods[1]);
    expect(again.extensions?.fallbacks).toHaveLength(1);
  });
});

test.each(['compiled', 'reference'])(
  '%s: a new token is the same caller, by the claims that are read',
  async (engine) => {
    await using town = await startJsonBackend((request) => broken?.(request) ?? ++count);
    const key = await newKey('k1');
    const schema = 'type Query { ours: Int @rest(get: "/ours/{claims.city}") @fallback(stale: "1h") }';
    await using gateway = await startGateway({
      files: {
        'connectors/town/connector.yml': `kind: rest\nendpoint: ${town.url}`,
        'connectors/town/schema.graphql': schema,
        'clients/web/client.yml': clientYml({ keys: [key.publicJwk] }, { client: { engine } }),
        'schemas/web.graphql': 'type Query { ours: Int }',
      },
    });
    const ask = async (claims: Record<string, unknown>) => {
      const authorization = `Bearer ${await sign(key, claims)}`;
      return (await gateway.query('web', '{ ours }', { headers: { authorization } })).body;
    };
    const { data } = await ask({ city: 'Bern', jti: '1', sub: 'ann' });
    failing(500);
    expect(await ask({ city: 'Bern', jti: '2', sub: 'ann', iat: 1 })).toMatchObject({ data });
    expect((await ask({ city: 'Basel', jti: '3', sub: 'ann' })).errors).toHaveLength(1);
  },
);
