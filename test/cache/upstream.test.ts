/** What backends allow to be kept, and what is asked the same at the same time. On a client that keeps nothing itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { Refusal, Reply, startJsonBackend } from '../support/json-backend.ts';
import { type City, eventually, startCity } from './city.ts';

const KEEPING = { connector: { cache: {} } };
const SHARING = { connector: { dedupe: true } };

const ask = async (city: City, query = '{ brief }', headers: Record<string, string> = {}) =>
  (await city.ask(query, { client: 'plain', headers })).body;

/** The backend answers `brief` with how often it was asked, and these headers. */
function counting(city: City, headers: Readonly<Record<string, string | string[]>>): void {
  city.instead = ({ path }) =>
    path === '/brief' ? new Reply(`v${city.asked('/brief')}`, headers) : undefined;
}

describe('answers are kept', () => {
  test.each([
    [{ 'cache-control': 'max-age=60' }, 1],
    [{ 'cache-control': 'max-age=60, public' }, 1],
    [{ 'cache-control': 'max-age=0, s-maxage=60' }, 1],
    [{ 'cache-control': 'max-age=60', age: '30' }, 1],
    [{ 'cache-control': 'max-age=60', vary: 'accept, accept-language' }, 1],
    [{ expires: new Date(Date.now() + 3_600_000).toUTCString() }, 1],
    [{}, 3],
    [{ 'cache-control': 'no-store' }, 3],
    [{ 'cache-control': 'no-store, max-age=60' }, 3],
    [{ 'cache-control': 'no-cache' }, 3],
    [{ 'cache-control': 'private, max-age=60' }, 3],
    [{ 'cache-control': 'max-age=60', age: '60' }, 3],
    [{ 'cache-control': 'max-age=60', vary: '*' }, 3],
    [{ 'cache-control': 'max-age=60', vary: 'x-request-id' }, 3],
    [{ 'last-modified': 'Sat, 01 Jan 2000 00:00:00 GMT' }, 3],
    [{ 'cache-control': 'max-age=sixty' }, 3],
    [{ 'cache-control': ['max-age=60', 'public'] }, 1],
    [{ 'cache-control': 'max-age=60', vary: ['accept-encoding', 'origin'] }, 1],
    [{ 'cache-control': ['max-age=60', 'no-store'] }, 3],
  ] as ReadonlyArray<readonly [headers: Record<string, string | string[]>, calls: number]>)(
    '%o: three times asked, %i calls',
    async (headers, calls) => {
      await using city = await startCity(KEEPING);
      counting(city, headers);
      for (let count = 1; count <= 3; count++)
        expect(await ask(city)).toEqual({ data: { brief: `v${Math.min(count, calls)}` } });
      expect(city.asked('/brief')).toBe(calls);
    },
  );

  test('nothing is, where connector.yml does not say so', async () => {
    await using city = await startCity();
    counting(city, { 'cache-control': 'max-age=60' });
    for (let count = 1; count <= 3; count++) await ask(city);
    expect(city.asked('/brief')).toBe(3);
  });

  test('with an ETag the backend is asked whether it has changed', async () => {
    await using city = await startCity(KEEPING);
    let etag = '"a"';
    const seen: unknown[] = [];
    city.instead = ({ path, headers }) => {
      if (path !== '/brief') return undefined;
      seen.push(headers['if-none-match']);
      const own = { etag, 'cache-control': 'no-cache' };
      return headers['if-none-match'] === etag
        ? new Reply(undefined, own, 304)
        : new Reply(`at ${etag}`, own);
    };
    expect((await ask(city)).data.brief).toBe('at "a"');
    expect((await ask(city)).data.brief).toBe('at "a"');
    etag = '"b"';
    expect((await ask(city)).data.brief).toBe('at "b"');
    expect((await ask(city)).data.brief).toBe('at "b"');
    expect(seen).toEqual([undefined, '"a"', '"a"', '"b"']);
  });

  test('what is private is kept for its caller, by the credentials that travel on', async () => {
    await using city = await startCity(KEEPING);
    city.instead = ({ path, headers }) =>
      path === '/desk'
        ? new Reply(`for ${headers.authorization ?? 'nobody'}`, { 'cache-control': 'private, max-age=60' })
        : undefined;
    const users = Array.from({ length: 50 }, (_, user) => `Basic u${user}`);
    for (let round = 0; round < 2; round++)
      await Promise.all(
        users.map(async (authorization) => {
          expect((await ask(city, '{ desk }', { authorization })).data.desk).toBe(`for ${authorization}`);
        }),
      );
    expect(city.asked('/desk')).toBe(50);
    // Without credentials there is nobody whom it could be kept for.
    for (let count = 0; count < 2; count++)
      expect((await ask(city, '{ desk }')).data.desk).toBe('for nobody');
    expect(city.asked('/desk')).toBe(52);
  });

  test('failures are not, whatever their headers say; what is stale does instead where the backend says so', async () => {
    await using city = await startCity(KEEPING);
    const headers = { 'cache-control': 'max-age=60' };
    city.instead = () => new Reply({ error: 'x' }, headers, 500);
    for (let count = 0; count < 2; count++) expect((await ask(city)).errors).toHaveLength(1);
    counting(city, { 'cache-control': 'max-age=0, stale-if-error=60', etag: '"x"' });
    const { brief } = (await ask(city)).data;
    city.instead = () => new Refusal(503);
    expect((await ask(city)).data).toEqual({ brief });
    counting(city, { 'cache-control': 'no-store' });
    expect((await ask(city)).data.brief).not.toBe(brief);
    city.instead = () => new Refusal(503);
    expect((await ask(city)).errors).toHaveLength(1);
  });

  test.each<[what: string, failure: () => Refusal | Reply, isInstead: boolean]>([
    ['500', () => new Refusal(500), true],
    ['429', () => new Refusal(429), false],
    ['what is no JSON', () => new Reply('raw:<html>', {}), true],
  ])('what is kept outlives %s in answer to whether it has changed', async (_what, failure, isInstead) => {
    await using city = await startCity(KEEPING);
    counting(city, { 'cache-control': 'max-age=0, stale-while-revalidate=60', etag: '"x"' });
    await ask(city);
    city.instead = failure;
    for (let count = 0; count < 4; count++) {
      expect((await ask(city)).data).toEqual({ brief: 'v1' });
      await sleep(30);
    }
    expect(city.asked('/brief')).toBeGreaterThan(2);
    counting(city, { 'cache-control': 'max-age=0, stale-if-error=60', etag: '"y"' });
    await eventually(async () => (await ask(city)).data.brief !== 'v1');
    city.instead = failure;
    const { data, errors } = await ask(city);
    expect(errors === undefined).toBe(isInstead);
    expect(data.brief === null).toBe(!isInstead);
  });

  test('errors of a GraphQL backend are an answer, and no failure that something stale stands in for', async () => {
    let answer: unknown = { data: { name: 'first' } };
    await using backend = await startJsonBackend(
      () => new Reply(answer, { 'cache-control': 'max-age=0, stale-if-error=60' }),
    );
    await using gateway = await startGateway({
      files: {
        'connectors/g/connector.yml': `kind: graphql\nendpoint: ${backend.url}\nspec: s.graphql\ncache: {}\n`,
        'connectors/g/s.graphql': 'type Query { name: String }',
        'connectors/g/schema.graphql': 'type Query { name: String @graphql }',
        'schemas/web.graphql': 'type Query { name: String }',
        'clients/web/client.yml': '{}',
      },
    });
    const name = async () => (await gateway.query('web', '{ name }')).body;
    expect(await name()).toEqual({ data: { name: 'first' } });
    const errors = [{ message: 'no', path: ['name'], extensions: { code: 'FORBIDDEN' } }];
    answer = { data: { name: null }, errors };
    expect((await name()).errors?.[0]?.extensions.code).toBe('UPSTREAM_DENIED');
    answer = { data: { name: 'the word "errors"' } };
    expect(await name()).toEqual(answer);
  });

  test('what is gone is not kept, whatever was there', async () => {
    await using city = await startCity(KEEPING);
    counting(city, { 'cache-control': 'max-age=0, stale-while-revalidate=60', etag: '"x"' });
    await ask(city);
    city.instead = () => new Refusal(404);
    await ask(city);
    await eventually(async () => (await ask(city)).data.brief === null);
  });

  test('a 304 that repeats no ETag is one', async () => {
    await using city = await startCity({ connector: { cache: { maxAge: '1s' } } });
    const seen: unknown[] = [];
    city.instead = ({ path, headers }) => {
      if (path !== '/brief') return undefined;
      seen.push(headers['if-none-match']);
      return headers['if-none-match'] === undefined
        ? new Reply('whole', { etag: '"a"' })
        : new Reply(undefined, {}, 304);
    };
    for (let round = 0; round < 3; round++) {
      expect((await ask(city)).data.brief).toBe('whole');
      expect((await ask(city)).data.brief).toBe('whole');
      await sleep(1050);
    }
    expect(seen).toEqual([undefined, '"a"', '"a"']);
  });

  test.each(['must-revalidate', 'proxy-revalidate', 'no-cache'])(
    'what is stale does not where the backend wants to be asked (%s)',
    async (asking) => {
      await using city = await startCity(KEEPING);
      counting(city, { 'cache-control': `max-age=0, ${asking}, stale-if-error=60`, etag: '"x"' });
      expect((await ask(city)).data.brief).toBe('v1');
      city.instead = () => new Refusal(503);
      expect((await ask(city)).errors).toHaveLength(1);
    },
  );

  test.each([
    ['{claims.sub}', 2],
    ['{plan}', 2],
  ] as const)('what is private is not kept for callers whom %s does not name', async (template, calls) => {
    await using city = await startCity({
      connector: { cache: {}, identity: { headers: { 'x-user': template } } },
    });
    counting(city, { 'cache-control': 'private, max-age=60' });
    for (let count = 1; count <= calls; count++)
      expect(await ask(city)).toEqual({ data: { brief: `v${count}` } });
  });

  test('stale while it is asked for again, where the backend says so', async () => {
    await using city = await startCity(KEEPING);
    counting(city, { 'cache-control': 'max-age=0, stale-while-revalidate=60', etag: '"x"' });
    expect((await ask(city)).data.brief).toBe('v1');
    expect((await ask(city)).data.brief).toBe('v1');
    await eventually(async () => (await ask(city)).data.brief !== 'v1');
  });

  test('a mutation with @invalidates makes them out of date', async () => {
    await using city = await startCity(KEEPING);
    city.instead = ({ path, method }) =>
      path === '/stations/1' && method === 'GET'
        ? new Reply({ id: '1', name: city.names.get('1') }, { 'cache-control': 'max-age=60' })
        : undefined;
    const name = async () => (await ask(city, '{ station(id: 1) { name } }')).data.station.name;
    expect([await name(), await name()]).toEqual(['Harbour', 'Harbour']);
    city.names.set('1', 'Unseen');
    expect(await name()).toBe('Harbour');
    await ask(city, 'mutation { call(place: "1", name: "Seen") { name } }');
    expect(await name()).toBe('Seen');
  });
});

describe('what is kept of an address ends with a call by another method', () => {
  const WRITE = 'mutation { write(name: "X") }';

  test.each([
    ['that was done', (): unknown => 'done', 'v2'],
    ['that failed, and may have been done', () => new Refusal(500), 'v2'],
    ['but not with one that was refused', () => new Refusal(409), 'v1'],
  ])('%s', async (_name, answer, after) => {
    await using city = await startCity(KEEPING);
    let version = 1;
    city.instead = ({ path, method }) => {
      if (path !== '/brief') return undefined;
      return method === 'GET' ? new Reply(`v${version}`, { 'cache-control': 'max-age=60' }) : answer();
    };
    expect([(await ask(city)).data.brief, (await ask(city)).data.brief]).toEqual(['v1', 'v1']);
    version = 2;
    await ask(city, WRITE);
    expect((await ask(city)).data.brief).toBe(after);
  });

  test('nor is kept what was under way meanwhile, nor given to who asks afterwards', async () => {
    await using city = await startCity({ connector: { dedupe: true, cache: {} } });
    const { promise, resolve } = Promise.withResolvers<void>();
    let version = 1;
    city.instead = async ({ path, method }) => {
      if (path !== '/brief') return undefined;
      if (method !== 'GET') return 'done';
      const read = `v${version}`;
      if (read === 'v1') await promise;
      return new Reply(read, { 'cache-control': 'max-age=60' });
    };
    const before = ask(city);
    await eventually(() => city.asked('/brief') === 1);
    version = 2;
    await ask(city, WRITE);
    expect((await ask(city)).data.brief).toBe('v2');
    resolve();
    expect((await before).data.brief).toBe('v1');
    expect((await ask(city)).data.brief).toBe('v2');
  });
});

describe('the same call at the same time', () => {
  /** Answers wait until they are let go. */
  function holding(city: City) {
    let begun = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    city.instead = async ({ path }) => {
      if (path !== '/brief' && path !== '/desk') return undefined;
      begun++;
      await promise;
      return undefined;
    };
    return { begun: () => begun, release: () => resolve() };
  }

  test('is one', async () => {
    await using city = await startCity(SHARING);
    const { begun, release } = holding(city);
    const all = Array.from({ length: 50 }, () => ask(city));
    await eventually(() => begun() === 1);
    await sleep(100);
    release();
    for (const answer of await Promise.all(all)) expect(answer).toEqual({ data: { brief: '/brief' } });
    // Some may come after it was answered.
    const calls = city.asked('/brief');
    expect(calls).toBeLessThan(10);
    await ask(city);
    expect(city.asked('/brief')).toBe(calls + 1);
  });

  test('is another one for who asks after something was made out of date', async () => {
    await using city = await startCity({ connector: { dedupe: true, cache: {} } });
    const { promise, resolve } = Promise.withResolvers<void>();
    let name = 'Old';
    city.instead = async ({ path, method }) => {
      if (path !== '/stations/1' || method !== 'GET') return undefined;
      const read = { id: '1', name };
      if (name === 'Old') await promise;
      return read;
    };
    const query = '{ station(id: 1) { name } }';
    const before = ask(city, query);
    await eventually(() => city.asked('/stations/1') === 1);
    name = 'New';
    await ask(city, 'mutation { swap(name: "New") { name } }');
    expect((await ask(city, query)).data.station.name).toBe('New');
    resolve();
    expect((await before).data.station.name).toBe('Old');
    expect((await ask(city, query)).data.station.name).toBe('New');
  });

  test('is as many as there are callers whom the backend can tell apart', async () => {
    await using city = await startCity(SHARING);
    const { begun, release } = holding(city);
    const users = Array.from({ length: 60 }, (_, index) => `Basic u${index % 20}`);
    const all = users.map((authorization) => ask(city, '{ desk }', { authorization }));
    await eventually(() => begun() === 20);
    await sleep(100);
    release();
    for (const [index, answer] of (await Promise.all(all)).entries())
      expect(answer.data.desk).toBe(`desk of ${users[index]}`);
    expect(begun()).toBeLessThan(40);
  });

  test('is not one unless connector.yml says so, and mutations never are', async () => {
    for (const options of [{}, SHARING]) {
      await using city = await startCity(options);
      const swap = () => ask(city, 'mutation { swap(name: "X") { name } }');
      await Promise.all([swap(), swap(), swap()]);
      expect(city.asked('/swap')).toBe(3);
    }
  });

  test('ends for each when its own time is over or it leaves, and goes on for the others', async () => {
    await using city = await startCity(SHARING);
    const { begun, release } = holding(city);
    const leaving = new AbortController();
    const address = `/plain/graphql?${new URLSearchParams({ query: '{ brief }' })}`;
    const first = city.gateway.fetch(address, { signal: leaving.signal }).catch(() => 'left');
    await eventually(() => begun() === 1);
    const second = ask(city);
    await ask(city, '{ __typename }');
    leaving.abort();
    expect(await first).toBe('left');
    release();
    expect(await second).toEqual({ data: { brief: '/brief' } });
    expect(city.asked('/brief')).toBe(1);
  });

  test('has one failure for all, each with the id of its own request', async () => {
    await using city = await startCity(SHARING);
    const { promise, resolve } = Promise.withResolvers<void>();
    city.instead = async () => {
      await promise;
      return new Refusal(500);
    };
    const all = Array.from({ length: 5 }, () => ask(city));
    await eventually(() => city.asked('/brief') === 1);
    await sleep(50);
    resolve();
    const ids = (await Promise.all(all)).map(({ errors }) => errors?.[0]?.extensions.requestId);
    expect(new Set(ids).size).toBe(5);
    expect(city.asked('/brief')).toBeLessThan(5);
  });
});
