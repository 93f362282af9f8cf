/** What is given when time is over, when backends fail, and when many ask at once. Errors are never kept. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { sign } from '../auth/issuer.ts';
import { Refusal } from '../support/json-backend.ts';
import { type City, eventually, startCity } from './city.ts';

const BRIEF = '{ brief }';
const statusOf = async (city: City, query = BRIEF) =>
  (await city.ask(query)).headers.get('cache-status') ?? 'nothing';

test('without stale answers, what is over its time is asked for again', async () => {
  await using city = await startCity();
  expect(await statusOf(city)).toBe('hem; fwd=miss; stored');
  expect(await statusOf(city)).toBe('hem; hit; ttl=0');
  await sleep(1050);
  expect(await statusOf(city)).toBe('hem; fwd=miss; stored');
  expect(city.asked('/brief')).toBe(2);
});

test('stale while it is asked for again: nobody waits, and it is asked for once', async () => {
  await using city = await startCity({ cache: { responses: { staleWhileRevalidate: '1h' } } });
  let version = 1;
  let release: () => void = () => {};
  city.instead = ({ path }) => (path === '/brief' ? `v${version}` : undefined);
  await city.ask(BRIEF);
  await sleep(1050);
  version = 2;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  city.instead = async ({ path }) => {
    if (path !== '/brief') return undefined;
    await held;
    return `v${version}`;
  };
  const answers = await Promise.all(Array.from({ length: 20 }, () => city.ask(BRIEF)));
  for (const { body, headers } of answers) {
    expect(body.data.brief).toBe('v1');
    expect(headers.get('cache-status')).toMatch(/^hem; hit; ttl=-\d$/);
    expect(Number(headers.get('age'))).toBeGreaterThanOrEqual(1);
  }
  release();
  await eventually(async () => (await city.ask(BRIEF)).body.data.brief === 'v2');
  expect(city.asked('/brief')).toBe(2);
});

test('a renewal that fails is not tried by each who asks', async () => {
  await using city = await startCity({ cache: { responses: { staleWhileRevalidate: '1h' } } });
  await city.ask(BRIEF);
  await sleep(1050);
  city.instead = () => new Refusal(500);
  for (let count = 0; count < 20; count++) expect((await city.ask(BRIEF)).body.data.brief).toBe('/brief');
  expect(city.asked('/brief')).toBeLessThanOrEqual(3);
});

test('stale instead of a failure, for so long; a denial and a limit of the backend are answers', async () => {
  await using city = await startCity({ cache: { responses: { staleIfError: '1h' } } });
  await city.ask(BRIEF);
  await sleep(1050);
  city.instead = () => new Refusal(503);
  const { body, headers } = await city.ask(BRIEF);
  expect(body).toEqual({ data: { brief: '/brief' } });
  // It was asked for, so it is no hit (RFC 9211, 2.1).
  expect(headers.get('cache-status')).toMatch(/^hem; fwd=stale; ttl=-\d$/);
  for (const [status, code] of [
    [403, 'UPSTREAM_DENIED'],
    [429, 'UPSTREAM_LIMITED'],
    [404, 'UPSTREAM_NOT_FOUND'],
  ] as const) {
    city.instead = () => new Refusal(status);
    const denied = await city.ask(BRIEF);
    expect(denied.body.errors?.[0]?.extensions.code).toBe(code);
    expect(denied.headers.get('cache-control')).toBe('no-store');
  }
  city.instead = undefined;
  expect(await statusOf(city)).toBe('hem; fwd=stale; stored');
});

test('a failure is never kept, nor what a part of failed', async () => {
  await using city = await startCity();
  city.instead = ({ path }) => (path === '/never' ? undefined : new Refusal(500));
  for (let count = 0; count < 3; count++) {
    const { body, headers } = await city.ask('{ station(id: 1) { name } brief }');
    expect(body.errors).toHaveLength(2);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('cache-status')).toBeNull();
  }
  expect(city.asked('/brief')).toBe(3);
  city.instead = undefined;
  expect((await city.ask('{ station(id: 1) { name } brief }')).body.errors).toBeUndefined();
});

test('100 who ask the same at once are one call, on whichever client', async () => {
  await using city = await startCity();
  city.instead = async () => {
    await sleep(100);
    return undefined;
  };
  const authorization = `Bearer ${await sign(city.key, { scope: 'see' })}`;
  const all = await Promise.all(
    Array.from({ length: 100 }, () => city.ask('{ secret }', { client: 'web', headers: { authorization } })),
  );
  expect(new Set(all.map(({ body }) => JSON.stringify(body)))).toEqual(
    new Set(['{"data":{"secret":"/secret"}}']),
  );
  expect(city.asked('/secret')).toBe(1);
  expect(all.filter(({ headers }) => headers.get('cache-status') === 'hem; fwd=miss; stored')).toHaveLength(
    1,
  );
});

test('whoever waits for another’s failure asks again, and has errors with an id of its own', async () => {
  await using city = await startCity();
  city.instead = async () => {
    await sleep(50);
    return new Refusal(500);
  };
  const all = await Promise.all(Array.from({ length: 10 }, () => city.ask(BRIEF)));
  const ids = all.map(({ body, headers }) => [
    body.errors?.[0]?.extensions.requestId,
    headers.get('x-request-id'),
  ]);
  for (const [inError, inHeader] of ids) expect(inError).toBe(inHeader);
  expect(new Set(ids.map(([id]) => id)).size).toBe(10);
});

test('who comes late has a whole time of its own, and all who do ask once more together', async () => {
  await using city = await startCity({ hem: { limits: { deadline: '400ms' } } });
  city.instead = async () => {
    await sleep(480);
    return undefined;
  };
  const first = city.ask(BRIEF);
  await sleep(300);
  city.instead = async () => {
    await sleep(100);
    return 'at last';
  };
  const late = await Promise.all(Array.from({ length: 5 }, () => city.ask(BRIEF)));
  expect((await first).body.errors?.[0]?.extensions.code).toBe('UPSTREAM_TIMEOUT');
  for (const { body } of late) expect(body).toEqual({ data: { brief: 'at last' } });
  expect(city.asked('/brief')).toBe(2);
});

test('who leaves ends nothing for those who stay; when all have left, the call ends', async () => {
  await using city = await startCity();
  let begun = 0;
  let release: () => void = () => {};
  city.instead = async () => {
    begun++;
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    return 'kept on';
  };
  const leaving = new AbortController();
  const ask = (signal?: AbortSignal) =>
    city.gateway.fetch(`/open/graphql?${new URLSearchParams({ query: BRIEF })}`, signal ? { signal } : {});
  const first = ask(leaving.signal).catch(() => 'left');
  await eventually(() => begun === 1);
  const second = ask();
  // A request of the same moment is there before this one is answered.
  await city.ask('{ __typename }');
  leaving.abort();
  expect(await first).toBe('left');
  await city.ask('{ __typename }');
  release();
  expect(await (await second).json()).toEqual({ data: { brief: 'kept on' } });
  expect(begun).toBe(1);
  // Of those who come after all have left, the first begins anew.
  const lonely = new AbortController();
  const other = () => `/open/graphql?${new URLSearchParams({ query: '{ other: brief }' })}`;
  const third = city.gateway.fetch(other(), { signal: lonely.signal }).catch(() => 'left');
  await eventually(() => begun === 2);
  lonely.abort();
  expect(await third).toBe('left');
  await eventually(() => {
    void city.gateway.fetch(other()).catch(() => {});
    return begun > 2;
  });
  city.instead = undefined;
  release();
});

test('a file among variables is nothing that is kept', async () => {
  await using city = await startCity();
  const form = new FormData();
  form.set(
    'operations',
    JSON.stringify({ query: 'query ($text: JSON) { echo(text: $text) }', variables: { text: null } }),
  );
  form.set('map', '{"0":["variables.text"]}');
  form.set('0', new File(['one'], 'one.txt'));
  const response = await city.gateway.fetch('/open/graphql', {
    method: 'POST',
    headers: { 'graphql-require-preflight': '1' },
    body: form,
  });
  expect(response.headers.get('cache-control')).toBe('no-store');
});

describe('who asks the same at the same time', () => {
  async function together(city: City, refusal: () => unknown) {
    city.instead = async ({ path }) => {
      if (path !== '/brief') return undefined;
      await sleep(100);
      return refusal();
    };
    return Promise.all(Array.from({ length: 20 }, () => city.ask(BRIEF)));
  }

  test('reads of one failure of the backend, each under the id of its own request', async () => {
    await using city = await startCity();
    const answers = await together(city, () => new Refusal(500));
    expect(city.asked('/brief')).toBe(1);
    const errors = answers.map(({ body }) => body.errors![0]!.extensions);
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['UPSTREAM_FAILED']));
    expect(errors.map(({ requestId }) => requestId)).toEqual(
      answers.map(({ headers }) => headers.get('x-request-id')),
    );
    expect((await city.ask(BRIEF)).status).toBe(200);
    expect(city.asked('/brief')).toBe(2);
  });

  test('asks for itself what was denied to another', async () => {
    await using city = await startCity();
    await together(city, () => new Refusal(403));
    expect(city.asked('/brief')).toBe(20);
  });
});
