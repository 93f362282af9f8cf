/** What a backend is told of who calls: headers from templates, tokens that Hem signs, tokens in exchange for the caller's. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createRemoteJWKSet, exportPKCS8, jwtVerify } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { clientYml, newKey, type SigningKey, sign } from '../auth/issuer.ts';
import { RawSocket } from '../doors/riders.ts';
import { RestBackend, startRestGateway } from '../support/backends/rest.ts';
import type { TestGateway } from '../support/gateway.ts';

let key: SigningKey;
let backend: RestBackend;

beforeAll(async () => {
  key = await newKey('k1');
});
beforeEach(async () => {
  backend = await RestBackend.start(() => ({ body: {} }));
});
afterEach(() => backend[Symbol.asyncDispose]());

function start(identity: unknown, more = ''): Promise<TestGateway> {
  return startRestGateway(backend, {
    schema:
      'type Query { a: JSON @rest(get: "/a")  b: JSON @rest(get: "/b")  c(id: ID): JSON @rest(get: "/c/{id}") }',
    settings: `identity: ${JSON.stringify(identity)}\n${more}`,
    client: clientYml({ keys: [key.publicJwk] }),
  });
}

async function call(gateway: TestGateway, claims?: Record<string, unknown>, query = '{ a }', headers = {}) {
  const authorization: Record<string, string> =
    claims === undefined
      ? {}
      : {
          authorization: `Bearer ${await sign(key, claims, claims.exp === undefined ? {} : { expiresIn: undefined })}`,
        };
  const { body } = await gateway.query('web', query, { headers: { ...authorization, ...headers } });
  const [error] = body.errors ?? [];
  return error === undefined
    ? backend.last.headers
    : { code: error.extensions.code, text: error.message, error };
}

describe('headers', () => {
  let gateway: TestGateway;
  let seen: RestBackend;
  beforeAll(async () => {
    seen = await RestBackend.start(() => ({ body: {} }));
    const templates = {
      'x-user': '{claims.sub}',
      'X-Roles': '{claims.roles|csv}',
      'x-where': '{claims.org.unit}@{claims.org.name}',
      'x-nothing': '{claims.nothing}{consumer}',
    };
    gateway = await startRestGateway(seen, {
      schema: 'type Query { a: JSON @rest(get: "/a") }',
      settings: `identity: ${JSON.stringify({ headers: templates })}`,
      client: clientYml({ keys: [key.publicJwk] }),
    });
  });
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await seen[Symbol.asyncDispose]();
  });

  async function told(claims?: Record<string, unknown>, headers: Record<string, string> = {}) {
    const before = seen.seen.length;
    const authorization: Record<string, string> =
      claims === undefined ? {} : { authorization: `Bearer ${await sign(key, claims)}` };
    const { body } = await gateway.query('web', '{ a }', { headers: { ...authorization, ...headers } });
    if (body.errors !== undefined) {
      expect(seen.seen.length).toBe(before);
      return String(body.errors[0]!.extensions.code);
    }
    return Object.fromEntries(
      Object.entries(seen.last.headers).filter(([name]) => name.startsWith('x-') && name !== 'x-request-id'),
    );
  }

  test('say what is known, and are absent where nothing is', async () => {
    expect(await told({ sub: 'ann', roles: ['a', 'b'], org: { unit: 'x', name: 'y' } })).toEqual({
      'x-user': 'ann',
      'x-roles': 'a,b',
      'x-where': 'x@y',
    });
    expect(await told({ sub: 7, org: { unit: 'x' } })).toEqual({ 'x-user': '7' });
    expect(await told({ sub: '' })).toEqual({});
    expect(await told()).toEqual({});
  });

  test('are nobody else’s to set', async () => {
    const spoofed = { 'X-User': 'admin', 'x-RoLeS': 'admin', 'x-where': 'x', 'x-nothing': 'x' };
    expect(await told(undefined, spoofed)).toEqual({});
    expect(await told({ sub: 'ann' }, spoofed)).toEqual({ 'x-user': 'ann' });
  });

  test.each([
    ['a line break', 'ann\r\nx-admin: 1'],
    ['a line feed', 'ann\nx'],
    ['NUL', 'ann\0'],
    ['a tab', 'ann\tx'],
    ['an escape', '\u001b[31m'],
    ['DEL', 'a\u007f'],
    ['a letter beyond ASCII', 'jürgen'],
    ['what some libraries cut down to a line feed', 'ann\u010ax-admin: 1'],
    ['a lone surrogate', 'a\ud800'],
    ['a space before it', ' ann'],
    ['a space after it', 'ann '],
    ['an object', { a: 1 }],
    ['a list', ['ann']],
  ])('never %s: the call fails, and is not made', async (_what, sub) => {
    expect(await told({ sub })).toBe('BAD_ARGUMENT');
  });

  test('prototype names are claims like others', async () => {
    await using own = await start({
      headers: { 'x-a': '{claims.constructor}', 'x-b': '{claims.toString}', 'x-c': '{claims.__proto__}' },
    });
    const headers = await call(own, { constructor: 'c' });
    expect(headers).toMatchObject({ 'x-a': 'c' });
    for (const name of ['x-b', 'x-c']) expect(headers).not.toHaveProperty(name);
  });
});

describe('a token', () => {
  const SETTINGS = { issuer: 'https://hem.example/', audience: 'shop' };

  async function newPem(alg: string): Promise<string> {
    return exportPKCS8((await newKey('own', alg)).privateKey);
  }

  function tokenIn(headers: Record<string, unknown>, name = 'authorization'): string {
    return String(headers[name]).replace(/^Bearer /, '');
  }

  test.each(['ES256', 'ES384', 'RS256', 'PS512', 'EdDSA'])(
    'is checked by the keys that Hem publishes: %s',
    async (algorithm) => {
      await using gateway = await start({
        token: { ...SETTINGS, algorithm, key: await newPem(algorithm), claims: ['email', 'toString'] },
      });
      const before = Math.floor(Date.now() / 1000);
      const token = tokenIn(
        await call(gateway, { sub: 'ann', scope: 'b a', email: 'a@b.example', secret: 'x' }),
      );
      const keys = createRemoteJWKSet(new URL(`${gateway.adminUrl}/jwks.json`));
      const { payload, protectedHeader } = await jwtVerify(token, keys, {
        issuer: SETTINGS.issuer,
        audience: SETTINGS.audience,
        requiredClaims: ['exp', 'iat'],
      });
      expect(protectedHeader).toMatchObject({ alg: algorithm, typ: 'JWT' });
      const { exp = 0, iat = 0, ...rest } = payload;
      expect(rest).toEqual({
        iss: SETTINGS.issuer,
        aud: 'shop',
        sub: 'ann',
        sub_iss: 'https://id.example/',
        scope: 'a b',
        email: 'a@b.example',
      });
      expect(exp - iat).toBe(60);
      expect(iat).toBeGreaterThanOrEqual(before);
    },
  );

  test('of which the key set has only the public part, once, and asks nobody for a token', async () => {
    const { privateKey } = await newKey('own', 'EdDSA');
    const { exportJWK } = await import('jose');
    const jwk = JSON.stringify(await exportJWK(privateKey));
    await using gateway = await start({
      token: { ...SETTINGS, algorithm: 'EdDSA', key: jwk, keyId: 'mine' },
    });
    const response = await fetch(`${gateway.adminUrl}/jwks.json`);
    expect(response.headers.get('content-type')).toBe('application/jwk-set+json');
    const { keys } = (await response.json()) as { keys: Array<Record<string, unknown>> };
    expect(keys).toEqual([
      { kty: 'OKP', crv: 'Ed25519', x: expect.any(String), kid: 'mine', alg: 'EdDSA', use: 'sig' },
    ]);
    const { d } = JSON.parse(jwk);
    expect(JSON.stringify(keys)).not.toContain(d);
  });

  test('by a secret, of which the key set says nothing', async () => {
    const secret = 'a secret that two of us know, and nobody else';
    await using gateway = await start({
      token: { ...SETTINGS, algorithm: 'HS512', key: secret, header: 'X-Caller' },
    });
    const headers = await call(gateway, { sub: 'ann' });
    const { payload } = await jwtVerify(tokenIn(headers, 'x-caller'), new TextEncoder().encode(secret));
    expect(payload.sub).toBe('ann');
    expect(headers).not.toHaveProperty('authorization');
    expect(await (await fetch(`${gateway.adminUrl}/jwks.json`)).json()).toEqual({ keys: [] });
  });

  test('is one for one caller until shortly before its end, and another for everybody else', async () => {
    await using gateway = await start({
      token: { ...SETTINGS, ttl: '5s', algorithm: 'ES256', key: await newPem('ES256') },
    });
    const exp = Math.floor(Date.now() / 1000) + 600;
    const first = tokenIn(await call(gateway, { sub: 'ann', exp }));
    expect(tokenIn(await call(gateway, { sub: 'ann', exp }, '{ b }'))).toBe(first);
    // Another token of the same user says the same of him.
    expect(tokenIn(await call(gateway, { sub: 'ann', exp: exp + 1 }))).toBe(first);
    expect(tokenIn(await call(gateway, { sub: 'ben', exp }))).not.toBe(first);
    expect(tokenIn(await call(gateway, { sub: 'ann', exp, scope: 'more' }))).not.toBe(first);
    await expect
      .poll(async () => tokenIn(await call(gateway, { sub: 'ann', exp })) === first, {
        timeout: 8000,
        interval: 100,
      })
      .toBe(false);
  }, 15_000);

  test('does not outlive the caller', async () => {
    await using gateway = await start({
      token: { ...SETTINGS, algorithm: 'ES256', key: await newPem('ES256'), ttl: '1h' },
    });
    const exp = Math.floor(Date.now() / 1000) + 100;
    const keys = createRemoteJWKSet(new URL(`${gateway.adminUrl}/jwks.json`));
    const { payload } = await jwtVerify(tokenIn(await call(gateway, { sub: 'ann', exp })), keys);
    // By as much as clocks may differ.
    expect(payload.exp).toBeLessThanOrEqual(exp + 10);
    const later = await jwtVerify(tokenIn(await call(gateway, { sub: 'ann', exp: exp + 50_000 })), keys);
    expect(later.payload.exp).toBeGreaterThan(exp + 3000);
  });

  test('says which application calls, and for whom', async () => {
    const spiffe = 'spiffe://prod.example/ns/shop/sa/web';
    const certificates = { scopes: { 'spiffe://prod.example/*': ['stock:read'] } };
    const secret = 'a secret that two of us know, and nobody else';
    const token = { ...SETTINGS, algorithm: 'HS256', key: secret };
    await using gateway = await startRestGateway(backend, {
      schema: 'type Query { a: JSON @rest(get: "/a") }',
      settings: `identity: ${JSON.stringify({ token })}`,
      hem: JSON.stringify({
        trustedProxies: { addresses: ['127.0.0.1'], headers: ['x-forwarded-client-cert'] },
      }),
      client: clientYml({ keys: [key.publicJwk] }, { auth: { certificates } }),
    });
    const said = async (headers: Record<string, unknown>) => {
      const { payload } = await jwtVerify(tokenIn(headers), new TextEncoder().encode(secret));
      const { iss: _iss, aud: _aud, iat: _iat, exp: _exp, ...rest } = payload;
      return rest;
    };
    const by = (element: string) => ({ 'x-forwarded-client-cert': element });
    expect(await said(await call(gateway, undefined, '{ a }', by(`URI=${spiffe}`)))).toEqual({
      sub: spiffe,
      spiffe_id: spiffe,
      scope: 'stock:read',
    });
    expect(await said(await call(gateway, { sub: 'ann', scope: 'a' }, '{ a }', by(`URI=${spiffe}`)))).toEqual(
      {
        sub: 'ann',
        sub_iss: 'https://id.example/',
        act: { sub: spiffe },
        spiffe_id: spiffe,
        scope: 'a',
      },
    );
    // A user whom his token does not name is not the application that he comes with.
    for (const [sub, named] of [
      [7, { sub: '7' }],
      [undefined, {}],
      [null, {}],
      ['', {}],
      [['ann'], {}],
    ] as const)
      expect(await said(await call(gateway, { sub, scope: 'a' }, '{ a }', by(`URI=${spiffe}`)))).toEqual({
        ...named,
        sub_iss: 'https://id.example/',
        act: { sub: spiffe },
        spiffe_id: spiffe,
        scope: 'a',
      });
    // No user can be called as an application is by chance: who says so has an issuer.
    expect(await said(await call(gateway, { sub: spiffe }))).toEqual({
      sub: spiffe,
      sub_iss: 'https://id.example/',
    });
    expect(await said(await call(gateway, undefined, '{ a }', by('Subject="CN=web"')))).toEqual({
      sub: 'subject:CN=web',
    });
    expect(await said(await call(gateway, undefined, '{ a }', by('DNS=web.example')))).toEqual({
      sub: 'dns:web.example',
    });
  });

  test('is there for nobody who is unknown, and callers’ own are not', async () => {
    await using gateway = await start({
      token: { ...SETTINGS, algorithm: 'ES256', key: await newPem('ES256'), header: 'x-caller' },
    });
    for (const headers of [{}, { 'X-Caller': 'eyJhbGciOiJub25lIn0.e30.' }])
      expect(await call(gateway, undefined, '{ a }', headers)).not.toHaveProperty('x-caller');
  });
});

describe('a token in exchange', () => {
  let issuer: RestBackend;
  let answer: { status?: number; body?: unknown } | undefined;
  let delayMs = 0;
  beforeEach(async () => {
    [answer, delayMs] = [undefined, 0];
    issuer = await RestBackend.start(async () => {
      await sleep(delayMs);
      return (
        answer ?? {
          body: {
            access_token: `t${issuer.seen.length}`,
            issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
            token_type: 'Bearer',
            expires_in: 3600,
          },
        }
      );
    });
  });
  afterEach(() => issuer[Symbol.asyncDispose]());

  const exchanging = (more = {}, settings = '') =>
    start(
      {
        exchange: {
          tokenUrl: `${issuer.url}/token?x=1`,
          clientId: 'hem:1',
          clientSecret: 's&cret',
          audience: 'shop',
          ...more,
        },
      },
      settings,
    );

  test('is asked for as RFC 8693 has it', async () => {
    await using gateway = await exchanging({
      scope: 'read write',
      subjectTokenType: 'urn:ietf:params:oauth:token-type:jwt',
    });
    const headers = await call(gateway, { sub: 'ann' });
    expect(headers).toMatchObject({ authorization: 'Bearer t1' });
    const { method, url, headers: sent, body } = issuer.last;
    expect(`${method} ${url}`).toBe('POST /token?x=1');
    expect(sent.authorization).toBe(`Basic ${Buffer.from('hem%3A1:s%26cret').toString('base64')}`);
    const { subject_token: subject, ...form } = Object.fromEntries(new URLSearchParams(body.toString()));
    expect(form).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: 'shop',
      scope: 'read write',
    });
    expect(JSON.parse(Buffer.from(subject!.split('.')[1]!, 'base64url').toString())).toMatchObject({
      sub: 'ann',
    });
  });

  test('is asked for once, however many calls need it, and kept for each caller', async () => {
    await using gateway = await exchanging();
    delayMs = 100;
    const exp = Math.floor(Date.now() / 1000) + 600;
    const authorization = `Bearer ${await sign(key, { sub: 'ann' }, { expiresIn: 600 })}`;
    const query = '{ a b c1: c(id: 1) c2: c(id: 2) c3: c(id: 3) }';
    await Promise.all([1, 2, 3].map(() => gateway.query('web', query, { headers: { authorization } })));
    expect(issuer.seen.length).toBe(1);
    expect(backend.seen.length).toBe(15);
    expect(new Set(backend.seen.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer t1']));
    expect(await call(gateway, { sub: 'ben', exp })).toMatchObject({ authorization: 'Bearer t2' });
    await gateway.query('web', query, { headers: { authorization } });
    expect(issuer.seen.length).toBe(2);
  });

  test('is asked for anew when it has expired', async () => {
    await using gateway = await exchanging();
    answer = { body: { access_token: 'short', token_type: 'Bearer', expires_in: 1 } };
    const authorization = `Bearer ${await sign(key)}`;
    const ask = () => gateway.query('web', '{ a }', { headers: { authorization } });
    await ask();
    await ask();
    expect(issuer.seen.length).toBe(1);
    await expect
      .poll(async () => ask().then(() => issuer.seen.length), { timeout: 5000, interval: 100 })
      .toBe(2);
  });

  test('that the backend refuses is asked for anew, though not for every refusal', async () => {
    await using gateway = await exchanging();
    const authorization = `Bearer ${await sign(key)}`;
    const ask = () => gateway.query('web', '{ a }', { headers: { authorization } });
    await ask();
    backend.answer = () => ({ status: 401, body: {} });
    await ask();
    await ask();
    expect(issuer.seen.length).toBe(1);
    await expect
      .poll(async () => ask().then(() => issuer.seen.length), { timeout: 5000, interval: 100 })
      .toBe(2);
  });

  test('never reaches callers, whether the backend takes it or not', async () => {
    await using gateway = await exchanging({}, 'errors: { detail: public }');
    answer = { body: { access_token: 'opaque-exchanged', token_type: 'Bearer' } };
    backend.answer = ({ headers }) => ({
      status: 401,
      body: { error: `${headers.authorization!.slice('Bearer '.length)} has expired` },
    });
    const authorization = `Bearer ${await sign(key)}`;
    for (let asked = 0; asked < 3; asked++) {
      const { body } = await gateway.query('web', '{ a }', { headers: { authorization } });
      expect(body.errors?.[0]?.extensions.detail).toEqual({ error: '[secret] has expired' });
      await sleep(600);
    }
  });

  test.each<[what: string, given: { status?: number; body?: unknown }, code: string]>([
    ['a refusal', { status: 400, body: { error: 'invalid_grant' } }, 'UPSTREAM_DENIED'],
    ['a client that it does not know', { status: 401, body: { error: 'invalid_client' } }, 'UPSTREAM_DENIED'],
    ['too many', { status: 429, body: {} }, 'UPSTREAM_LIMITED'],
    ['a failure', { status: 500, body: 'secret stack' }, 'UPSTREAM_UNAVAILABLE'],
    ['no token', { body: { token_type: 'Bearer' } }, 'UPSTREAM_INVALID'],
    [
      'a token that no header could carry',
      { body: { access_token: 'a\r\nb', token_type: 'Bearer' } },
      'UPSTREAM_INVALID',
    ],
    ['a token of another type', { body: { access_token: 'a', token_type: 'N_A' } }, 'UPSTREAM_INVALID'],
    ['no JSON', { body: '<html>' }, 'UPSTREAM_INVALID'],
    ['a redirect', { status: 302, body: '' }, 'UPSTREAM_DENIED'],
  ])(
    '%s is an error of the connector, and the caller’s token does not go instead',
    async (_what, given, code) => {
      await using gateway = await exchanging();
      answer = given;
      const failed = (await call(gateway, { sub: 'ann' })) as { code: string; error: { extensions: object } };
      expect(failed.code).toBe(code);
      expect(failed.error.extensions).toMatchObject({ connector: 'shop' });
      expect(JSON.stringify(failed)).not.toContain('secret');
      expect(backend.seen).toEqual([]);
      expect(await call(gateway)).not.toHaveProperty('authorization');
    },
  );

  test('that does not come in time is one, too, and costs nobody else his time', async () => {
    await using gateway = await exchanging({}, 'timeouts: { request: 300ms }');
    delayMs = 60_000;
    const [slow, other] = await Promise.all([
      call(gateway, { sub: 'ann' }),
      gateway.query('web', '{ a }').then(({ body }) => body),
    ]);
    expect(slow).toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    expect(other).toEqual({ data: { a: {} } });
  });

  test('that failed is not asked for with every call', async () => {
    await using gateway = await exchanging();
    answer = { status: 503 };
    const authorization = `Bearer ${await sign(key)}`;
    const ask = () => gateway.query('web', '{ a b }', { headers: { authorization } });
    for (const _ of [1, 2, 3]) await ask();
    expect(issuer.seen.length).toBe(1);
    answer = undefined;
    await expect
      .poll(async () => (await ask()).body.errors, { timeout: 5000, interval: 100 })
      .toBeUndefined();
    expect(issuer.seen.length).toBe(2);
  });
});

test('a socket of a client that does not care who calls forwards what connection_init says, or else what opened it', async () => {
  await using gateway = await startRestGateway(backend, {
    schema: 'type Query { a: JSON @rest(get: "/a") }',
    settings: 'identity: forward',
  });
  const told = async (opening: Record<string, string>, payload: unknown) => {
    await using socket = new RawSocket(gateway, undefined, { headers: opening });
    await socket.opened();
    socket.send({ type: 'connection_init', payload });
    await socket.until(({ type }) => type === 'connection_ack');
    socket.subscribe('a', '{ a }');
    await socket.until(({ id }) => id === 'a');
    return backend.last.headers.authorization;
  };
  expect(await told({}, { authorization: 'Basic b' })).toBe('Basic b');
  expect(await told({}, { headers: { Authorization: 'Basic b' } })).toBe('Basic b');
  expect(await told({ authorization: 'Basic a' }, undefined)).toBe('Basic a');
  expect(await told({ authorization: 'Basic a' }, { authorization: 'Basic b' })).toBe('Basic b');
  for (const odd of [7, null, ['Basic b'], { a: 1 }])
    expect(await told({ authorization: 'Basic a' }, { authorization: odd })).toBe('Basic a');
});
