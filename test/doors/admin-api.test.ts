/** `/api/…` on the admin listener: operators by their token, consumers by theirs, and whoever tries. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FILES } from '../consumers/configuration.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';

let started: TestGateway;
let operator: Caller;

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape
type Answer = { readonly status: number; readonly body: any; readonly headers: Headers };
type Caller = (what: string, body?: unknown) => Promise<Answer>;

beforeAll(async () => {
  started = await startGateway({ files: FILES });
  operator = callerWith(started.gateway.adminToken);
});
afterAll(() => started[Symbol.asyncDispose]());

function callerWith(token: string): Caller {
  return (what, body) => {
    const [method, path] = what.split(' ');
    return call(`${path}`, {
      method: method!,
      headers: {
        authorization: `Bearer ${token}`,
        ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
      },
      ...(method === 'POST' ? { body: JSON.stringify(body ?? {}) } : {}),
    });
  };
}

async function call(path: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(started.adminUrl + path, init);
  return { status: response.status, body: await response.json(), headers: response.headers };
}

/** A consumer of its own for each test. */
async function newConsumer(name: string): Promise<Caller> {
  const { status, body } = await operator('POST /api/consumers', { name });
  expect([status, body.token]).toEqual([201, expect.stringMatching(/^hem_portal_/)]);
  return callerWith(body.token);
}

describe('operators', () => {
  test('see plans with their content', async () => {
    expect((await operator('GET /api/plans')).body.plans).toMatchObject([
      { name: 'free' },
      { name: 'partner', newest: 1 },
    ]);
    const { status, body, headers } = await operator('GET /api/plans/partner@1');
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(body).toMatchObject({
      name: 'partner',
      version: 1,
      content: { title: 'Partners', clients: ['web'] },
    });
    expect((await operator('GET /api/plans/partnr')).body).toMatchObject({
      title: 'NOT_FOUND',
      status: 404,
      detail: 'There is no plan "partnr"; did you mean "partner"?',
      requestId: expect.any(String),
    });
  });

  test('make consumers, subscriptions and keys, and end them', async () => {
    await newConsumer('one');
    expect((await operator('POST /api/consumers', { name: 'one' })).status).toBe(409);
    const subscription = (await operator('POST /api/subscriptions', { consumer: 'one', plan: 'partner' }))
      .body;
    expect(subscription).toMatchObject({ state: 'approved', plan: 'partner', planVersion: 1 });
    const made = await operator('POST /api/keys', {
      consumer: 'one',
      plan: 'partner',
      label: 'ci',
      expires: '90d',
    });
    expect([made.status, made.body.key]).toEqual([201, expect.stringMatching(/^hem_live_/)]);
    const { table } = started.gateway.registry!;
    expect(table.find(made.body.key)).toMatchObject({ id: made.body.id, consumer: 'one' });
    expect((await operator(`GET /api/keys/${made.body.id}`)).body.key).toBeUndefined();
    const next = await operator(`POST /api/keys/${made.body.id}/rotate`, { overlap: '1h' });
    expect(next.body).toMatchObject({ replaces: made.body.id, label: 'ci' });
    expect((await operator(`POST /api/keys/${made.body.id}/rotate`)).status).toBe(409);
    expect((await operator(`DELETE /api/keys/${next.body.id}`)).body.state).toBe('revoked');
    expect(table.find(next.body.key)).toBeUndefined();
    expect(table.find(made.body.key)?.id).toBe(made.body.id);
    await operator('POST /api/consumers/one/suspend');
    expect(table.find(made.body.key)).toBeUndefined();
    await operator('POST /api/consumers/one/resume');
    await operator(`POST /api/subscriptions/${subscription.id}/cancel`, { reason: 'over' });
    expect(table.whyNot(made.body.key)).toBe('cancelled');
    const { keys } = (await operator('GET /api/keys?consumer=one')).body;
    expect(keys.map(({ state }: { state: string }) => state)).toEqual(['cancelled', 'revoked']);
  });

  test('import keys by their hashes', async () => {
    await newConsumer('two');
    await operator('POST /api/subscriptions', { consumer: 'two', plan: 'free' });
    const hash = 'b14361404c078ffd549c03db443c3fede2f3e534d73f78f77301ed97d4a436a9';
    const imported = { consumer: 'two', plan: 'free', algorithm: 'sha256', hash, prefix: 'a' };
    expect((await operator('POST /api/keys/import', imported)).body).toMatchObject({ kind: 'imported' });
    expect((await operator('POST /api/keys/import', { ...imported, algorithm: 'md5' })).status).toBe(400);
  });

  test('read long lists in parts', async () => {
    for (const name of ['p1', 'p2', 'p3']) await newConsumer(name);
    const first = (await operator('GET /api/consumers?limit=2')).body;
    expect([first.consumers.length, first.next]).toEqual([2, first.consumers[1].name]);
    const rest = (await operator(`GET /api/consumers?after=${first.next}`)).body;
    expect(rest.next).toBeNull();
    expect(rest.consumers.map(({ name }: { name: string }) => name)).toContain('p3');
    expect(rest.consumers[0].name).not.toBe(first.next);
  });
});

describe('consumers', () => {
  test('ask for plans, and make keys where the rule or an operator says yes', async () => {
    const self = await newConsumer('self');
    expect((await self('GET /api/self')).body).toMatchObject({ name: 'self' });
    expect((await self('GET /api/self/plans')).body.plans).toMatchObject([
      { name: 'free', approval: 'automatic' },
      { name: 'partner', approval: 'operator', title: 'Partners' },
    ]);
    expect((await self('POST /api/self/subscriptions', { plan: 'free' })).body.state).toBe('approved');
    const asked = (await self('POST /api/self/subscriptions', { plan: 'partner' })).body;
    expect(asked.state).toBe('pending');
    expect((await self('POST /api/self/keys', { plan: 'partner' })).body).toMatchObject({
      title: 'CONFLICT',
      detail: expect.stringContaining('waits for approval'),
    });
    await operator(`POST /api/subscriptions/${asked.id}/approve`);
    const { key, id } = (await self('POST /api/self/keys', { plan: 'partner' })).body;
    expect(started.gateway.registry!.table.find(key)).toMatchObject({
      id,
      consumer: 'self',
      plan: 'partner',
    });
    expect((await self('GET /api/self/keys')).body.keys).toMatchObject([{ id, state: 'active' }]);
    expect((await self(`POST /api/self/keys/${id}/rotate`, { overlap: '0s' })).status).toBe(201);
    expect(started.gateway.registry!.table.whyNot(key)).toBe('rotated');
    expect((await self(`POST /api/self/subscriptions/${asked.id}/cancel`)).body.state).toBe('cancelled');
  });

  test('do not see, or touch, what is others’', async () => {
    const [mine, theirs] = [await newConsumer('mine'), await newConsumer('theirs')];
    const subscription = (await theirs('POST /api/self/subscriptions', { plan: 'free' })).body;
    const { id } = (await theirs('POST /api/self/keys', { plan: 'free' })).body;
    for (const what of [
      `GET /api/self/keys/${id}`,
      `POST /api/self/keys/${id}/rotate`,
      `DELETE /api/self/keys/${id}`,
      `POST /api/self/subscriptions/${subscription.id}/cancel`,
    ])
      expect([what, (await mine(what)).status]).toEqual([what, 404]);
    expect((await mine('GET /api/self/keys')).body.keys).toEqual([]);
    expect((await mine('POST /api/self/keys', { plan: 'free', consumer: 'theirs' })).status).toBe(400);
    for (const what of [
      'GET /api/keys',
      'GET /api/consumers',
      'POST /api/subscriptions',
      'GET /api/plans',
      'GET /api/nothing',
    ])
      expect([what, (await mine(what)).status]).toEqual([what, 401]);
    expect((await theirs(`GET /api/self/keys/${id}`)).body.state).toBe('active');
  });

  test('are suspended with their token, and have a new one when it is renewed', async () => {
    const self = await newConsumer('renewed');
    await operator('POST /api/consumers/renewed/suspend');
    expect((await self('GET /api/self')).status).toBe(403);
    await operator('POST /api/consumers/renewed/resume');
    const { token } = (await operator('POST /api/consumers/renewed/token')).body;
    expect((await self('GET /api/self')).status).toBe(401);
    expect((await callerWith(token)('GET /api/self')).status).toBe(200);
  });

  test('ask so often and no more', async () => {
    const self = await newConsumer('eager');
    const answers = await Promise.all(Array.from({ length: 80 }, () => self('GET /api/self')));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(5);
    expect(refused[0]!.body.title).toBe('LIMIT_EXCEEDED');
    expect(Number(refused[0]!.headers.get('retry-after'))).toBeGreaterThan(0);
    const other = await newConsumer('patient');
    expect((await other('GET /api/self')).status).toBe(200);
  });
});

describe('whoever tries', () => {
  const anonymous = (path: string, init: RequestInit = {}) => call(path, init);

  test.each(['/api/keys', '/api/self/keys', '/api/self', '/api/nothing', '/api/'])(
    '%s wants a token',
    async (path) => {
      for (const authorization of [
        '',
        'Bearer',
        'Bearer x',
        `Bearer ${'x'.repeat(5000)}`,
        'Basic eDp5',
        'Bearer hem_portal_',
      ])
        expect((await anonymous(path, { headers: { authorization } })).status).toBe(401);
    },
  );

  test('a consumer’s token is not the operators’, nor the other way round', async () => {
    expect((await operator('GET /api/self')).status).toBe(401);
  });

  const post = (path: string, body: BodyInit, contentType = 'application/json') =>
    call(path, {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${started.gateway.adminToken}`, 'content-type': contentType },
    });

  test.each([
    ['a form', 'name=x', 'application/x-www-form-urlencoded', 415],
    ['text', '{"name":"x"}', 'text/plain', 415],
    ['no JSON', '{"name":', undefined, 400],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), undefined, 400],
    ['a list', '[]', undefined, 400],
    ['null', 'null', undefined, 400],
    ['a text', '"x"', undefined, 400],
    ['nothing', '', undefined, 400],
    ['another key', '{"name":"x","admin":true}', undefined, 400],
    ['a prototype', '{"__proto__":{"name":"x"}}', undefined, 400],
    ['a constructor', '{"name":"x","constructor":{"prototype":{"a":1}}}', undefined, 400],
    ['a name that is none', '{"name":"../x"}', undefined, 400],
    ['a name of another kind', '{"name":{"toString":1}}', undefined, 400],
    ['a name with a NUL', '{"name":"a\\u0000"}', undefined, 400],
    ['very deep', `{"name":${'['.repeat(30_000)}${']'.repeat(30_000)}}`, undefined, 400],
    ['too large', JSON.stringify({ name: 'x'.repeat(100_000) }), undefined, 413],
    [
      'many keys',
      JSON.stringify(Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`k${i}`, i]))),
      undefined,
      400,
    ],
  ])('a body that is %s is refused', async (_what, body, contentType, status) => {
    const answer = await post('/api/consumers', body, contentType);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
    expect(JSON.stringify(answer.body).length).toBeLessThan(2000);
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });

  test.each([
    ['GET /api/keys?limit=0', 400],
    ['GET /api/keys?limit=1e9', 400],
    ['GET /api/keys?nothing=1', 400],
    ['GET /api/keys?__proto__=1', 400],
    ['GET /api/keys/%2e%2e%2fconsumers', 404],
    ['GET /api/keys/%ff', 400],
    ['GET /api/keys/__proto__', 404],
    ['GET /api/plans/constructor', 404],
    ['GET /api/consumers/toString', 404],
    ['DELETE /api/consumers', 405],
    ['DELETE /api/keys/nope', 404],
    ['GET /api/keys/a/rotate', 405],
    ['GET /api/keys/a/b/c', 404],
    ['GET /api//keys', 404],
    [`GET /api/keys/${'x'.repeat(300)}`, 404],
  ])('%s', async (what, status) => {
    expect((await operator(what)).status).toBe(status);
  });

  test.each([
    [{ overlap: '-1s' }],
    [{ overlap: '400d' }],
    [{ overlap: 10 }],
    [{ expires: 'yesterday' }],
    [{ expires: '2001-01-01' }],
    [{ expires: '9999-99-99' }],
    [{ expires: '0s' }],
  ])('a rotation with %o is refused', async (body) => {
    await operator('POST /api/consumers', { name: 'rotating' });
    await operator('POST /api/subscriptions', { consumer: 'rotating', plan: 'free' });
    const { id } = (await operator('POST /api/keys', { consumer: 'rotating', plan: 'free' })).body;
    expect((await operator(`POST /api/keys/${id}/rotate`, body)).status).toBe(400);
    expect((await operator(`GET /api/keys/${id}`)).body.replacedBy).toBeNull();
  });
});

test('without plans there is no API, and operators are told why', async () => {
  const { 'clients/plans.yml': _plans, ...others } = FILES;
  const files = { ...others, 'clients/web/client.yml': '{}' };
  await using bare = await startGateway({ files });
  const response = await fetch(`${bare.adminUrl}/api/keys`, {
    headers: { authorization: `Bearer ${bare.gateway.adminToken}` },
  });
  expect([response.status, await response.text()]).toEqual([
    404,
    expect.stringContaining('clients/plans.yml'),
  ]);
});
