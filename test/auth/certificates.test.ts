/** Callers who are known by a client certificate, over TLS of the gateway's own. */
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Authority, type Pair } from '../support/authority.ts';
import { RestBackend } from '../support/backends/rest.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { clientYml, newKey, type SigningKey, sign } from './issuer.ts';
import { ask, openSocket, type Way } from './way.ts';

const SCHEMA = `
type Query {
  open: String @rest(get: "/open", select: "value")
  known: String @rest(get: "/known", select: "value") @authenticated
  secret: String @rest(get: "/secret", select: "value") @requiresScopes(scopes: [["stock:read"]])
}
`;
const VIEW = SCHEMA.replace(/@\w+\((?:[^()"]|"[^"]*")*\)|@authenticated/g, '');
/** Clients where somebody can have the scope. */
const SCOPED = new Set(['optional', 'required']);
const UNSCOPED = VIEW.replace(/ *secret: String/, '');
const WEB = 'spiffe://prod.example/ns/shop/sa/web';

let authority: Authority;
let stranger: Authority;
let backend: RestBackend;
let gateway: TestGateway;
let key: SigningKey;
const pairs: Record<string, Pair> = {};

beforeAll(async () => {
  [authority, stranger, backend, key] = await Promise.all([
    Authority.make(),
    Authority.make('stranger'),
    RestBackend.start(({ url }) => ({ body: { value: `value of ${url}` } })),
    newKey('k1'),
  ]);
  const server = await authority.issue({ subject: '/CN=hem', names: 'IP:127.0.0.1' });
  pairs.web = await authority.issue({ subject: '/O=Example/CN=web', names: `URI:${WEB}, DNS:web.example` });
  pairs.stock = await authority.issue({
    subject: '/CN=x',
    names: 'URI:spiffe://prod.example/ns/stock/sa/main',
  });
  pairs.test = await authority.issue({ subject: '/CN=x', names: 'URI:spiffe://test.example/ns/shop/sa/web' });
  pairs.two = await authority.issue({ subject: '/CN=x', names: `URI:${WEB}, URI:${WEB}2` });
  pairs.dots = await authority.issue({
    subject: '/CN=x',
    names: 'URI:spiffe://prod.example/ns/shop/../sa/web',
  });
  pairs.named = await authority.issue({
    subject: '/O=Example/OU=Kiosk/CN=k-17',
    names: 'DNS:K-17.kiosk.example',
  });
  pairs.comma = await authority.issue({ subject: '/CN=evil,O=Example' });
  pairs.commaInName = await authority.issue({ subject: '/O=Example/CN=evil,OU=Press' });
  pairs.plusInName = await authority.issue({ subject: '/O=Example/CN=evil+OU=Press' });
  pairs.press = await authority.issue({ subject: '/O=Example/OU=Press/CN=Meyer, Ann' });
  pairs.expired = await authority.issue({ subject: '/O=Example/CN=web', names: `URI:${WEB}`, endsIn: -60 });
  pairs.stranger = await stranger.issue({ subject: '/O=Example/CN=web', names: `URI:${WEB}` });
  const jwt = { keys: [key.publicJwk] };
  const certificates = {
    trustDomains: ['prod.example'],
    scopes: { 'spiffe://prod.example/ns/stock/*': ['stock:read'] },
  };
  const clients = {
    open: '{}',
    optional: clientYml(jwt, { auth: { certificates } }),
    required: clientYml(jwt, { auth: { certificates: { ...certificates, required: true } } }),
    only: JSON.stringify({
      auth: { anonymous: false, certificates: { allow: ['spiffe://prod.example/ns/shop/sa/*'] } },
    }),
    names: JSON.stringify({
      auth: {
        certificates: { allow: ['dns:*.kiosk.example', 'CN=*,OU=Press,O=Example', 'CN=evil,O=Example'] },
      },
    }),
    all: JSON.stringify({ auth: { certificates: {} } }),
    'any-page': JSON.stringify({ auth: { certificates: {} }, cors: { origins: ['*'] } }),
    'one-page': JSON.stringify({ auth: { certificates: {} }, cors: { origins: ['https://app.example'] } }),
  };
  gateway = await startGateway({
    files: {
      'hem.yml': JSON.stringify({
        listen: { tls: { ...server, clientCa: authority.certificate } },
        trustedProxies: ['127.0.0.5'],
      }),
      'connectors/shop/connector.yml': JSON.stringify({
        kind: 'rest',
        endpoint: backend.url,
        identity: { headers: { 'x-spiffe': '{spiffe}', 'x-subject': '{subject}', 'x-user': '{claims.sub}' } },
      }),
      'connectors/shop/schema.graphql': SCHEMA,
      ...Object.fromEntries(
        Object.entries(clients).flatMap(([name, yml]) => [
          [`clients/${name}/client.yml`, yml],
          [
            `schemas/${name}.graphql`,
            name === 'open' ? 'type Query { open: String }' : SCOPED.has(name) ? VIEW : UNSCOPED,
          ],
        ]),
      ),
    },
  });
});
afterAll(async () => {
  for (const one of [gateway, backend, authority, stranger]) await one?.[Symbol.asyncDispose]();
});

function call(client: string, query: string, way: Way & { readonly by?: string } = {}) {
  const { by, ...rest } = way;
  return ask(`${gateway.url}/${client}/graphql`, query, {
    ca: authority.certificate,
    shows: by === undefined ? undefined : pairs[by],
    ...rest,
  });
}

/** The code that an operation is refused with, or "ok". */
async function verdict(
  client: string,
  query: string,
  way?: Way & { readonly by?: string },
): Promise<unknown> {
  const { body } = await call(client, query, way);
  return body.errors?.[0]?.extensions.code ?? (Object.values(body.data)[0] === null ? 'null' : 'ok');
}

const bearer = async (claims = {}) => ({ authorization: `Bearer ${await sign(key, claims)}` });

test('the listener speaks TLS 1.2 and later, and no plain HTTP', async () => {
  expect(gateway.url).toMatch(/^https:/);
  const { port } = new URL(gateway.url);
  const handshake = (maxVersion: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') =>
    new Promise((resolve) => {
      const options = { port: Number(port), host: '127.0.0.1', ca: authority.certificate } as const;
      const socket = connect({ ...options, minVersion: 'TLSv1', maxVersion, ciphers: 'DEFAULT:@SECLEVEL=0' });
      socket.once('secureConnect', () => resolve(socket.getProtocol()));
      socket.once('error', () => resolve('refused'));
    });
  expect(await handshake('TLSv1.1')).toBe('refused');
  expect(await handshake('TLSv1.2')).toBe('TLSv1.2');
  expect(await handshake('TLSv1.3')).toBe('TLSv1.3');
  await expect(fetch(gateway.url.replace('https', 'http'))).rejects.toThrow();
  expect(await verdict('open', '{ open }')).toBe('ok');
});

describe('a certificate alone makes its holder known', () => {
  test.each([
    ['optional', 'web', 'ok'],
    ['optional', undefined, 'UNAUTHENTICATED'],
    // Of a trust domain that is not in the list, with no one SPIFFE id, or with one that is none: as if there was no certificate.
    ['optional', 'test', 'UNAUTHENTICATED'],
    ['optional', 'two', 'UNAUTHENTICATED'],
    ['optional', 'dots', 'UNAUTHENTICATED'],
    ['optional', 'named', 'UNAUTHENTICATED'],
    ['optional', 'expired', 'UNAUTHENTICATED'],
    ['optional', 'stranger', 'UNAUTHENTICATED'],
    ['only', 'web', 'ok'],
    ['only', 'stock', 'UNAUTHENTICATED'],
    ['only', 'test', 'UNAUTHENTICATED'],
    ['only', undefined, 'UNAUTHENTICATED'],
    ['names', 'named', 'ok'],
    ['names', 'web', 'UNAUTHENTICATED'],
    // Its one part has a comma; it does not have an organisation.
    ['names', 'comma', 'UNAUTHENTICATED'],
    ['names', 'commaInName', 'UNAUTHENTICATED'],
    ['names', 'plusInName', 'UNAUTHENTICATED'],
    ['names', 'press', 'ok'],
    ['all', 'two', 'ok'],
    ['all', 'stranger', 'UNAUTHENTICATED'],
  ])('%s, %s: %s', async (client, by, expected) => {
    const before = backend.seen.length;
    expect(await verdict(client, '{ known }', { by })).toBe(expected);
    expect(backend.seen.length - before).toBe(expected === 'ok' ? 1 : 0);
    expect(await verdict(client, '{ known }', { by, method: 'GET' })).toBe(expected);
  });

  test('and the backend is told who it is', async () => {
    await call('optional', '{ known }', {
      by: 'web',
      headers: { 'X-Spiffe': 'spiffe://prod.example/admin' },
    });
    expect(backend.seen.at(-1)!.headers).toMatchObject({ 'x-spiffe': WEB, 'x-subject': 'CN=web,O=Example' });
    await call('optional', '{ open }', { headers: { 'X-Spiffe': WEB, connection: 'x-spiffe' } });
    expect(backend.seen.at(-1)!.headers).not.toHaveProperty('x-spiffe');
  });

  test('with scopes where client.yml says so', async () => {
    expect(await verdict('optional', '{ secret }', { by: 'stock' })).toBe('ok');
    expect(await verdict('optional', '{ secret }', { by: 'web' })).toBe('FORBIDDEN');
  });
});

describe('together with a token', () => {
  test('the user may what the token says, not what the application may', async () => {
    const headers = await bearer({ scope: 'other' });
    expect(await verdict('optional', '{ secret }', { by: 'stock', headers })).toBe('FORBIDDEN');
    expect(await verdict('optional', '{ secret }', { headers: await bearer({ scope: 'stock:read' }) })).toBe(
      'ok',
    );
    await call('optional', '{ known }', { by: 'web', headers });
    expect(backend.seen.at(-1)!.headers).toMatchObject({ 'x-spiffe': WEB, 'x-user': 'u1' });
  });

  test('a wrong token is refused, whatever the certificate is', async () => {
    const headers = { authorization: 'Bearer a.b.c' };
    expect(await verdict('optional', '{ open }', { by: 'web', headers })).toBe('UNAUTHENTICATED');
  });

  test('a certificate that is required cannot be replaced', async () => {
    const headers = await bearer({ scope: 'stock:read' });
    for (const by of [undefined, 'test', 'expired', 'stranger'])
      expect(await verdict('required', '{ open }', { by, headers })).toBe('UNAUTHENTICATED');
    expect(await verdict('required', '{ open }', { by: 'web' })).toBe('ok');
    expect(await verdict('required', '{ secret }', { by: 'web', headers })).toBe('ok');
    const { status, body } = await call('required', '{ open }', {
      headers: { accept: 'application/graphql-response+json' },
    });
    expect(status).toBe(401);
    expect(body.errors![0]!.message).toContain('client certificate');
  });
});

test('the certificate of a proxy is not its callers’', async () => {
  const headers = { 'x-forwarded-for': '192.0.2.7' };
  expect(await verdict('optional', '{ known }', { by: 'web', from: '127.0.0.4', headers })).toBe('ok');
  expect(await verdict('optional', '{ known }', { by: 'web', from: '127.0.0.5', headers })).toBe(
    'UNAUTHENTICATED',
  );
});

test('the header of a proxy counts for nothing from others', async () => {
  const headers = { 'x-forwarded-client-cert': `Hash=${'a'.repeat(64)};URI=${WEB}` };
  expect(await verdict('optional', '{ known }', { headers })).toBe('UNAUTHENTICATED');
});

describe('a websocket that a page opens', () => {
  const askFrom = async (origin: string | undefined, client: string) => {
    const headers: Record<string, string> = origin === undefined ? {} : { origin };
    const { client: socket } = openSocket(`${gateway.url}/${client}/graphql`, {
      ca: authority.certificate,
      shows: pairs.web,
      headers,
    });
    const [answer] = await Array.fromAsync(socket.iterate({ query: '{ known }' }));
    await socket.dispose();
    return answer?.errors?.[0]?.extensions?.code ?? 'ok';
  };

  test('is not opened by who has the certificate, unless the page may act for him', async () => {
    expect(await askFrom(undefined, 'any-page')).toBe('ok');
    expect(await askFrom(gateway.url, 'any-page')).toBe('ok');
    expect(await askFrom('https://evil.example', 'any-page')).toBe('UNAUTHENTICATED');
    expect(await askFrom('https://app.example', 'one-page')).toBe('ok');
  });
});

describe('a websocket', () => {
  const socket = (client: string, by: string | undefined, params?: Record<string, unknown>) =>
    openSocket(
      `${gateway.url}/${client}/graphql`,
      { ca: authority.certificate, shows: by === undefined ? undefined : pairs[by] },
      params,
    );

  test('is its holder’s', async () => {
    const { client } = socket('required', 'stock');
    const { value } = await client.iterate({ query: '{ secret }' }).next();
    expect(value).toEqual({ data: { secret: 'value of /secret' } });
    await client.dispose();
  });

  test('is closed where the certificate is missing', async () => {
    const { client, closed } = socket('required', undefined, await bearer());
    await expect(client.iterate({ query: '{ open }' }).next()).rejects.toMatchObject({ code: 4403 });
    expect(await closed).toMatchObject({ code: 4403, reason: expect.stringMatching(/^UNAUTHENTICATED: /) });
  });

  test.each(['alone', 'with a token'])(
    'ends with the certificate, %s',
    async (how) => {
      pairs.short = await authority.issue({ subject: '/CN=x', names: `URI:${WEB}`, endsIn: 3 });
      const { client, closed } = socket('required', 'short', how === 'alone' ? undefined : await bearer());
      const { value } = await client.iterate({ query: '{ known }' }).next();
      expect(value?.errors).toBeUndefined();
      // Kept open by something that goes on for longer.
      backend.answer = () => new Promise(() => {});
      void client
        .iterate({ query: '{ open }' })
        .next()
        .catch(() => {});
      expect(await closed).toMatchObject({ code: 4403 });
      backend.answer = ({ url }) => ({ body: { value: `value of ${url}` } });
      await client.dispose();
    },
    15_000,
  );
});

test('a connection that stays open knows its holder no longer than the certificate lives', async () => {
  const { Agent, fetch } = await import('undici');
  const shows = await authority.issue({ subject: '/CN=x', names: `URI:${WEB}`, endsIn: 3 });
  const agent = new Agent({
    connections: 1,
    connect: { ca: authority.certificate, cert: shows.certificate, key: shows.key },
  });
  const known = async () => {
    const response = await fetch(`${gateway.url}/optional/graphql`, {
      dispatcher: agent,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ known }' }),
    });
    return ((await response.json()) as { errors?: unknown }).errors === undefined;
  };
  expect(await known()).toBe(true);
  await expect.poll(known, { timeout: 8000, interval: 200 }).toBe(false);
  await agent.close();
}, 15_000);

test('an authority that another one has signed is believed together with it, and to give it alone is a mistake', async () => {
  await using intermediate = await authority.makeUnder('intermediate');
  const start = (clientCa: string) =>
    startGateway({
      files: {
        'hem.yml': JSON.stringify({ listen: { tls: { ...server, clientCa } } }),
        'connectors/shop/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
        'connectors/shop/schema.graphql': SCHEMA,
        'clients/web/client.yml': JSON.stringify({ auth: { certificates: {} } }),
        'schemas/web.graphql': UNSCOPED,
      },
    });
  const server = await authority.issue({ subject: '/CN=hem', names: 'IP:127.0.0.1' });
  const shows = await intermediate.issue({ subject: '/CN=x', names: `URI:${WEB}` });
  await expect(start(intermediate.certificate)).rejects.toMatchObject({
    problems: [
      {
        rule: 'listen-tls',
        found: 'CN=intermediate',
        expected: 'the certificate of CN=authority as well',
      },
    ],
  });
  await using started = await start(intermediate.certificate + authority.certificate);
  const answer = await ask(`${started.url}/web/graphql`, '{ known }', { ca: authority.certificate, shows });
  expect(answer.body.data).toEqual({ known: 'value of /known' });
});
