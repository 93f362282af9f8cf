/** What stands in while a backend is left alone, and what operators see of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { Refusal, Reply, startJsonBackend } from '../support/json-backend.ts';

const SHOP = `
type Query {
  price: Int @rest(get: "/price") @fallback(stale: "1h")
  sure: Int! @rest(get: "/sure") @fallback(value: -1)
  kept: String @rest(get: "/kept")
  stale: String @rest(get: "/stale")
  plain: String @rest(get: "/plain")
}`;

test('what is kept and what falls back stands in, the rest is an error that says when; the metrics tell', async () => {
  let broken = false;
  const asked: string[] = [];
  await using backend = await startJsonBackend(({ path }) => {
    asked.push(path);
    if (broken) return new Refusal(503);
    if (path === '/kept') return new Reply('kept', { 'cache-control': 'max-age=60' });
    if (path === '/stale')
      return new Reply('stale', { 'cache-control': 'max-age=0, stale-if-error=60', etag: '"x"' });
    return path === '/plain' ? 'plain' : 7;
  });
  const connector = {
    ...{ kind: 'rest', endpoint: backend.url, cache: {} },
    resilience: { breaker: { calls: 8, share: 0.5, pause: '400ms', maxPause: '400ms' } },
  };
  await using gateway = await startGateway({
    files: {
      'connectors/shop/connector.yml': JSON.stringify(connector),
      'connectors/shop/schema.graphql': SHOP,
      'clients/web/client.yml': '{}',
      'schemas/web.graphql':
        'type Query { price: Int  sure: Int!  kept: String  stale: String  plain: String }',
    },
  });
  const ask = async (query: string) => (await gateway.query('web', query)).body;
  const all = '{ price sure kept stale plain }';
  const metrics = async () => (await fetch(`${gateway.adminUrl}/metrics`)).text();

  expect(await ask(all)).toEqual({
    data: { price: 7, sure: 7, kept: 'kept', stale: 'stale', plain: 'plain' },
  });
  expect(await metrics()).toContain('hem_breaker_state{connector="shop",state="closed"} 1');
  broken = true;
  for (let count = 0; count < 8; count++) await ask('{ plain }');
  const before = asked.length;
  const { data, errors, extensions } = await ask(all);
  expect(asked.length).toBe(before);
  expect(data).toEqual({ price: 7, sure: -1, kept: 'kept', stale: 'stale', plain: null });
  expect(errors).toMatchObject([
    {
      message: 'The backend has failed too often and is left alone for a while (shop).',
      path: ['plain'],
      extensions: { code: 'UPSTREAM_CIRCUIT_OPEN', connector: 'shop', retryAfterMs: expect.any(Number) },
    },
  ]);
  expect(extensions?.fallbacks).toMatchObject([
    { coordinate: 'Query.price', code: 'UPSTREAM_CIRCUIT_OPEN' },
    { coordinate: 'Query.sure', code: 'UPSTREAM_CIRCUIT_OPEN' },
  ]);
  const page = await metrics();
  expect(page).toContain('hem_breaker_state{connector="shop",state="open"} 1');
  expect(page).toContain('hem_breaker_opened_total{connector="shop"} 1');
  expect(page).toMatch(
    /hem_backend_objects_total\{connector="shop",coordinate="Query.plain",code="UPSTREAM_CIRCUIT_OPEN"\} 4/,
  );

  broken = false;
  await sleep(450);
  // One call finds out.
  expect(await ask('{ plain }')).toEqual({ data: { plain: 'plain' } });
  expect(await ask(all)).toEqual({
    data: { price: 7, sure: 7, kept: 'kept', stale: 'stale', plain: 'plain' },
  });
  expect(await metrics()).toContain('hem_breaker_state{connector="shop",state="closed"} 1');
});

test('callers who leave while their calls wait for a connection do not open the circuit', async () => {
  await using backend = await startJsonBackend(async ({ path }) => {
    if (path === '/slow') await sleep(3400);
    return 'ok';
  });
  const connector = {
    ...{ kind: 'rest', endpoint: backend.url, timeouts: { request: '4s' } },
    resilience: { breaker: { calls: 8, share: 0.1, pause: '30s' } },
  };
  const view = 'type Query { slow(n: Int!): String  quick(n: Int!): String }';
  await using gateway = await startGateway({
    files: {
      'connectors/shop/connector.yml': JSON.stringify(connector),
      'connectors/shop/schema.graphql':
        'type Query { slow(n: Int!): String @rest(get: "/slow?n={n}")  quick(n: Int!): String @rest(get: "/quick?n={n}") }',
      'clients/web/client.yml': '{}',
      'schemas/web.graphql': view,
      'clients/hurried/client.yml': 'limits: { deadline: 2100ms }',
      'schemas/hurried.graphql': view,
    },
  });
  const ask = (client: string, query: string, signal?: AbortSignal) =>
    gateway
      .fetch(`/${client}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
        signal: signal ?? null,
      })
      .then((response) => response.json());
  // As many as there are connections.
  const slow = Array.from({ length: 128 }, (_, n) => ask('web', `{ slow(n: ${n}) }`));
  await sleep(300);
  const leaving = AbortSignal.timeout(200);
  const left = await Promise.allSettled(
    Array.from({ length: 50 }, (_, n) => ask('hurried', `{ quick(n: ${n}) }`, leaving)),
  );
  expect(left.every(({ status }) => status === 'rejected')).toBe(true);
  const answers = await Promise.all(slow);
  expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
    new Set(['{"data":{"slow":"ok"}}']),
  );
  await sleep(100);
  expect(await ask('web', '{ quick(n: 1) }')).toEqual({ data: { quick: 'ok' } });
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  expect(metrics).toContain('hem_breaker_state{connector="shop",state="closed"} 1');
  // Those who left before their turn were not asked for.
  expect(backend.requests.filter((request) => request.startsWith('GET /quick'))).toEqual(['GET /quick?n=1']);
});
