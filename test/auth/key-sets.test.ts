/** Key sets over HTTP: rotation, withdrawal, an address that does not answer well, and what a flood of tokens does to it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { clientYml, KeyServer, newKey, type SigningKey, sign } from './issuer.ts';

let backend: JsonBackend;
let first: SigningKey;
let second: SigningKey;

beforeAll(async () => {
  backend = await startJsonBackend(({ path }) => path);
  [first, second] = await Promise.all([newKey('first'), newKey('second')]);
});
afterAll(() => backend[Symbol.asyncDispose]());

async function start(keys: KeyServer, jwks: object): Promise<TestGateway> {
  const yml = clientYml({ url: keys.url, ...jwks });
  return startGateway({
    files: {
      'connectors/things/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
      'connectors/things/schema.graphql':
        'type Query { me: String @rest(get: "/{claims.sub}") @authenticated }',
      'clients/web/client.yml': yml,
      'schemas/web.graphql': 'type Query { me: String }',
      'clients/app/client.yml': yml,
      'schemas/app.graphql': 'type Query { me: String }',
    },
  });
}

async function statusOf(gateway: TestGateway, token: string, client = 'web'): Promise<number> {
  const { status } = await gateway.query(client, '{ me }', { headers: { authorization: `Bearer ${token}` } });
  return status;
}

/** A token that was not seen before. */
let count = 0;
const fresh = (key: SigningKey) => sign(key, { jti: String(count++) });

describe('keys', () => {
  test('are fetched once for all who wait for them, of both clients', async () => {
    await using keys = await KeyServer.start([first]);
    keys.delayMs = 100;
    await using gateway = await start(keys, {});
    const tokens = await Promise.all(Array.from({ length: 20 }, () => fresh(first)));
    const statuses = await Promise.all(
      tokens.map((token, index) => statusOf(gateway, token, index % 2 === 0 ? 'web' : 'app')),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(keys.fetches).toBe(1);
  });

  test('that are new are found, and later the old ones are gone', async () => {
    await using keys = await KeyServer.start([first]);
    await using gateway = await start(keys, { coolDown: '50ms', maxAge: '100ms' });
    expect(await statusOf(gateway, await fresh(first))).toBe(200);
    keys.publish(first, second);
    await sleep(60);
    expect(await statusOf(gateway, await fresh(second))).toBe(200);
    expect(await statusOf(gateway, await fresh(first))).toBe(200);
    keys.publish(second);
    await sleep(160);
    // Notices that the keys are old, and lets them be fetched in the background.
    await statusOf(gateway, await fresh(second));
    await sleep(60);
    expect(await statusOf(gateway, await fresh(first))).toBe(401);
    expect(await statusOf(gateway, await fresh(second))).toBe(200);
  });

  test('of a name that is used again for another key are not mixed up', async () => {
    await using keys = await KeyServer.start([first]);
    await using gateway = await start(keys, { coolDown: '1m' });
    const impostor = { ...second, kid: first.kid };
    expect(await statusOf(gateway, await fresh(first))).toBe(200);
    expect(await statusOf(gateway, await fresh(impostor))).toBe(401);
    expect(keys.fetches).toBe(1);
  });

  test('that were fetched stay while the address does not answer', async () => {
    await using keys = await KeyServer.start([first]);
    await using gateway = await start(keys, { coolDown: '20ms', maxAge: '20ms' });
    expect(await statusOf(gateway, await fresh(first))).toBe(200);
    for (const broken of [
      { status: 500, body: '{}' },
      { status: 200, body: 'no json' },
      { status: 200, body: '{"keys":{}}' },
      { status: 200, body: `{"keys":[{"kty":"EC","x":"${'x'.repeat(300_000)}"}]}` },
    ]) {
      keys.broken = broken;
      const before = keys.fetches;
      await sleep(30);
      expect(await statusOf(gateway, await fresh(first))).toBe(200);
      await sleep(30);
      expect(keys.fetches).toBeGreaterThan(before);
      expect(await statusOf(gateway, await fresh(first))).toBe(200);
      expect(await statusOf(gateway, await fresh(second))).toBe(401);
    }
  });

  test.each([
    ['an empty set', 0],
    ['a set of what are no keys', 1],
    ['a set of others', 200],
  ])('that are withdrawn by %s are gone', async (_what, others) => {
    await using keys = await KeyServer.start([first]);
    await using gateway = await start(keys, { coolDown: '20ms', maxAge: '20ms' });
    expect(await statusOf(gateway, await fresh(first))).toBe(200);
    keys.broken = {
      status: 200,
      body: JSON.stringify({
        keys: Array.from({ length: others }, (_, index) =>
          others === 1 ? { use: 'sig' } : { ...second.publicJwk, kid: `other ${index}` },
        ),
      }),
    };
    await sleep(30);
    await statusOf(gateway, await fresh(first));
    await sleep(60);
    expect(await statusOf(gateway, await fresh(first))).toBe(401);
  });

  test('that are withdrawn while nobody comes let nobody in who comes then', async () => {
    await using keys = await KeyServer.start([first]);
    await using gateway = await start(keys, { coolDown: '20ms', maxAge: '20ms' });
    expect(await statusOf(gateway, await fresh(first))).toBe(200);
    keys.publish(second);
    await sleep(100);
    expect(await statusOf(gateway, await fresh(first))).toBe(401);
    expect(keys.fetches).toBe(2);
  });

  test('of other kinds in the set disturb nobody', async () => {
    await using keys = await KeyServer.start([first]);
    keys.keys = [
      { use: 'sig' } as never,
      { kty: 'oct', k: 'c2VjcmV0', kid: 'secret' },
      { kty: 'EC', crv: 'P-256', x: 'a', y: 'b', kid: 'broken' },
      { kty: 'unheard-of' },
      ...keys.keys,
    ];
    await using gateway = await start(keys, {});
    expect(await statusOf(gateway, await fresh(first))).toBe(200);
    expect(await statusOf(gateway, await fresh({ ...first, kid: 'broken' }))).toBe(401);
    expect(await statusOf(gateway, await fresh({ ...first, kid: 'secret' }))).toBe(401);
  });
});

describe('without any key', () => {
  test('nobody can be known, which is not the caller’s fault: 503', async () => {
    await using keys = await KeyServer.start([first]);
    keys.broken = { status: 503, body: '' };
    await using gateway = await start(keys, { coolDown: '50ms' });
    const answer = await gateway.query('web', '{ me }', {
      headers: { authorization: `Bearer ${await fresh(first)}` },
    });
    expect(answer.status).toBe(503);
    expect(answer.body.errors).toMatchObject([{ extensions: { code: 'AUTH_UNAVAILABLE' } }]);
    keys.broken = undefined;
    await sleep(60);
    expect(await statusOf(gateway, await fresh(first))).toBe(200);
  });

  test('a slow address is not waited for longer than client.yml says', async () => {
    await using keys = await KeyServer.start([first]);
    keys.delayMs = 5000;
    await using gateway = await start(keys, { timeout: '100ms' });
    const began = performance.now();
    expect(await statusOf(gateway, await fresh(first))).toBe(503);
    expect(performance.now() - began).toBeLessThan(3000);
  });

  test('a flood asks for them once per cool-down', async () => {
    await using keys = await KeyServer.start([first]);
    keys.broken = { status: 500, body: '' };
    await using gateway = await start(keys, { coolDown: '1m' });
    for (let round = 0; round < 3; round++) {
      const tokens = await Promise.all(
        Array.from({ length: 30 }, () => fresh({ ...first, kid: `x${count}` })),
      );
      await Promise.all(tokens.map((token) => statusOf(gateway, token)));
    }
    expect(keys.fetches).toBe(1);
  });
});

test('a flood of unknown keys asks once per cool-down, and good tokens go on meanwhile', async () => {
  await using keys = await KeyServer.start([first]);
  await using gateway = await start(keys, { coolDown: '200ms' });
  const began = performance.now();
  let floods = 0;
  while (performance.now() - began < 1000) {
    const unknown = await Promise.all(
      Array.from({ length: 20 }, () => fresh({ ...first, kid: `x${count}` })),
    );
    const statuses = await Promise.all(unknown.map((token) => statusOf(gateway, token)));
    expect(new Set(statuses)).toEqual(new Set([401]));
    expect(await statusOf(gateway, await fresh(first))).toBe(200);
    floods++;
  }
  const elapsed = performance.now() - began;
  expect(floods).toBeGreaterThan(1);
  expect(keys.fetches).toBeLessThanOrEqual(1 + Math.ceil(elapsed / 200));
});
