/** What is out of date is not given any more: by an operator, by mutations, and in the other processes that share a store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, Refusal, startJsonBackend } from '../support/json-backend.ts';
import { freePort } from '../support/services/daemon.ts';
import { redis as redisServer } from '../support/services/redis.ts';
import { type City, eventually, startCity } from './city.ts';

const ONE = '{ station(id: 1) { number name } }';
const TWO = '{ station(id: 2) { number name } }';
const ALL = '{ stations { number name } }';
/** Without their keys. */
const NAMES = '{ stations { name } }';
const MISSING = '{ station(id: 9) { number name } }';
const OTHER = '{ weather { sky } }';
const QUERIES = { ONE, TWO, ALL, NAMES, MISSING, OTHER };

/** Names of the queries that were not answered from what was kept. */
async function madeAnew(city: City): Promise<readonly string[]> {
  const made = [];
  for (const [name, query] of Object.entries(QUERIES)) {
    const { headers } = await city.ask(query);
    if (!headers.get('cache-status')?.startsWith('hem; hit')) made.push(name);
  }
  return made;
}

async function invalidate(
  city: City,
  body: unknown,
  { token = city.gateway.gateway.adminToken, type = 'application/json' } = {},
): Promise<number> {
  const response = await fetch(`${city.gateway.adminUrl}/api/cache/invalidate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return response.status;
}

test('an operator says it by type, or by type and key', async () => {
  await using city = await startCity();
  await madeAnew(city);
  expect(await madeAnew(city)).toEqual([]);
  expect(await invalidate(city, { type: 'Station', key: '1' })).toBe(204);
  // What has no key to read may hold it, and what was not there may be there now.
  expect(await madeAnew(city)).toEqual(['ONE', 'ALL', 'NAMES', 'MISSING']);
  expect(await madeAnew(city)).toEqual([]);
  expect(await invalidate(city, [{ type: 'Station', key: 2 }])).toBe(204);
  expect(await madeAnew(city)).toEqual(['TWO', 'ALL', 'NAMES', 'MISSING']);
  expect(await invalidate(city, { type: 'Station', key: { id: '2' } })).toBe(204);
  expect(await madeAnew(city)).toEqual(['TWO', 'ALL', 'NAMES', 'MISSING']);
  expect(await invalidate(city, { type: 'Station' })).toBe(204);
  expect(await madeAnew(city)).toEqual(['ONE', 'TWO', 'ALL', 'NAMES', 'MISSING']);
  expect(await invalidate(city, { type: 'Weather' })).toBe(204);
  expect(await madeAnew(city)).toEqual(['OTHER']);
});

test.each([
  ['{"type":', 400],
  ['{}', 400],
  ['{"type":"a b"}', 400],
  ['{"type":"Station","keys":"1"}', 400],
  ['{"type":"Station","key":["1"]}', 400],
  ['"Station"', 400],
  ['{"type":"constructor"}', 400],
  ['{"type":"Query"}', 400],
  ['{"type":"Place"}', 400],
  ['[{"type":"Station"},{"type":"Statoin"}]', 400],
  ['{"type":"Weather","key":"1"}', 400],
  ['{"type":"Station","key":{"name":"x"}}', 400],
  [JSON.stringify({ type: 'Station', key: 'x'.repeat(1001) }), 400],
] as const)('%s is refused', async (body, status) => {
  await using city = await startCity();
  expect(await invalidate(city, body)).toBe(status);
});

test('whoever has no token cannot, and nobody by GET', async () => {
  await using city = await startCity();
  expect(await invalidate(city, { type: 'Station' }, { token: 'x' })).toBe(401);
  const headers = { authorization: `Bearer ${city.gateway.gateway.adminToken}` };
  const response = await fetch(`${city.gateway.adminUrl}/api/cache/invalidate`, { headers });
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
});

test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=a'])(
  'a page of another site cannot make an operator’s browser say it, as %s',
  async (type) => {
    await using city = await startCity();
    await madeAnew(city);
    const password = Buffer.from(`operator:${city.gateway.gateway.adminToken}`).toString('base64');
    const response = await fetch(`${city.gateway.adminUrl}/api/cache/invalidate`, {
      method: 'POST',
      headers: { authorization: `Basic ${password}`, 'content-type': type, origin: 'https://evil.example' },
      body: '{"type":"Station"}',
    });
    expect(response.status).toBe(415);
    expect(await madeAnew(city)).toEqual([]);
  },
);

describe('a mutation', () => {
  test('by an argument, which a view may call otherwise, as literal and as variable', async () => {
    await using city = await startCity();
    for (const [query, variables] of [
      ['mutation { call(place: 1, name: "Quay") { name } }', {}],
      ['mutation ($p: ID!) { again: call(place: $p, name: "Pier") { name } }', { p: '1' }],
    ] as const) {
      await madeAnew(city);
      const { body } = await city.ask(query, { variables, client: 'plain' });
      expect(body.errors).toBeUndefined();
      // On whichever client it was: the answer is out of date for all.
      expect(await madeAnew(city)).toEqual(['ONE', 'ALL', 'NAMES', 'MISSING']);
      expect((await city.ask(ONE)).body.data.station.name).toBe(Object.values(body.data as object)[0].name);
    }
  });

  test('that no backend was asked for makes nothing out of date', async () => {
    await using city = await startCity();
    await madeAnew(city);
    const { body } = await city.ask('mutation { call(place: "..", name: "x") { number } }');
    expect(body.errors?.[0]?.extensions.code).toBe('BAD_ARGUMENT');
    expect(await madeAnew(city)).toEqual([]);
    city.instead = () => new Refusal(422);
    await city.ask('mutation { call(place: 1, name: "x") { number } }');
    city.instead = undefined;
    expect(await madeAnew(city)).toEqual(['ONE', 'ALL', 'NAMES', 'MISSING']);
  });

  test('of an operator on the whole graph counts for all clients', async () => {
    await using city = await startCity();
    await madeAnew(city);
    const response = await fetch(`${city.gateway.adminUrl}/graph`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${city.gateway.gateway.adminToken}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ query: 'mutation { rename(id: 1, name: "Office") { id } }' }),
    });
    expect(await response.json()).toEqual({ data: { rename: { id: '1' } } });
    expect((await city.ask(ONE)).body.data.station.name).toBe('Office');
  });

  test('by its result, where it is selected; else by all of the type', async () => {
    await using city = await startCity();
    await madeAnew(city);
    await city.ask('mutation { swap(name: "Plaza") { it: number name } }');
    expect(await madeAnew(city)).toEqual(['TWO', 'ALL', 'NAMES', 'MISSING']);
    await city.ask('mutation { swap(name: "Square") { ...F } } fragment F on Place { number }');
    expect(await madeAnew(city)).toEqual(['TWO', 'ALL', 'NAMES', 'MISSING']);
    await city.ask('mutation { swap(name: "Park") { name } }');
    expect(await madeAnew(city)).toEqual(['ONE', 'TWO', 'ALL', 'NAMES', 'MISSING']);
    await city.ask('mutation { reset }');
    expect(await madeAnew(city)).toEqual(['ONE', 'TWO', 'ALL', 'NAMES', 'MISSING']);
  });

  test('that failed may have been done', async () => {
    await using city = await startCity();
    await madeAnew(city);
    city.instead = ({ method }) => (method === 'PUT' ? new Refusal(500) : undefined);
    const { body } = await city.ask('mutation { call(place: "1", name: "Ghost") { name } }');
    expect(body.errors).toHaveLength(1);
    expect(await madeAnew(city)).toEqual(['ONE', 'ALL', 'NAMES', 'MISSING']);
  });

  test('that was refused was not', async () => {
    await using city = await startCity();
    await madeAnew(city);
    const query = 'mutation ($p: ID!) { call(place: $p, name: "x") { name } }';
    expect((await city.ask(query, { variables: { p: [] } })).body.errors).toHaveLength(1);
    expect(await madeAnew(city)).toEqual([]);
  });

  test('ends what began before it: who asks after it reads what it wrote', async () => {
    await using city = await startCity();
    let release: () => void = () => {};
    let held = 0;
    city.instead = async ({ path, method }) => {
      if (path !== '/stations/1' || method !== 'GET' || held > 0) return undefined;
      held++;
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return { id: '1', name: 'Old' };
    };
    const before = city.ask(ONE);
    await eventually(() => held === 1);
    await city.ask('mutation { call(place: "1", name: "New") { number } }');
    expect((await city.ask(ONE)).body.data.station.name).toBe('New');
    release();
    expect((await before).body.data.station.name).toBe('Old');
    expect((await city.ask(ONE)).body.data.station.name).toBe('New');
  });
});

describe('over Redis', () => {
  const RESPONSES = { responses: { staleIfError: '1h' } };
  let prefixes = 0;
  const storeOf = (url: string) => ({
    store: { kind: 'redis', url, prefix: `cache-test-${process.pid}-${++prefixes}` },
  });
  /** Until what processes mark is known to each other. */
  const settled = async (city: City, query: string) =>
    eventually(async () => {
      await city.ask(query);
      return (await city.ask(query)).headers.get('cache-status')?.startsWith('hem; hit') ?? false;
    });

  test('processes share answers, and what is out of date', async () => {
    const hem = storeOf(process.env.HEM_TEST_REDIS_URL!);
    await using one = await startCity({ hem, cache: RESPONSES });
    await using two = await startCity({ hem, cache: RESPONSES, backend: one.backend });
    // The first moments are without Redis: nothing waits for it.
    await eventually(() => sharedBetween(one, two));
    await one.ask(ONE);
    await two.ask(ONE);
    await two.ask('mutation { call(place: 1, name: "Far") { number } }');
    await eventually(async () => (await one.ask(ONE)).body.data.station.name === 'Far');
    expect((await two.ask(ONE)).body.data.station.name).toBe('Far');
    expect(await invalidate(one, { type: 'Station' })).toBe(204);
    one.names.set('1', 'Near');
    await invalidate(one, { type: 'Station' });
    await eventually(async () => (await two.ask(ONE)).body.data.station.name === 'Near');
  });

  test('what another process has kept is stale as if it were one’s own', async () => {
    const hem = storeOf(process.env.HEM_TEST_REDIS_URL!);
    const cache = { responses: { staleWhileRevalidate: '2s', staleIfError: '1h' } };
    await using one = await startCity({ hem, cache });
    const { backend } = one;
    await using two = await startCity({ hem, cache, backend });
    await using three = await startCity({ hem, cache, backend });
    await eventually(() => sharedBetween(one, two));
    await eventually(() => sharedBetween(one, three));
    const brief = '{ brief }';
    one.instead = ({ path }) => (path === '/brief' ? 'v1' : undefined);
    await one.ask(brief);
    await sleep(1200);
    one.instead = async ({ path }) => (path === '/brief' ? sleep(300, 'v2') : undefined);
    const renewing = await two.ask(brief);
    expect(renewing.body.data.brief).toBe('v1');
    expect(renewing.headers.get('cache-status')).toMatch(/^hem; hit; ttl=-[12]$/);
    await eventually(async () => (await two.ask(brief)).body.data.brief === 'v2');
    await sleep(3200);
    one.instead = () => new Refusal(503);
    const failing = await three.ask(brief);
    expect(failing.body).toEqual({ data: { brief: 'v2' } });
    expect(failing.headers.get('cache-status')).toMatch(/^hem; fwd=stale; ttl=-\d$/);
  });

  test('a mark that was not heard of is known all the same once another one is', async () => {
    const hem = storeOf(process.env.HEM_TEST_REDIS_URL!);
    await using one = await startCity({ hem, cache: RESPONSES });
    await using two = await startCity({ hem, cache: RESPONSES, backend: one.backend });
    await eventually(() => sharedBetween(one, two));
    const redis = new Redis(process.env.HEM_TEST_REDIS_URL!);
    try {
      const keyOf = (name: string) => `{${hem.store.prefix}:cache}:${name}`;
      await settled(two, ONE);
      one.names.set('1', 'Unheard');
      // As when its publication is lost with a connection.
      await redis.zadd(keyOf('tags'), await redis.incr(keyOf('revision')), 'Station:"1"');
      await invalidate(one, { type: 'Me' });
      await eventually(async () => (await two.ask(ONE)).body.data.station.name === 'Unheard');
    } finally {
      redis.disconnect();
    }
  });

  test('a Redis that has lost its memory hides no change', async () => {
    const hem = storeOf(process.env.HEM_TEST_REDIS_URL!);
    await using one = await startCity({ hem, cache: RESPONSES });
    await using two = await startCity({ hem, cache: RESPONSES, backend: one.backend });
    await eventually(() => sharedBetween(one, two));
    for (let count = 0; count < 5; count++) await invalidate(one, { type: 'Me' });
    await settled(one, ONE);
    await settled(two, ONE);
    const redis = new Redis(process.env.HEM_TEST_REDIS_URL!);
    try {
      await redis.del(...(await redis.keys(`*${hem.store.prefix}:cache*`)));
      // Kept after the loss, and of the revision before it.
      const another = '{ another: station(id: 1) { name } }';
      await one.ask(another);
      await one.ask('mutation { call(place: 1, name: "After the loss") { number } }');
      expect((await one.ask(another)).body.data.another.name).toBe('After the loss');
      expect((await one.ask(ONE)).body.data.station.name).toBe('After the loss');
      await eventually(async () => (await two.ask(ONE)).body.data.station.name === 'After the loss');
    } finally {
      redis.disconnect();
    }
  });

  test('a view that means something else by the same names is given nothing of what was kept before', async () => {
    const { store } = storeOf(process.env.HEM_TEST_REDIS_URL!);
    await using backend = await startJsonBackend(() => ({ street: 'Quay 1', secret: 'Under the mat' }));
    const start = (path: string) =>
      startGateway({
        files: {
          'hem.yml': JSON.stringify({ store }),
          'connectors/city/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
          'connectors/city/schema.graphql': `type Query { place: Place @rest(get: "/place") @cacheControl(maxAge: 600) }
            type Place @cacheControl(inheritMaxAge: true) { street: String  secret: String }`,
          'clients/web/client.yml': 'cache: { responses: {} }',
          'schemas/web.graphql': `type Query { at: String @from(path: "place.${path}") }`,
        },
      });
    await using before = await start('secret');
    await using same = await start('secret');
    await eventually(() => placeSharedBetween(backend, before, same));
    expect((await before.query('web', '{ at }')).body.data).toEqual({ at: 'Under the mat' });
    await using other = await start('street');
    await using after = await start('street');
    await eventually(() => placeSharedBetween(backend, other, after));
    expect((await after.query('web', '{ at }')).body.data).toEqual({ at: 'Quay 1' });
  });

  test.each(['ENDPOINT', 'ACCOUNT'])(
    'equal files with another %s of the environment share nothing',
    async (changed) => {
      const { store } = storeOf(process.env.HEM_TEST_REDIS_URL!);
      await using backend = await startJsonBackend(({ path, headers }) => ({
        street: `${path} for ${headers.authorization}`,
      }));
      const start = (stage: string) => {
        return startGateway({
          env: {
            ENDPOINT: `${backend.url}/${changed === 'ENDPOINT' ? stage : 'all'}`,
            ACCOUNT: changed === 'ACCOUNT' ? stage : 'all',
          },
          files: {
            'hem.yml': JSON.stringify({ store }),
            'connectors/city/connector.yml': `kind: rest\nendpoint: ${environment('ENDPOINT')}\nauth: { bearer: { token: "${environment('ACCOUNT')}" } }`,
            'connectors/city/schema.graphql':
              'type Query { at: String @rest(get: "/place", select: "street") @cacheControl(maxAge: 600) }',
            'clients/web/client.yml': 'cache: { responses: {} }',
            'schemas/web.graphql': 'type Query { at: String }',
          },
        });
      };
      await using live = await start('live');
      await using alike = await start('live');
      await eventually(() => placeSharedBetween(backend, live, alike));
      expect((await live.query('web', '{ at }')).body.data.at).toContain('live');
      await using staged = await start('staged');
      await using stagedToo = await start('staged');
      await eventually(() => placeSharedBetween(backend, staged, stagedToo));
      expect((await stagedToo.query('web', '{ at }')).body.data.at).toContain('staged');
    },
  );

  test('what cannot be read there is not there', async () => {
    const hem = storeOf(process.env.HEM_TEST_REDIS_URL!);
    await using one = await startCity({ hem, cache: RESPONSES });
    await using two = await startCity({ hem, cache: RESPONSES, backend: one.backend });
    await eventually(() => sharedBetween(one, two));
    const redis = new Redis(process.env.HEM_TEST_REDIS_URL!);
    try {
      const garbage = ['', 'x', '{}\n{}', '[]\n{}', '[1,"a",[]]\n{}', '[1,2,{}]\n{}', '[9e15,9e15,[]]\n{}'];
      for (const [index, text] of garbage.entries()) {
        const query = `{ g${index}: station(id: 2) { name } }`;
        const answer = await one.ask(query);
        await eventually(async () => (await redis.keys(`${hem.store.prefix}:cache:answer:*`)).length > 0);
        await sleep(30);
        for (const key of await redis.keys(`${hem.store.prefix}:cache:answer:*`)) await redis.set(key, text);
        expect((await two.ask(query)).body).toEqual(answer.body);
      }
      // None of this was taken for a Redis that is away.
      await eventually(() => sharedBetween(one, two));
    } finally {
      redis.disconnect();
    }
  });

  test('without Redis each goes on with its own, at once; what was marked meanwhile is told when it is back', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'hem-redis-'));
    const port = await freePort();
    const url = `redis://127.0.0.1:${port}`;
    let server = await redisServer.start({ directory, port });
    try {
      const hem = storeOf(url);
      await using one = await startCity({ hem, cache: RESPONSES });
      await using two = await startCity({ hem, cache: RESPONSES, backend: one.backend });
      await eventually(() => sharedBetween(one, two));
      await settled(one, TWO);
      await settled(two, TWO);
      // First it hangs, then it is gone.
      process.kill(server.pid, 'SIGSTOP');
      expect((await one.ask('{ hung: station(id: 2) { name } }')).body.data.hung.name).toBe('Market');
      await server.stop();
      for (let count = 0; count < 20; count++) {
        const from = performance.now();
        expect((await one.ask(TWO)).body.data.station.name).toBe('Market');
        expect((await two.ask(`{ b${count}: station(id: 2) { name } }`)).body.errors).toBeUndefined();
        // Far more than 50 ms would be a wait.
        expect(performance.now() - from).toBeLessThan(2000);
      }
      await one.ask('mutation { call(place: 2, name: "While away") { number } }');
      expect((await one.ask(TWO)).body.data.station.name).toBe('While away');
      server = await redisServer.start({ directory, port });
      await eventually(async () => (await two.ask(TWO)).body.data.station.name === 'While away');
      await eventually(() => sharedBetween(one, two));
    } finally {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    }
  }, 30_000);
});

const environment = (name: string) => `$\{env:${name}}`;

let names = 0;
/** Whether the second is answered with what the first has made: for two that mean the same. */
async function placeSharedBetween(
  backend: JsonBackend,
  one: TestGateway,
  two: TestGateway,
): Promise<boolean> {
  const query = `query q${++names} { at }`;
  await one.query('web', query);
  const asked = backend.requests.length;
  await two.query('web', query);
  return backend.requests.length === asked;
}

let aliases = 0;
/** Whether one is answered with what the other has made. */
async function sharedBetween(one: City, two: City): Promise<boolean> {
  const query = `{ shared${++aliases}: brief station(id: 2) { ownerName } }`;
  await one.ask(query);
  await sleep(30);
  const before = one.asked('/brief');
  const { headers } = await two.ask(query);
  const isShared = one.asked('/brief') === before;
  expect(headers.get('cache-status')).toMatch(isShared ? /^hem; hit; ttl=\d+$/ : /^hem; fwd=miss; stored$/);
  return isShared;
}
