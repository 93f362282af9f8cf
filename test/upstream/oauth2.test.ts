/** OAuth 2.0 client credentials towards a backend: fetched once, renewed in the background, forgotten when refused. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RestBackend, startRestGateway } from '../support/backends/rest.ts';
import type { TestGateway } from '../support/gateway.ts';

let issuer: RestBackend;
let backend: RestBackend;
/** How long tokens live, in seconds. */
let lifeS = 3600;
/** What tokens begin with. */
let prefix = 't';
/** How long the token endpoint takes. */
let delayMs = 0;

beforeEach(async () => {
  [lifeS, delayMs, prefix] = [3600, 0, 't'];
  issuer = await RestBackend.start(async () => {
    await sleep(delayMs);
    return {
      body: { access_token: `${prefix}${issuer.seen.length}`, token_type: 'bearer', expires_in: lifeS },
    };
  });
  backend = await RestBackend.start(({ headers }) => ({
    body: JSON.stringify(headers.authorization ?? 'nothing'),
  }));
});
afterEach(async () => {
  await issuer[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

function start(more = '', settings = '', engine = 'compiled'): Promise<TestGateway> {
  return startRestGateway(backend, {
    client: `engine: ${engine}\n`,
    schema:
      'type Query { token(id: ID): JSON @rest(get: "/token?id={id}")  other: JSON @rest(get: "/other") }',
    settings: `auth: { oauth2: { tokenUrl: "${issuer.url}/oauth/token?tenant=1", clientId: "hem:1", clientSecret: "s&cret", ${more} } }\n${settings}`,
  });
}

async function tokenOf(gateway: TestGateway, query = '{ token }'): Promise<unknown> {
  const { data, errors } = (await gateway.query('web', query)).body;
  return data?.token ?? errors?.[0]?.extensions.code;
}

test('the request for a token, basic', async () => {
  await using gateway = await start('scopes: [read, "write:all"], audience: shop');
  expect(await tokenOf(gateway)).toBe('Bearer t1');
  const { method, url, headers, body } = issuer.last;
  expect(`${method} ${url}`).toBe('POST /oauth/token?tenant=1');
  expect(headers.authorization).toBe(`Basic ${Buffer.from('hem%3A1:s%26cret').toString('base64')}`);
  expect(Object.fromEntries(new URLSearchParams(body.toString()))).toEqual({
    grant_type: 'client_credentials',
    scope: 'read write:all',
    audience: 'shop',
  });
});

test('the request for a token, in the body', async () => {
  await using gateway = await start('clientAuthentication: body');
  await tokenOf(gateway);
  expect(issuer.last.headers).not.toHaveProperty('authorization');
  expect(Object.fromEntries(new URLSearchParams(issuer.last.body.toString()))).toEqual({
    grant_type: 'client_credentials',
    client_id: 'hem:1',
    client_secret: 's&cret',
  });
});

test('one for all who wait for it, and for all who come later', async () => {
  delayMs = 100;
  await using gateway = await start();
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, id) => tokenOf(gateway, `{ token(id: ${id}) }`)),
  );
  expect(new Set(all)).toEqual(new Set(['Bearer t1']));
  expect(await tokenOf(gateway)).toBe('Bearer t1');
  expect(issuer.seen).toHaveLength(1);
});

test('renewed before it expires, while the old one serves', async () => {
  lifeS = 1;
  await using gateway = await start();
  expect(await tokenOf(gateway)).toBe('Bearer t1');
  delayMs = 120;
  await sleep(830);
  lifeS = 3600;
  // Past 80 % of its life: this call does not wait for the next one.
  expect(await tokenOf(gateway)).toBe('Bearer t1');
  await expect.poll(() => tokenOf(gateway)).toBe('Bearer t2');
  expect(issuer.seen).toHaveLength(2);
});

test('waited for when it has expired', async () => {
  lifeS = 0.05;
  await using gateway = await start();
  expect(await tokenOf(gateway)).toBe('Bearer t1');
  await sleep(80);
  expect(await tokenOf(gateway)).toBe('Bearer t2');
});

test('forgotten when the backend refuses it, and not again and again', async () => {
  await using gateway = await start();
  expect(await tokenOf(gateway)).toBe('Bearer t1');
  backend.answer = () => ({ status: 401 });
  const refused = await Promise.all([1, 2, 3, 4, 5].map((id) => tokenOf(gateway, `{ token(id: ${id}) }`)));
  expect(new Set(refused)).toEqual(new Set(['UPSTREAM_DENIED']));
  for (let id = 0; id < 5; id++) await tokenOf(gateway, `{ token(id: ${id}) }`);
  expect(issuer.seen.length).toBe(2);
  backend.answer = ({ headers }) => ({ body: JSON.stringify(headers.authorization) });
  expect(await tokenOf(gateway)).toBe('Bearer t2');
});

test('a 403 is about the right, not about the token', async () => {
  await using gateway = await start();
  backend.answer = () => ({ status: 403 });
  expect(await tokenOf(gateway)).toBe('UPSTREAM_DENIED');
  expect(await tokenOf(gateway)).toBe('UPSTREAM_DENIED');
  expect(issuer.seen).toHaveLength(1);
});

test.each([
  [{ status: 400, body: { error: 'invalid_client', secret: 's&cret' } }, 'UPSTREAM_DENIED'],
  [{ status: 401 }, 'UPSTREAM_DENIED'],
  [{ status: 302, headers: { location: 'http://127.0.0.1:1/' } }, 'UPSTREAM_DENIED'],
  [{ status: 404 }, 'UPSTREAM_DENIED'],
  [{ status: 429 }, 'UPSTREAM_LIMITED'],
  [{ status: 500 }, 'UPSTREAM_UNAVAILABLE'],
  [{ body: {} }, 'UPSTREAM_INVALID'],
  [{ body: '<html>' }, 'UPSTREAM_INVALID'],
  [{ body: { access_token: '' } }, 'UPSTREAM_INVALID'],
  [{ body: { access_token: 'a\r\nx-evil: 1' } }, 'UPSTREAM_INVALID'],
  [{ body: { access_token: 'a', token_type: 'mac' } }, 'UPSTREAM_INVALID'],
  [{ body: { access_token: 'a', expires_in: -1 } }, 'UPSTREAM_INVALID'],
])('a token endpoint that answers %j: %s, and the backend is not asked', async (answer, code) => {
  issuer.answer = () => answer;
  await using gateway = await start('', 'errors: { detail: public }\n');
  const { body } = await gateway.query('web', '{ token }');
  expect(body.errors?.[0]?.extensions).toMatchObject({ code, connector: 'shop' });
  expect(JSON.stringify(body)).not.toContain('cret');
  expect(backend.seen).toHaveLength(0);
  issuer.answer = () => ({ body: { access_token: 'good' } });
  expect(await tokenOf(gateway)).toBe('Bearer good');
});

test('a token endpoint that hangs costs the caller no more than the operation’s deadline', async () => {
  issuer.answer = () => undefined;
  await using gateway = await startRestGateway(backend, {
    schema: 'type Query { token: JSON @rest(get: "/token") }',
    hem: 'limits: { deadline: 300ms }',
    settings: `auth: { oauth2: { tokenUrl: "${issuer.url}/", clientId: a, clientSecret: b } }\n`,
  });
  const startedAt = performance.now();
  expect(await tokenOf(gateway)).toBe('UPSTREAM_TIMEOUT');
  expect(performance.now() - startedAt).toBeLessThan(2000);
});

test('a token that still lives serves while the token endpoint is away, which is not asked for every call', async () => {
  lifeS = 4;
  await using gateway = await start();
  await tokenOf(gateway);
  issuer.answer = () => ({ status: 503 });
  await sleep(3250);
  const tokens = Array.from({ length: 10 }, (_, id) => tokenOf(gateway, `{ token(id: ${id}) }`));
  expect(new Set(await Promise.all(tokens))).toEqual(new Set(['Bearer t1']));
  expect(issuer.seen.length).toBeLessThanOrEqual(2);
});

test.each(['compiled', 'reference'])(
  'a token that the backend repeats never reaches callers, %s',
  async (engine) => {
    prefix = 'opaque/token+';
    await using gateway = await start('', `errors: { detail: public }\n`, engine);
    backend.answer = ({ headers }) => {
      const token = headers.authorization!.slice('Bearer '.length);
      return {
        status: 401,
        body: { error: `${token} has expired`, address: `/?t=${encodeURIComponent(token)}` },
      };
    };
    // The second is asked with a new one, while the first is still known.
    for (let asked = 0; asked < 2; asked++) {
      const { errors } = (await gateway.query('web', '{ token other }')).body;
      expect(errors?.[0]?.extensions.detail).toEqual({
        error: '[secret] has expired',
        address: '/?t=[secret]',
      });
      expect(JSON.stringify(errors)).not.toContain('opaque');
      await sleep(1100);
    }
    expect(issuer.seen.length).toBe(2);
  },
);
