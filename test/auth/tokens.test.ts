/** Tokens that are none, come from somewhere else, or are not for here: 401, and nobody fetches anything for them. */
import { createHmac, randomBytes } from 'node:crypto';
import { exportSPKI, generateKeyPair, importJWK, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { AUDIENCE, clientYml, ISSUER, KeyServer, newKey, type SigningKey, sign } from './issuer.ts';

const SECRET = 'a secret of at least thirty-two characters';
const SCHEMA = `
type Query {
  open: String @rest(get: "/open")
  sub: String @rest(get: "/sub/{claims.sub}") @authenticated
  scoped: String @rest(get: "/scoped") @requiresScopes(scopes: [["read"]])
}`;
const VIEW = 'type Query { open: String  sub: String  scoped: String }';

let key: SigningKey;
let rsa: SigningKey;
let keys: KeyServer;
let backend: JsonBackend;
let gateway: TestGateway;

beforeAll(async () => {
  [key, rsa] = await Promise.all([newKey('k1'), newKey('r1', 'RS256')]);
  keys = await KeyServer.start([key, rsa]);
  backend = await startJsonBackend(({ path }) => path);
  const jwks = { url: keys.url, coolDown: '1m' };
  gateway = await startGateway({
    files: {
      'connectors/things/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
      'connectors/things/schema.graphql': SCHEMA,
      ...client('web', clientYml(jwks, { issuer: { algorithms: ['ES256', 'RS256'] } })),
      ...client('closed', clientYml(jwks, { auth: { anonymous: false } })),
      ...client('secret', clientYml(undefined, { issuer: { secret: SECRET, algorithms: ['HS256'] } })),
      ...client('roles', clientYml({ keys: [key.publicJwk] }, { issuer: { scopes: ['permissions'] } })),
      ...client(
        'cookies',
        clientYml(
          { keys: [key.publicJwk] },
          {
            auth: {
              jwt: {
                cookie: 'session',
                issuers: [
                  {
                    issuer: ISSUER,
                    audience: AUDIENCE,
                    algorithms: ['ES256'],
                    jwks: { keys: [key.publicJwk] },
                  },
                ],
              },
            },
            client: { cors: { origins: ['https://app.example'] } },
          },
        ),
      ),
    },
  });
  // The keys are known from here on: what fetches them again is a mistake.
  expect((await ask('web', await sign(key))).status).toBe(200);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
  await keys[Symbol.asyncDispose]();
});
beforeEach(() => {
  keys.fetches = 0;
  backend.requests.length = 0;
});

function client(name: string, yml: string): Record<string, string> {
  return { [`clients/${name}/client.yml`]: yml, [`schemas/${name}.graphql`]: VIEW };
}

const ask = (name: string, token: string | undefined, query = '{ sub }', scheme = 'Bearer') =>
  gateway.query(name, query, token === undefined ? {} : { headers: { authorization: `${scheme} ${token}` } });

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const claims = (more: object = {}) => ({
  iss: ISSUER,
  aud: AUDIENCE,
  sub: 'u1',
  exp: Math.floor(Date.now() / 1000) + 600,
  ...more,
});

describe('a token that is none', () => {
  const HOSTILE: Readonly<Record<string, () => string | Promise<string>>> = {
    'no token at all': () => '',
    'one word': () => 'abc',
    'three words': () => 'a.b.c',
    'no JSON inside': () => 'AAAA.BBBB.CCCC',
    'JSON that is no object': () => `${encode([])}.${encode('x')}.AAAA`,
    'five parts, as an encrypted one': () => 'a.b.c.d.e',
    'other characters': () => '\u00e9.\u00e9.\u00e9',
    'longer than may be': () =>
      `${encode({ alg: 'ES256', kid: 'k1' })}.${encode(claims({ more: 'x'.repeat(9000) }))}.AAAA`,
    'alg none': () => `${encode({ alg: 'none' })}.${encode(claims())}.AAAA`,
    'alg none, without a signature': () => `${encode({ alg: 'none' })}.${encode(claims())}.`,
    'alg nOnE': () => `${encode({ alg: 'nOnE', kid: 'k1' })}.${encode(claims())}.AAAA`,
    'no alg': () => `${encode({ kid: 'k1' })}.${encode(claims())}.AAAA`,
    'RSA taken for HMAC: the public key as a secret': async () => {
      const spki = await exportSPKI((await importJWK(rsa.publicJwk, 'RS256')) as never);
      const text = `${encode({ alg: 'HS256', kid: 'r1' })}.${encode(claims())}`;
      return `${text}.${createHmac('sha256', spki).update(text).digest('base64url')}`;
    },
    'an algorithm that the issuer does not use': async () => sign(await newKey('k1', 'ES384')),
    'a key of its own in the header': async () => {
      const own = await newKey('k1');
      return sign(own, {}, { header: { jwk: own.publicJwk } });
    },
    'an address of keys in the header': async () =>
      sign(await newKey('k1'), {}, { header: { jku: keys.url, x5u: keys.url } }),
    'a chain of certificates in the header': async () =>
      sign(await newKey('k1'), {}, { header: { x5c: ['MIIB'] } }),
    'a kid that is a path': async () => sign(await newKey('../../../dev/null')),
    'a kid that is no text': async () => sign(await newKey('k1'), {}, { header: { kid: { $ne: '' } } }),
    'a kid without an end': async () => sign(await newKey('k'.repeat(1000))),
    'critical extensions': () =>
      `${encode({ alg: 'ES256', kid: 'k1', crit: ['exp'] })}.${encode(claims())}.AAAA`,
    'a changed claim': async () => {
      const [head, , signature] = (await sign(key)).split('.');
      return `${head}.${encode(claims({ sub: 'u2' }))}.${signature}`;
    },
    'a signature that is cut off': async () => (await sign(key)).slice(0, -4),
    'no exp': () => sign(key, {}, { expiresIn: undefined }),
    'an exp that is a text': () => sign(key, { exp: '9999999999' }),
    expired: () => sign(key, {}, { expiresIn: -60 }),
    'not yet valid': () => sign(key, { nbf: Math.floor(Date.now() / 1000) + 300 }),
    'another audience': () => sign(key, { aud: 'others' }),
    'no audience': () => sign(key, { aud: undefined }),
    'another issuer': () => sign(key, { iss: 'https://evil.example/' }),
    'an issuer that only begins alike': () => sign(key, { iss: `${ISSUER}x` }),
    'no issuer': () => sign(key, { iss: undefined }),
  };

  /** What its holder is told; all others are no JWT at all. */
  const TOLD: Readonly<Record<string, string>> = {
    'no token at all': 'There is no token',
    'longer than may be': 'longer than',
    'alg none': '"alg"',
    'alg nOnE': '"alg"',
    'no alg': '"alg"',
    'RSA taken for HMAC: the public key as a secret': '"alg"',
    'an algorithm that the issuer does not use': '"alg"',
    'a key of its own in the header': 'signature',
    'an address of keys in the header': 'signature',
    'a chain of certificates in the header': 'signature',
    'a kid that is a path': 'does not publish',
    'critical extensions': '"crit"',
    'a changed claim': 'signature',
    'a signature that is cut off': 'signature',
    'no exp': '"exp"',
    'an exp that is a text': '"exp"',
    expired: 'has expired',
    'not yet valid': '"nbf"',
    'another audience': '"aud"',
    'no audience': '"aud"',
    'another issuer': '"iss"',
    'an issuer that only begins alike': '"iss"',
    'no issuer': '"iss"',
  };

  test.each(Object.entries(HOSTILE))('%s', async (name, make) => {
    const token = await make();
    const answer = await ask('web', encodeURI(token));
    expect(answer.status).toBe(401);
    expect(answer.body.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    const { message } = answer.body.errors![0]!;
    expect(message).toContain(TOLD[name] ?? 'This is no token');
    expect(answer.headers.get('www-authenticate')).toBe(
      `Bearer realm="hem", error="invalid_token", error_description="${message.replaceAll('"', '')}"`,
    );
    expect(answer.body.data).toBeUndefined();
    expect(keys.fetches).toBe(0);
    expect(backend.requests).toEqual([]);
  });

  test('a million characters never get as far', async () => {
    const answer = await gateway
      .fetch('/web/graphql?query={open}', { headers: { authorization: `Bearer ${'x'.repeat(1_000_000)}` } })
      .then(({ status }) => status)
      // The connection is closed while they are sent.
      .catch(() => 431);
    expect(answer).toBe(431);
  });

  test('is refused although the client lets the unknown in, and although nothing protected is asked for', async () => {
    expect((await ask('web', 'abc', '{ open }')).status).toBe(401);
    expect((await ask('web', undefined, '{ open }')).status).toBe(200);
  });

  test('a hundred tokens of unknown keys fetch the keys once at most', async () => {
    const tokens = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => sign({ ...key, kid: `unknown-${index}` })),
    );
    const answers = await Promise.all(tokens.map((token) => ask('web', token)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    expect(keys.fetches).toBeLessThanOrEqual(1);
  });
});

describe('a good token', () => {
  test('gives its claims to bindings', async () => {
    expect((await ask('web', await sign(key, { sub: 'ann' }))).body).toEqual({ data: { sub: '/sub/ann' } });
    expect((await ask('web', await sign(rsa, { sub: 'ben' }))).body).toEqual({ data: { sub: '/sub/ben' } });
  });

  test.each(['bearer', 'BEARER', 'Bearer '])('whatever the case of the scheme: %j', async (scheme) => {
    expect((await ask('web', await sign(key), '{ sub }', scheme)).status).toBe(200);
  });

  test.each([
    ['a text', { scope: 'write read' }],
    ['a list', { scope: ['write', 'read'] }],
    ['the claim scp', { scp: ['read'] }],
  ])('says its scopes as %s', async (_name, given) => {
    expect((await ask('web', await sign(key, given), '{ scoped }')).body).toEqual({
      data: { scoped: '/scoped' },
    });
  });

  test.each([
    ['elsewhere', { permissions: ['read'] }],
    ['as something else', { scope: { read: true } }],
    ['in longer words', { scope: 'reader xread' }],
  ])('has no scopes %s', async (_name, given) => {
    const { status, body, headers } = await ask('web', await sign(key, given), '{ scoped }');
    expect(status).toBe(403);
    expect(body.errors).toMatchObject([
      {
        message: expect.stringContaining('Query.scoped'),
        extensions: { code: 'FORBIDDEN', denied: [{ coordinate: 'Query.scoped', scopes: [[['read']]] }] },
      },
    ]);
    expect(headers.get('www-authenticate')).toBe(
      'Bearer realm="hem", error="insufficient_scope", scope="read"',
    );
  });

  test('may have its scopes where client.yml says', async () => {
    expect((await ask('roles', await sign(key, { permissions: ['read'] }), '{ scoped }')).status).toBe(200);
    expect((await ask('roles', await sign(key, { scope: 'read' }), '{ scoped }')).status).toBe(403);
  });

  test('may be for several', async () => {
    expect((await ask('web', await sign(key, { aud: ['others', AUDIENCE] }))).status).toBe(200);
  });

  test('is good a few seconds longer than it says, for clocks that differ', async () => {
    expect((await ask('web', await sign(key, {}, { expiresIn: -5 }))).status).toBe(200);
  });

  test('of nasty claims leaves prototypes as they are', async () => {
    const token = await sign(
      key,
      JSON.parse('{"__proto__":{"polluted":1},"constructor":{"x":1},"then":"y"}'),
    );
    expect((await ask('web', token)).status).toBe(200);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test('without a kid is judged by the only key that fits', async () => {
    const token = await new SignJWT(claims()).setProtectedHeader({ alg: 'ES256' }).sign(key.privateKey);
    expect((await ask('web', token)).status).toBe(200);
  });

  test('signed with a secret is taken where client.yml has one, and only there', async () => {
    const signer = { kid: 's', alg: 'HS256', privateKey: new TextEncoder().encode(SECRET) };
    expect((await ask('secret', await sign(signer))).status).toBe(200);
    expect((await ask('secret', await sign({ ...signer, privateKey: randomBytes(32) }))).status).toBe(401);
    expect((await ask('secret', await sign(key))).status).toBe(401);
    expect((await ask('web', await sign(signer))).status).toBe(401);
  });

  test('is verified for one client, not for the next', async () => {
    const token = await sign(key, { aud: AUDIENCE });
    expect((await ask('web', token)).status).toBe(200);
    expect((await ask('secret', token)).status).toBe(401);
  });

  test('does not travel on, and headers that name somebody do not either', async () => {
    const { headers } = await seen(async (url) => {
      await using other = await startGateway({
        files: {
          'connectors/things/connector.yml': `kind: rest\nendpoint: ${url}`,
          'connectors/things/schema.graphql': SCHEMA,
          ...client('web', clientYml({ keys: [key.publicJwk] })),
        },
      });
      await other.query('web', '{ open }', {
        headers: {
          authorization: `Bearer ${await sign(key)}`,
          'x-user-id': 'root',
          'x-forwarded-client-cert': 'By=x',
          'x-forwarded-user': 'root',
          cookie: 'a=b',
        },
      });
    });
    expect(Object.keys(headers).filter((name) => /auth|x-user|forwarded|cookie/.test(name))).toEqual([]);
  });
});

describe('a client that wants to know its callers', () => {
  test('refuses the unknown, and says what to do', async () => {
    const { status, body, headers } = await ask('closed', undefined, '{ open }');
    expect(status).toBe(401);
    expect(body.errors).toMatchObject([
      {
        message: 'This client needs credentials: send a token as "Authorization: Bearer …".',
        extensions: { code: 'UNAUTHENTICATED' },
      },
    ]);
    expect(headers.get('www-authenticate')).toBe('Bearer realm="hem"');
    expect(backend.requests).toEqual([]);
  });

  test('refuses other schemes, as they name nobody', async () => {
    expect((await ask('closed', 'dTpw', '{ open }', 'Basic')).status).toBe(401);
    expect((await ask('web', 'dTpw', '{ open }', 'Basic')).status).toBe(200);
  });

  test('shows its schema to the known only', async () => {
    expect((await gateway.fetch('/closed/schema.graphql')).status).toBe(401);
    const authorization = `Bearer ${await sign(key)}`;
    const response = await gateway.fetch('/closed/schema.graphql', { headers: { authorization } });
    expect(response.status).toBe(200);
    expect(await response.text()).not.toMatch(/@authenticated|@requiresScopes/);
    expect((await ask('closed', undefined, '{ __schema { queryType { name } } }')).status).toBe(401);
  });

  test('refuses before it reads what was sent', async () => {
    const response = await gateway.fetch('/closed/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{',
    });
    expect(response.status).toBe(401);
  });
});

describe('a token in a cookie', () => {
  const JSON_POST = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"query":"{ sub }"}',
  };
  const GET = { method: 'GET', headers: {} };
  const send = async (
    { method, headers, body }: { method: string; headers: Record<string, string>; body?: string },
    more: Record<string, string> = {},
  ) => {
    const cookie = `other=1; session=${await sign(key)}; last=2`;
    const search = method === 'GET' ? '?query={sub}' : '';
    const response = await gateway.fetch(`/cookies/graphql${search}`, {
      method,
      headers: { ...headers, cookie, ...more },
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, text: await response.text() };
  };

  test('counts where browsers ask a preflight first', async () => {
    expect(await send(JSON_POST)).toEqual({ status: 200, text: '{"data":{"sub":"/sub/u1"}}' });
  });

  test.each([
    ['by GET', GET, {}],
    ['by GET of another site', GET, { origin: 'https://evil.example' }],
    [
      'from another site, although it has the header',
      GET,
      { origin: 'https://evil.example', 'x-requested-with': 'x' },
    ],
    ['from another site that sends JSON', JSON_POST, { origin: 'https://evil.example' }],
    ['from nowhere', JSON_POST, { origin: 'null' }],
  ])('does not count %s', async (_name, init, more) => {
    const { status, text } = await send(init, more);
    expect(status).toBe(400);
    expect(text).toMatch(/BAD_REQUEST/);
    expect(backend.requests).toEqual([]);
  });

  test.each([
    ['a header that forms cannot set', { 'graphql-require-preflight': '1' }],
    ['a listed origin', { origin: 'https://app.example' }],
    ['what browsers say of the same origin', { 'sec-fetch-site': 'same-origin' }],
  ])('counts by GET with %s', async (_name, more) => {
    expect((await send(GET, more)).status).toBe(200);
  });

  test('counts by GET of the same origin', async () => {
    expect((await send(GET, { origin: gateway.url })).status).toBe(200);
  });

  test('is not looked at where there is a header', async () => {
    expect((await send(GET, { authorization: `Bearer ${await sign(key)}` })).status).toBe(200);
    expect((await send(JSON_POST, { authorization: 'Bearer abc' })).status).toBe(401);
  });

  test('is none when there are two of the name', async () => {
    const token = await sign(key);
    expect((await send(JSON_POST, { cookie: `session=${token}; session=${token}` })).status).toBe(401);
  });

  test('is none where client.yml names no cookie', async () => {
    const response = await gateway.fetch('/closed/graphql', {
      ...JSON_POST,
      headers: { ...JSON_POST.headers, cookie: `session=${await sign(key)}` },
    });
    expect(response.status).toBe(401);
  });
});

/** What one request carries that a backend gets. */
async function seen(use: (url: string) => Promise<void>): Promise<{ headers: Record<string, unknown> }> {
  const { createServer } = await import('node:http');
  let headers: Record<string, unknown> = {};
  const server = createServer((request, response) => {
    headers = request.headers;
    response.writeHead(200, { 'content-type': 'application/json' }).end('"x"');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  return { headers };
}

test('keys that sign nothing here are not needed', async () => {
  const { privateKey } = await generateKeyPair('ES256');
  expect((await ask('web', await sign({ kid: 'k1', alg: 'ES256', privateKey }))).status).toBe(401);
});
