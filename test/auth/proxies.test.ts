/** What trusted proxies say of who called them, and what is made of it when anybody else says so. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Authority } from '../support/authority.ts';
import { RestBackend } from '../support/backends/rest.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { ask, openSocket } from './way.ts';

/** 127.0.0.1 and its neighbours are told apart by the address that a caller binds to. */
const PROXY = '127.0.0.1';
const STRANGER = '127.0.0.9';
const WEB = 'spiffe://prod.example/ns/shop/sa/web';
const HASH = 'ab'.repeat(32);

const FORWARDED = [
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'forwarded',
  'x-forwarded-client-cert',
  'x-real-ip',
  'x-forwarded-user',
];
const SCHEMA = `
type Query {
  open: String @rest(get: "/open", select: "value")
  known: String @rest(get: "/known", select: "value") @authenticated
}
type Mutation { change: String @rest(post: "/change", select: "value") }
`;
const VIEW = SCHEMA.replace(/@\w+\((?:[^()"]|"[^"]*")*\)|@authenticated/g, '');

let backend: RestBackend;
/** Of proxies that write X-Forwarded-*, as most do. */
let usual: TestGateway;
/** Of a sidecar that writes x-forwarded-client-cert. */
let mesh: TestGateway;
/** Of proxies that write what RFC 7239 says. */
let standard: TestGateway;

function start(trustedProxies: unknown, forward: readonly string[]): Promise<TestGateway> {
  return startGateway({
    files: {
      'hem.yml': JSON.stringify({ trustedProxies }),
      'connectors/shop/connector.yml': JSON.stringify({
        kind: 'rest',
        endpoint: backend.url,
        headers: { forward },
        identity: {
          headers: { 'x-client-ip': '{address}', 'x-spiffe': '{spiffe}', 'x-subject': '{subject}' },
        },
      }),
      'connectors/shop/schema.graphql': SCHEMA,
      'schemas/web.graphql': Array.isArray(trustedProxies) ? VIEW.replace(/known.*/, '') : VIEW,
      'clients/web/client.yml': Array.isArray(trustedProxies)
        ? '{ explain: true }'
        : '{ auth: { certificates: {} } }',
    },
  });
}

beforeAll(async () => {
  backend = await RestBackend.start(() => ({ body: { value: 'yes' } }));
  const addresses = [PROXY, '10.0.0.0/8', 'fd00::/8'];
  [usual, mesh, standard] = await Promise.all([
    start(addresses, ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'accept-language']),
    start({ addresses, headers: ['x-forwarded-for', 'x-forwarded-client-cert'] }, ['x-forwarded-for']),
    start({ addresses, headers: ['forwarded', 'x-forwarded-client-cert', 'x-forwarded-user'] }, [
      'x-forwarded-user',
    ]),
  ]);
});
afterAll(async () => {
  for (const one of [usual, mesh, standard, backend]) await one?.[Symbol.asyncDispose]();
});

/** What the backend was told. */
async function told(
  gateway: TestGateway,
  headers: Readonly<Record<string, string | readonly string[]>>,
  from = PROXY,
): Promise<Record<string, unknown>> {
  const { body } = await ask(`${gateway.url}/web/graphql`, '{ open }', { from, headers });
  expect(body).toEqual({ data: { open: 'yes' } });
  return backend.seen.at(-1)!.headers;
}

describe('the address by X-Forwarded-For', () => {
  test.each<[what: string, header: string | readonly string[], address: string]>([
    ['one', '192.0.2.7', '192.0.2.7'],
    ['the rightmost that is no proxy', '198.51.100.1, 192.0.2.7, 10.1.2.3', '192.0.2.7'],
    ['what a caller has written before it', '127.0.0.1, 10.0.0.1, evil, 192.0.2.7', '192.0.2.7'],
    ['proxies only', '10.9.9.9, 10.1.2.3', '10.9.9.9'],
    ['with a port', '192.0.2.7:4711', '192.0.2.7'],
    ['IPv6', '2001:DB8:0:0::7', '2001:db8::7'],
    ['IPv6 in brackets', '[2001:db8::7]', '2001:db8::7'],
    ['IPv6 with a port', '[2001:db8::7]:4711', '2001:db8::7'],
    ['a proxy by IPv6', '192.0.2.7, fd00::1', '192.0.2.7'],
    ['IPv4 in IPv6', '::ffff:192.0.2.7', '192.0.2.7'],
    ['IPv4 in IPv6, by digits', '::ffff:c000:207', '192.0.2.7'],
    ['a proxy by IPv4 in IPv6', '192.0.2.7, ::ffff:10.1.2.3', '192.0.2.7'],
    ['no spaces', '198.51.100.1,192.0.2.7,10.1.2.3', '192.0.2.7'],
    ['two lines', ['198.51.100.1', '192.0.2.7'], '192.0.2.7'],
    // What cannot be read is as far as anybody can see: the last proxy that is known.
    ['nothing', '', PROXY],
    ['a word', 'unknown', PROXY],
    ['a word behind a proxy', '192.0.2.7, unknown, 10.1.2.3', '10.1.2.3'],
    ['an empty part', '192.0.2.7, , 10.1.2.3', '10.1.2.3'],
    ['a zone', 'fe80::1%eth0', PROXY],
    ['too many numbers', '1.2.3.4.5', PROXY],
    ['octal', '0177.0.0.01', PROXY],
    ['a number', '3221225991', PROXY],
    ['an address of a site', 'http://192.0.2.7/', PROXY],
    ['a bracket too few', '[2001:db8::7', PROXY],
    ['a port that is none', '192.0.2.7:port', PROXY],
    ['prototype names', '__proto__, constructor', PROXY],
    ['twelve thousand characters', '9'.repeat(12_000), PROXY],
    ['five thousand commas', ','.repeat(5000), PROXY],
    ['a long chain', `198.51.100.1${', 10.0.0.1'.repeat(1000)}`, '10.0.0.1'],
  ])('%s', async (_what, header, address) => {
    const headers = await told(usual, { 'X-Forwarded-For': header });
    expect(headers['x-client-ip']).toBe(address);
    // What travels on is what is believed, and nothing that came from further away.
    expect(headers['x-forwarded-for']).toBe(address === PROXY ? undefined : address);
  });

  test('is the one of the connection without it', async () => {
    expect(await told(usual, {})).toMatchObject({ 'x-client-ip': PROXY });
    expect(await told(usual, {}, STRANGER)).toMatchObject({ 'x-client-ip': STRANGER });
  });
});

describe('the address by Forwarded', () => {
  test.each<[header: string | readonly string[], address: string]>([
    ['for=192.0.2.7', '192.0.2.7'],
    ['For="[2001:db8::7]:4711";proto=https;by=203.0.113.43', '2001:db8::7'],
    ['for=198.51.100.1, for=192.0.2.7;by=10.1.2.3, for=10.1.2.3', '192.0.2.7'],
    ['for="192.0.2.7:80" , for="10.1.2.3"', '192.0.2.7'],
    [['for=198.51.100.1', 'for=192.0.2.7'], '192.0.2.7'],
    ['for="192.0.\\2.7"', '192.0.2.7'],
    ['for=_hidden, for=10.1.2.3', '10.1.2.3'],
    ['for=unknown', PROXY],
    ['proto=https', PROXY],
    ['for=192.0.2.7;for=192.0.2.8', PROXY],
    ['for="192.0.2.7', PROXY],
    ['for=192.0.2.7;;', PROXY],
    ['for', PROXY],
    ['=', PROXY],
    [`for="${'\\"'.repeat(3000)}"`, PROXY],
    ['for=1.1.1.1,'.repeat(1000), PROXY],
  ])('%s', async (header, address) => {
    const headers = await told(standard, { forwarded: header });
    expect(headers['x-client-ip']).toBe(address);
    expect(headers).not.toHaveProperty('forwarded');
  });
});

describe('only what hem.yml says that proxies write is read', () => {
  test.each([
    ['a stranger', 'usual', STRANGER, STRANGER],
    ['a stranger', 'mesh', STRANGER, STRANGER],
    ['a proxy that writes another header', 'usual', PROXY, PROXY],
  ] as const)('%s (%s)', async (_who, name, from, address) => {
    const gateway = { usual, mesh }[name];
    const said = {
      ...(from === STRANGER ? { 'x-forwarded-for': '192.0.2.7' } : {}),
      'X-FORWARDED-PROTO': 'ftp',
      'x-forwarded-host': 'evil.example/',
      forwarded: 'for=192.0.2.7',
      'x-real-ip': '192.0.2.7',
      'x-forwarded-user': 'admin',
      'x-forwarded-client-cert': name === 'usual' || from === STRANGER ? `URI=${WEB}` : '',
      connection: 'keep-alive, x-forwarded-for',
      'x-client-ip': '192.0.2.7',
      'X-Spiffe': WEB,
    };
    const headers = await told(gateway, said, from);
    expect(headers['x-client-ip']).toBe(address);
    for (const name of [...FORWARDED, 'x-spiffe', 'x-subject']) expect(headers).not.toHaveProperty(name);
  });

  test('on a websocket, too', async () => {
    for (const [from, address] of [
      [PROXY, '192.0.2.7'],
      [STRANGER, STRANGER],
    ]) {
      const way = { from: from!, headers: { 'x-forwarded-for': '192.0.2.7', 'x-spiffe': WEB } };
      const { client } = openSocket(`${usual.url}/web/graphql`, way);
      expect(await client.iterate({ query: '{ open }' }).next()).toMatchObject({
        value: { data: { open: 'yes' } },
      });
      expect(backend.seen.at(-1)!.headers['x-client-ip']).toBe(address);
      expect(backend.seen.at(-1)!.headers).not.toHaveProperty('x-spiffe');
      await client.dispose();
    }
  });

  test.each([
    ['parts', 'multipart/mixed;incrementalSpec=v0.2', 'POST'],
    ['server-sent events', 'text/event-stream', 'POST'],
    ['GET', 'application/json', 'GET'],
  ] as const)('by %s, too', async (_door, accept, method) => {
    const response = await fetch(`${usual.url}/web/graphql${method === 'GET' ? '?query={open}' : ''}`, {
      method,
      headers: { accept, 'content-type': 'application/json', 'x-forwarded-for': '192.0.2.7' },
      ...(method === 'GET' ? {} : { body: JSON.stringify({ query: '{ open }' }) }),
    });
    expect(await response.text()).toContain('yes');
    expect(backend.seen.at(-1)!.headers['x-client-ip']).toBe('192.0.2.7');
  });

  test('for those who ask what an operation took, too', async () => {
    const headers = { 'x-forwarded-for': '192.0.2.7', 'hem-plan': '1' };
    const { body } = await ask(`${usual.url}/web/graphql`, '{ open }', { from: PROXY, headers });
    expect(body.extensions?.plan).toBeDefined();
    expect(backend.seen.at(-1)!.headers['x-client-ip']).toBe('192.0.2.7');
  });
});

test('what else a proxy writes is what backends may read', async () => {
  const said = { 'x-forwarded-user': 'ann', 'x-forwarded-email': 'ann@example.com' };
  expect(await told(standard, said)).toMatchObject({ 'x-forwarded-user': 'ann' });
  expect(await told(standard, said)).not.toHaveProperty('x-forwarded-email');
  expect(await told(standard, said, STRANGER)).not.toHaveProperty('x-forwarded-user');
});

describe('which site was asked', () => {
  const page = (headers: Readonly<Record<string, string>>, from: string) =>
    openSocket(`${usual.url}/web/graphql`, { from, headers: { origin: 'https://shop.example', ...headers } });
  const opens = async (headers: Readonly<Record<string, string>>, from: string): Promise<boolean> => {
    const { client } = page(headers, from);
    try {
      return (await client.iterate({ query: '{ open }' }).next()).value?.data?.open === 'yes';
    } catch {
      return false;
    } finally {
      await client.dispose();
    }
  };

  test('is what a proxy says, and nobody else', async () => {
    expect(await opens({ 'x-forwarded-host': 'shop.example' }, PROXY)).toBe(true);
    expect(await opens({ 'x-forwarded-host': 'evil.example, Shop.Example' }, PROXY)).toBe(true);
    expect(await opens({ 'x-forwarded-host': 'shop.example, other.example' }, PROXY)).toBe(false);
    expect(await opens({ 'x-forwarded-host': 'shop.example/@' }, PROXY)).toBe(false);
    expect(await opens({ 'x-forwarded-host': 'shop.example' }, STRANGER)).toBe(false);
    expect(await opens({}, PROXY)).toBe(false);
  });

  test('and by which protocol travels on', async () => {
    expect(await told(usual, { 'x-forwarded-proto': 'HTTPS' })).toMatchObject({
      'x-forwarded-proto': 'https',
    });
    expect(await told(usual, { 'x-forwarded-proto': 'javascript' })).not.toHaveProperty('x-forwarded-proto');
  });
});

describe('the certificate by x-forwarded-client-cert', () => {
  const known = async (header: string | readonly string[], from = PROXY): Promise<unknown> => {
    const before = backend.seen.length;
    const headers = { 'x-forwarded-client-cert': header };
    const { body } = await ask(`${mesh.url}/web/graphql`, '{ known }', { from, headers });
    if (body.errors !== undefined) {
      expect(backend.seen.length).toBe(before);
      return body.errors[0]!.extensions.code;
    }
    const { 'x-spiffe': spiffe, 'x-subject': subject } = backend.seen.at(-1)!.headers;
    return spiffe ?? subject ?? 'known';
  };

  test.each<[what: string, header: string | readonly string[], expected: string]>([
    ['as Envoy writes it', `By=spiffe://prod.example/ns/hem/sa/hem;Hash=${HASH};Subject="";URI=${WEB}`, WEB],
    ['several, the nearest last', `Hash=${HASH};URI=spiffe://prod.example/a,Hash=${HASH};URI=${WEB}`, WEB],
    ['several lines', [`URI=spiffe://prod.example/a`, `URI=${WEB}`], WEB],
    [
      'a subject with commas',
      `Hash=${HASH};Subject="CN=web,OU=\\"x\\",O=Example"`,
      'CN=web,OU=\\"x\\",O=Example',
    ],
    // A comma of a name stays one of the name.
    ['a subject with an escaped comma', `Subject="CN=web\\,O=Example"`, 'CN=web\\,O=Example'],
    ['names in any case', `uri=${WEB}`, WEB],
    ['only a hash', `Hash=${HASH}`, 'known'],
    ['names of DNS', 'DNS=web.example;DNS=www.example', 'known'],
    ['nothing', '', 'UNAUTHENTICATED'],
    ['nobody', 'By=spiffe://prod.example/ns/hem/sa/hem', 'UNAUTHENTICATED'],
    ['nobody last', `URI=${WEB},By=spiffe://prod.example/hem`, 'UNAUTHENTICATED'],
    ['an empty last element', `URI=${WEB},`, 'UNAUTHENTICATED'],
    ['two SPIFFE ids', `URI=${WEB};URI=spiffe://prod.example/admin`, 'UNAUTHENTICATED'],
    ['another scheme', 'URI=https://prod.example/admin', 'UNAUTHENTICATED'],
    ['a path that climbs', 'URI=spiffe://prod.example/ns/../admin', 'UNAUTHENTICATED'],
    ['a trust domain with a port', 'URI=spiffe://prod.example:1/a', 'UNAUTHENTICATED'],
    ['an open quote', `URI="${WEB}`, 'UNAUTHENTICATED'],
    ['what comes after a quote', `URI="${WEB}"x`, 'UNAUTHENTICATED'],
    ['no grammar', '%00;;;=,,', 'UNAUTHENTICATED'],
    ['a short hash', 'Hash=abcd', 'UNAUTHENTICATED'],
    ['a certificate that is none', `URI=${WEB};Cert="-----BEGIN%20CERTIFICATE-----"`, 'UNAUTHENTICATED'],
    ['bad URL encoding', `URI=${WEB};Cert="%zz"`, 'UNAUTHENTICATED'],
    ['prototype names', `__proto__=1;constructor=2;URI=${WEB}`, WEB],
    ['ten thousand elements', 'a=b,'.repeat(3000), 'UNAUTHENTICATED'],
    ['a long id', `URI=spiffe://prod.example/${'a'.repeat(4000)}`, 'UNAUTHENTICATED'],
  ])('%s', async (_what, header, expected) => {
    expect(await known(header)).toBe(expected);
    expect(await known(header, STRANGER)).toBe('UNAUTHENTICATED');
  });

  test('with the certificate itself: as long as that lives, and if it is the one', async () => {
    await using authority = await Authority.make();
    const { X509Certificate } = await import('node:crypto');
    const subject = '/O=Example/CN=web';
    const header = (pem: string, more = '') => `${more}Cert="${encodeURIComponent(pem)}"`;
    const { certificate } = await authority.issue({ subject, names: `URI:${WEB}` });
    const hash = new X509Certificate(certificate).fingerprint256.replaceAll(':', '').toLowerCase();
    expect(await known(header(certificate))).toBe(WEB);
    expect(await known(header(certificate, `Hash=${hash};`))).toBe(WEB);
    expect(await known(header(certificate, `Hash=${HASH};`))).toBe('UNAUTHENTICATED');
    // What stands beside it is not looked at.
    expect(await known(header(certificate, 'URI=spiffe://prod.example/admin;'))).toBe(WEB);
    const expired = await authority.issue({ subject, names: `URI:${WEB}`, endsIn: -10 });
    expect(await known(header(expired.certificate))).toBe('UNAUTHENTICATED');
  });
});

test('a request of which no proxy could make sense is refused as before', async () => {
  // Headers of more than 16 KB.
  const headers = { 'x-forwarded-for': '1'.repeat(1024 ** 2) };
  const refused = ask(`${usual.url}/web/graphql`, '{ open }', { from: PROXY, headers });
  expect(
    await refused.then(
      ({ status }) => status,
      () => 'closed',
    ),
  ).toSatisfy((how) => how === 431 || how === 'closed');
  expect(await told(usual, { 'x-forwarded-for': '192.0.2.7' })).toMatchObject({ 'x-client-ip': '192.0.2.7' });
});

test('a page of plain HTTP is not of the site that was asked over HTTPS', async () => {
  const statusFor = (origin: string, proto: string | undefined) =>
    new Promise<unknown>((resolve) => {
      const socket = new WebSocket(`${usual.url.replace('http', 'ws')}/web/graphql`, 'graphql-transport-ws', {
        origin,
        localAddress: PROXY,
        headers: { 'x-forwarded-host': 'site.example', ...(proto && { 'x-forwarded-proto': proto }) },
      } as never);
      socket.once('open', () => {
        resolve(101);
        socket.terminate();
      });
      socket.once('unexpected-response', (_request, response) => {
        resolve(response.statusCode);
        response.destroy();
      });
    });
  expect(await statusFor('https://site.example', 'https')).toBe(101);
  expect(await statusFor('http://site.example', 'https')).toBe(403);
  // Whoever says nothing of it may have taken the TLS away.
  expect(await statusFor('https://site.example', undefined)).toBe(101);
  expect(await statusFor('http://site.example', undefined)).toBe(101);
});
