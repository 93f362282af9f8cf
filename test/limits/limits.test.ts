/** What limits count, for whom, and what becomes of those who want more. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientYml, newKey, type SigningKey, sign } from '../auth/issuer.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, Refusal, startJsonBackend } from '../support/json-backend.ts';
import { answerLibrary, libraryFiles, SCHEMA, VIEW } from './library.ts';
import { type ReadLimit, readLimits } from './rate-limit.ts';

let backend: JsonBackend;
let gateway: TestGateway;
let key: SigningKey;
/** What the backend answers slowly waits for this. */
let waiting = 0;
let slow = Promise.withResolvers<void>();

const CLIENTS = {
  seven: 'quotas: [{ name: seven, limit: 7, per: 1h, by: client }]',
  dear: 'quotas: [{ name: cost, unit: cost, limit: 100, per: 1h, by: client }]',
  nulls: 'quotas: [{ name: cost, unit: cost, limit: 100, per: 1h, by: client }]',
  lost: 'quotas: [{ name: cost, unit: cost, limit: 100, per: 1h, by: client }]',
  gone: 'quotas: [{ name: cost, unit: cost, limit: 100, per: 1h, by: client }]',
  types: 'quotas: [{ name: cost, unit: cost, limit: 1000, per: 1h, by: client }]',
  excess:
    'cost: { listSize: 1, chargeExcess: true }\nquotas: [{ name: cost, unit: cost, limit: 100, per: 1h, by: client }]',
  capped: 'cost: { listSize: 1 }\nquotas: [{ name: cost, unit: cost, limit: 100, per: 1h, by: client }]',
  both: 'quotas: [{ name: requests, limit: 10, per: 1h, by: client }, { name: cost, unit: cost, limit: 10, per: 1h, by: client }]',
  bytes: 'quotas: [{ name: bytes, unit: bytes, limit: 1000, per: day, by: client }]',
  unsent: 'quotas: [{ name: bytes, unit: bytes, limit: 1000, per: day, by: client }]',
  held: 'quotas: [{ name: held, limit: 20, per: 1s, burst: 1, delay: 5s, by: client }]',
  left: 'quotas: [{ name: left, limit: 1, per: 1s, burst: 1, delay: 5s, by: client }]',
  impatient: 'quotas: [{ name: impatient, limit: 1, per: 1h, delay: 100ms, by: client }]',
  running: 'quotas: [{ name: running, unit: concurrent, limit: 2, by: client }]',
  queued: 'quotas: [{ name: queued, unit: concurrent, limit: 1, delay: 5s, by: client }]',
  shadow:
    'quotas: [{ name: shadow, limit: 1, per: 1h, by: client, shadow: true }, { name: real, limit: 3, per: 1h, by: client }]',
  address: 'quotas: [{ name: address, limit: 2, per: 1h, by: consumer }]',
  rolling: 'quotas: [{ name: rolling, algorithm: rolling, limit: 2, per: 1h, by: ip }]',
} as const;

beforeAll(async () => {
  key = await newKey('k1');
  backend = await startJsonBackend(async (request) => {
    if (request.path === '/slow') {
      waiting++;
      await slow.promise;
      waiting--;
      return 1;
    }
    return request.path === '/failing' ? new Refusal(500) : answerLibrary(request);
  });
  gateway = await startGateway({
    files: {
      ...libraryFiles(backend.url, CLIENTS, {
        hem: 'quotas: [{ name: all, limit: 100000, per: month, by: ip }]',
        schema: SCHEMA.replace(
          'type Query {',
          'type Query { slow: Int @rest(get: "/slow")  failing: Author @rest(get: "/failing")  must: Author! @rest(get: "/failing")',
        ).replace('type Author {', 'type Author { sure: Int! @rest(get: "/failing")'),
        view: VIEW.replace('type Query {', 'type Query { slow: Int  failing: Author  must: Author!').replace(
          'type Author {',
          'type Author { sure: Int!',
        ),
      }),
      'clients/claims/client.yml': clientYml(
        { keys: [key.publicJwk] },
        {
          auth: {},
          client: {
            quotas: [
              { name: 'team', limit: 2, per: '1h', by: 'claim', claim: 'team' },
              { name: 'odd', limit: 100, per: '1h', by: 'claim', claim: 'constructor' },
            ],
          },
        },
      ),
      'schemas/claims.graphql': 'type Query { plain: Int }',
    },
  });
});
afterAll(async () => {
  slow.resolve();
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});

type Client = keyof typeof CLIENTS;

async function ask(client: Client | 'claims', query: string, options?: Parameters<TestGateway['query']>[2]) {
  const { status, body, headers } = await gateway.query(client, query, options);
  return {
    status,
    body,
    headers,
    limits: readLimits(headers) as Record<string, ReadLimit>,
    code: body.errors?.[0]?.extensions.code,
  };
}

/** What is left of the client's limit, found out by an operation that draws on nothing of it. */
async function leftOf(client: Client, name = 'cost'): Promise<number> {
  return (await ask(client, '{ plain }')).limits[name]!.remaining!;
}

test('of many at the same time not one too many is let in', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => ask('seven', '{ author { name } }')));
  const statuses = all.map(({ status }) => status).sort();
  expect(statuses).toEqual([...Array(7).fill(200), ...Array(13).fill(429)]);
  expect(Math.min(...all.map(({ limits }) => limits.seven!.remaining!))).toBe(0);
});

test('hem.yml limits all clients together', async () => {
  const first = (await ask('seven', '{ plain }')).limits.all!.remaining!;
  await ask('dear', '{ plain }');
  expect((await ask('seven', '{ plain }')).limits.all!.remaining).toBe(first - 2 + 1);
});

describe('cost', () => {
  test('is reserved, and settled by the lists that came', async () => {
    const { limits } = await ask('dear', '{ books(first: 20) { title } }');
    expect(limits.cost).toMatchObject({ quota: 100, remaining: 40, unit: 'cost' });
    expect(await leftOf('dear')).toBe(100 - 5 * 3);
  });

  test('is nothing for what is null, or not executed', async () => {
    await ask('nulls', '{ failing { name } }');
    expect(await leftOf('nulls')).toBe(100);
    expect(
      (await ask('nulls', 'query ($n: Int) { books(first: $n) { title } }', { variables: { n: 'x' } })).code,
    ).toBe('BAD_VARIABLES');
    expect(await leftOf('nulls')).toBe(100);
    // Two books, the first without an author.
    await ask('nulls', '{ books(first: 2) { author { name } } }');
    expect(await leftOf('nulls')).toBe(100 - 2 * 3 - 1);
  });

  test('is what it was at most where a null has taken more than itself', async () => {
    expect((await ask('lost', '{ books(first: 5) { title } must { name } }')).body.data).toBeNull();
    expect(await leftOf('lost')).toBe(100 - (5 * 3 + 1));
    const { body } = await ask('lost', '{ plain known { books(first: 2) { title } sure } }');
    expect(body.data).toEqual({ plain: 1, known: null });
    expect(await leftOf('lost')).toBe(100 - (5 * 3 + 1) - 3 * (1 + 2 * 3));
  });

  test('is what it was at most where the caller does not wait for the answer', async () => {
    slow = Promise.withResolvers();
    const leaving = new AbortController();
    const gone = gateway
      .fetch('/gone/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: '{ slow books(first: 5) { title } }' }),
        signal: leaving.signal,
      })
      .catch(() => 'left');
    await arrived(1);
    leaving.abort();
    await gone;
    await expect.poll(() => leftOf('gone')).toBe(100 - 5 * 3);
    slow.resolve();
    await sleep(50);
    expect(await leftOf('gone')).toBe(100 - 5 * 3);
  });

  test('is that of the types that came', async () => {
    await ask('types', '{ things { ... on Small { name } ... on Large { name book { title } } } }');
    expect(await leftOf('types')).toBe(1000 - 1 - (50 + 3));
  });

  test('is not more than was reserved, unless a client says so', async () => {
    await ask('capped', '{ authors { name } }');
    expect(await leftOf('capped')).toBe(99);
    await ask('excess', '{ authors { name } }');
    expect(await leftOf('excess')).toBe(98);
  });

  test('that no waiting would give is an error of its own', async () => {
    const { status, body, headers } = await ask('dear', '{ matrix { title } }');
    expect(status).toBe(400);
    expect(body.errors?.[0]).toMatchObject({
      message:
        'This asks for 300 of the limit "cost" (100 cost per 3600 s), which never gives more than 100 at once: ask for less.',
      extensions: { code: 'COST_EXCEEDED', limit: { name: 'cost', retryAfterMs: null } },
    });
    expect(headers.has('ratelimit')).toBe(true);
    expect(headers.has('retry-after')).toBe(false);
  });
});

test('all limits are drawn on, or none is', async () => {
  const query = '{ a: author { name } b: author { best { title } } c: author { name } }';
  expect((await ask('both', query)).limits).toMatchObject({
    requests: { remaining: 9 },
    cost: { remaining: 4 },
  });
  const refused = await ask('both', query);
  expect(refused.code).toBe('LIMIT_EXCEEDED');
  expect(refused.body.errors?.[0]?.extensions['violated-policies']).toEqual(['cost']);
  expect(refused.limits).toMatchObject({ requests: { remaining: 9 }, cost: { remaining: 4 } });
});

test('who leaves is sent none, and pays for none', async () => {
  slow = Promise.withResolvers<void>();
  const leaving = new AbortController();
  const url = `/unsent/graphql?${new URLSearchParams({ query: '{ slow }' })}`;
  const asking = gateway.fetch(url, { signal: leaving.signal }).catch(() => 'left');
  await expect.poll(() => waiting).toBe(1);
  leaving.abort();
  expect(await asking).toBe('left');
  // Until the gateway has noticed.
  await sleep(100);
  slow.resolve();
  await expect.poll(() => waiting).toBe(0);
  // One has to be there to ask; of the next one it reads what is left before it.
  const { limits } = await ask('unsent', '{ plain }');
  expect(limits.bytes!.remaining).toBe(999);
});

test('bytes are those of the answers', async () => {
  const response = await gateway.fetch('/bytes/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ author { name } books(first: 5) { title author { name isbn } } }' }),
  });
  const { byteLength } = await response.arrayBuffer();
  expect(byteLength).toBeGreaterThan(200);
  const { limits } = await ask('bytes', '{ plain }');
  expect(limits.bytes).toMatchObject({
    unit: 'content-bytes',
    window: 86_400,
    remaining: 1000 - byteLength - 1,
  });
  for (let asked = 0; asked < 10; asked++)
    await ask('bytes', '{ books(first: 5) { title author { name isbn } } }');
  expect((await ask('bytes', '{ plain }')).code).toBe('LIMIT_EXCEEDED');
});

describe('what may wait', () => {
  test('is held back and let in', async () => {
    const begin = performance.now();
    const all = await Promise.all(Array.from({ length: 6 }, () => ask('held', '{ plain }')));
    expect(all.map(({ status }) => status)).toEqual(Array(6).fill(200));
    expect(performance.now() - begin).toBeGreaterThan(200);
  });

  test('is refused at once where it would take too long', async () => {
    expect((await ask('impatient', '{ plain }')).status).toBe(200);
    expect((await ask('impatient', '{ plain }')).status).toBe(429);
  });

  test('draws on nothing once its caller has left', async () => {
    expect((await ask('left', '{ plain }')).status).toBe(200);
    const before = backend.requests.length;
    const leaving = new AbortController();
    const gone = gateway
      .fetch('/left/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: '{ dear }' }),
        signal: leaving.signal,
      })
      .catch(() => 'left');
    await sleep(50);
    leaving.abort();
    expect(await gone).toBe('left');
    // Its turn would have been now: the next one has it.
    await sleep(50);
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    expect(metrics.match(/^hem_limit_decisions_total\{.*limit="left".*\} \d+$/gm) ?? []).toEqual([
      expect.stringMatching(/outcome="admitted".* 1$/),
    ]);
    const next = await ask('left', '{ text }');
    expect(next.status).toBe(200);
    expect(backend.requests.length - before).toBe(1);
  });
});

describe('what runs at the same time', () => {
  test('is counted until it is answered', async () => {
    slow = Promise.withResolvers();
    const running = [ask('running', '{ slow }'), ask('running', '{ slow }')];
    await arrived(2);
    const third = await ask('running', '{ plain }');
    expect(third.code).toBe('LIMIT_EXCEEDED');
    expect(third.limits.running).toMatchObject({ quota: 2, unit: 'concurrent-requests', remaining: 0 });
    slow.resolve();
    expect((await Promise.all(running)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await ask('running', '{ plain }')).status).toBe(200);
  });

  test('may wait for others to end', async () => {
    slow = Promise.withResolvers();
    const first = ask('queued', '{ slow }');
    await arrived(1);
    let ended = false;
    const second = ask('queued', '{ plain }').finally(() => {
      ended = true;
    });
    await sleep(100);
    expect(ended).toBe(false);
    slow.resolve();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
  });

  test('ends with a caller who leaves', async () => {
    slow = Promise.withResolvers();
    const leaving = new AbortController();
    const gone = [1, 2].map(() =>
      gateway
        .fetch('/running/graphql', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query: '{ slow }' }),
          signal: leaving.signal,
        })
        .catch(() => 'left'),
    );
    await arrived(2);
    leaving.abort();
    await Promise.all(gone);
    await expect.poll(async () => (await ask('running', '{ plain }')).status).toBe(200);
    slow.resolve();
  });
});

test('a shadow is counted, refuses nobody, and is told to nobody', async () => {
  for (const left of [2, 1, 0]) {
    const { status, limits } = await ask('shadow', '{ plain }');
    expect(status).toBe(200);
    expect(limits).toEqual({ all: expect.anything(), real: expect.objectContaining({ remaining: left }) });
  }
  expect((await ask('shadow', '{ plain }')).body.errors?.[0]?.extensions['violated-policies']).toEqual([
    'real',
  ]);
});

test('who has no key is known by the address', async () => {
  expect((await ask('address', '{ plain }')).status).toBe(200);
  expect((await ask('address', '{ plain }')).status).toBe(200);
  expect((await ask('address', '{ plain }')).body.errors?.[0]?.extensions.limit).toMatchObject({
    by: 'consumer',
  });
});

test('a window that rolls', async () => {
  expect((await ask('rolling', '{ plain }')).limits.rolling).toMatchObject({
    quota: 2,
    window: 3600,
    remaining: 1,
  });
  await ask('rolling', '{ plain }');
  const { status, headers } = await ask('rolling', '{ plain }');
  expect(status).toBe(429);
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(3500);
});

test('by claim: each team has its own, and who has none goes by the address', async () => {
  const as = async (team: unknown) => {
    const token = await sign(key, { sub: 'u', ...(team === undefined ? {} : { team }) });
    return ask('claims', '{ plain }', { headers: { authorization: `Bearer ${token}` } });
  };
  for (const team of ['a', 'b', 1, '1', undefined]) {
    expect((await as(team)).limits.team!.remaining, String(team)).toBe(1);
    expect((await as(team)).limits.team!.remaining).toBe(0);
    expect((await as(team)).status).toBe(429);
  }
  // A list says nothing of who somebody is.
  expect((await as(['c'])).status).toBe(429);
});

/** Until so many calls have reached the backend that takes its time. */
async function arrived(count: number): Promise<void> {
  await expect.poll(() => waiting, { interval: 5 }).toBe(count);
}
