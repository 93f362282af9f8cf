/** The log of a real process: one line per request at every door, and no secret in any, whatever fails. */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { loadGeneration } from '../../src/generation.ts';
import { secretsOf } from '../../src/load/secrets.ts';
import { scrubberOfLines, scrubberOfText, scrubValue } from '../../src/scrubber.ts';
import { RIDERS_SDL, RidersBackend } from '../support/backends/graphql-riders.ts';
import { RunningCommand } from '../support/command.ts';
import { writeConfiguration } from '../support/gateway.ts';

const KEY = 'hem_live_planted0123456789abcdef';
const JWT = `eyJhbGciOiJIUzI1NiJ9.${Buffer.from('{"sub":"planted"}').toString('base64url')}.c2lnbmF0dXJl`;
const BACKEND_SECRET = 'planted-"backend"-secret';
const EXCHANGE_SECRET = 'planted-exchange-secret';
const SIGNING_SECRET = 'planted-signing-secret-of-32-characters';
const PEPPER = 'planted-pepper-of-at-least-32-characters';
const PASSWORD = 'planted-password';
const COOKIE = 'session=planted-cookie';
const PLANTED = ['planted', JWT.split('.')[1]!];

const SCHEMA = `
type Query { thing(id: ID): Thing @rest(get: "/things/{id}")  echo: Thing @rest(get: "/echo") }
type Thing { id: ID  name: String }
`;

let directory: string;
let backend: ReturnType<typeof createServer>;
let riders: RidersBackend;
let hem: RunningCommand;
let url: string;

beforeAll(async () => {
  riders = await RidersBackend.start();
  // Fails with all that it was sent, as text that is no JSON, and closes some connections.
  backend = createServer((request, response) => {
    if (request.url === '/things/reset') return request.socket.resetAndDestroy();
    if (request.url === '/things/slow') return setTimeout(() => response.end('{}'), 3000).unref();
    const text = JSON.stringify(request.headers);
    if (request.url === '/graphql') {
      response.writeHead(200, { 'content-type': 'application/json' });
      const { authorization, cookie, 'x-api-key': key } = request.headers;
      const message = `no: Authorization: ${authorization}; Cookie: ${cookie}; ${key}; ${BACKEND_SECRET}; ${EXCHANGE_SECRET}; ${SIGNING_SECRET}; ${PEPPER}; ${text}`;
      return response.end(JSON.stringify({ errors: [{ message }] }));
    }
    response.writeHead(request.url === '/echo' ? 500 : 200, { 'content-type': 'application/json' });
    response.end(request.url === '/things/1' ? '{"id":"1","name":"fine"}' : `{"error": ${text} oh`);
  });
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const { port } = backend.address() as AddressInfo;
  directory = await writeConfiguration({
    'hem.yml':
      'listen: { port: 0 }\nadmin: { port: 0 }\nlog: { level: debug }\nkeys: { peppers: { "1": ' +
      PEPPER +
      ' } }',
    'connectors/things/connector.yml': `kind: rest
endpoint: http://127.0.0.1:${port}
auth: { header: { name: x-backend, value: '${BACKEND_SECRET}' } }
headers: { forward: [authorization, cookie, x-api-key] }`,
    'connectors/things/schema.graphql': SCHEMA,
    'connectors/riders/connector.yml': `kind: graphql\nendpoint: ${riders.url}\nspec: riders.graphql
identity: { exchange: { tokenUrl: "http://127.0.0.1:1/token", clientId: hem, clientSecret: ${EXCHANGE_SECRET} } }`,
    'connectors/riders/riders.graphql': RIDERS_SDL,
    'connectors/riders/schema.graphql':
      'type Subscription { ticks(count: Int!): Int @graphql  riderMoved(id: ID!): Rider @graphql }  type Rider { name: String }',
    'connectors/telling/connector.yml': `kind: graphql
endpoint: http://127.0.0.1:${port}/graphql
spec: s.graphql
identity: { token: { issuer: hem, audience: telling, algorithm: HS256, key: ${SIGNING_SECRET}, header: x-caller } }
headers: { forward: [authorization, cookie, x-api-key] }`,
    'connectors/telling/s.graphql': 'type Query { telling: String }',
    'connectors/telling/schema.graphql': 'type Query { telling: String @graphql }',
    'connectors/gone/connector.yml': `kind: amqp\nendpoint: amqp://planted-user:${PASSWORD}@127.0.0.1:1`,
    'connectors/gone/schema.graphql': 'type Query { gone: String @amqp(request: { routingKey: "q" }) }',
    'schemas/web.graphql': `${SCHEMA.replace(/@\w+\([^)]*\)/g, '')} extend type Query { gone: String  telling: String }
      type Rider { name: String }  type Subscription { ticks(count: Int!): Int  riderMoved(id: ID!): Rider }`,
    'clients/web/client.yml': `auth: { jwt: { issuers: [{ issuer: i, audience: a, secret: planted-hmac-secret-of-32-characters }] } }
batching: { max: 5 }`,
  });
  hem = new RunningCommand([process.execPath, 'src/main.ts', 'start', '--config', directory], {
    env: { PATH: process.env.PATH },
  });
  await hem.until((output) => /^admin +http/m.test(output), 20_000);
  url = /^web +(\S+)/m.exec(hem.output)![1]!;
}, 40_000);

afterAll(async () => {
  await hem?.end('SIGTERM', 20_000);
  hem?.[Symbol.dispose]();
  backend?.close();
  await riders?.[Symbol.asyncDispose]();
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
});

type Line = Readonly<Record<string, unknown>> & { readonly requestId: string; readonly msg: string };

const lines = (): readonly Line[] =>
  hem.output
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line));

/** The lines of one request. */
async function lineOf(requestId: string, count = 1): Promise<readonly Line[]> {
  const own = () => lines().filter((line) => line.msg === 'request' && line.requestId.startsWith(requestId));
  await hem.until(() => own().length >= count, 5000);
  return own();
}

let ids = 0;
async function post(body: unknown, headers: Record<string, string> = {}) {
  const id = `log-${++ids}`;
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': id, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  await response.text();
  return { id, response };
}

async function openSocket() {
  const id = `log-${++ids}`;
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws', {
    headers: { 'x-request-id': id },
  });
  await once(socket, 'open');
  socket.send('{"type":"connection_init"}');
  await once(socket, 'message');
  return { id, socket };
}

const subscribe = (socket: WebSocket, query: string) =>
  socket.send(JSON.stringify({ type: 'subscribe', id: String(++ids), payload: { query } }));

describe('a request has one line', () => {
  it('that says what was asked for and what became of it', async () => {
    const { id, response } = await post({ query: 'query Mine { thing(id: 1) { name } }' });
    expect(response.status).toBe(200);
    const [line, ...more] = await lineOf(id);
    expect(more).toEqual([]);
    expect(line).toMatchObject({
      level: 30,
      door: 'http',
      client: 'web',
      operation: 'Mine',
      kind: 'query',
      method: 'POST',
      status: 200,
      remote: '127.0.0.1',
    });
    expect(line).not.toHaveProperty('codes');
    expect(line!.ms).toBeGreaterThan(0);
    expect(line!.bytes).toBeGreaterThan(100);
  });

  it('with the codes of what went wrong, also before anything is executed', async () => {
    const cases: ReadonlyArray<readonly [unknown, readonly string[], number]> = [
      [
        { query: '{ a: echo { name } b: echo { id } gone }' },
        ['UPSTREAM_FAILED', 'UPSTREAM_UNAVAILABLE'],
        200,
      ],
      [{ query: '{ nothing }' }, ['GRAPHQL_VALIDATION_FAILED'], 400],
      [{ query: '{' }, ['GRAPHQL_PARSE_FAILED'], 400],
      ['nonsense', ['BAD_REQUEST'], 400],
      [{ query: 'query ($id: ID!) { thing(id: $id) { id } }' }, ['BAD_VARIABLES'], 400],
    ];
    for (const [body, codes, status] of cases) {
      const { id } = await post(body, {
        accept: 'application/graphql-response+json;q=0.1, application/json',
      });
      expect((await lineOf(id))[0]).toMatchObject({ codes: expect.arrayContaining([...codes]) });
      expect([200, status, 294]).toContain((await lineOf(id))[0]!.status);
    }
    const { id } = await post({ query: '{ echo { id } }' }, { authorization: `Bearer ${JWT}` });
    expect((await lineOf(id))[0]).toMatchObject({ codes: ['UNAUTHENTICATED'], status: 401 });
  });

  it('of a batch, an answer in parts and a stream over SSE', async () => {
    const batch = await post([{ query: 'query A { thing(id: 1) { id } }' }, { query: '{ echo { id } }' }]);
    expect((await lineOf(batch.id))[0]).toMatchObject({
      operation: 'A',
      operations: 2,
      codes: ['UPSTREAM_FAILED'],
    });
    const parts = await post(
      { query: '{ thing(id: 1) { id ... @defer { name } } }' },
      { accept: 'multipart/mixed' },
    );
    expect((await lineOf(parts.id))[0]).toMatchObject({ kind: 'query', events: 2 });
    const failing = await post(
      { query: '{ thing(id: 1) { id } ... @defer { echo { id } } }' },
      { accept: 'multipart/mixed' },
    );
    expect((await lineOf(failing.id))[0]).toMatchObject({ events: 2, codes: ['UPSTREAM_FAILED'] });
    const stream = await post(
      { query: 'subscription Ticks { ticks(count: 3) }' },
      { accept: 'text/event-stream' },
    );
    expect((await lineOf(stream.id))[0]).toMatchObject({
      kind: 'subscription',
      operation: 'Ticks',
      events: 3,
    });
  });

  it('of each operation on a websocket', async () => {
    const id = `log-${++ids}`;
    class Socket extends WebSocket {
      constructor(address: string, protocols: string) {
        super(address, protocols, { headers: { 'x-request-id': id } });
      }
    }
    const client = createClient({ url: url.replace('http', 'ws'), webSocketImpl: Socket, retryAttempts: 0 });
    const ask = (query: string) =>
      new Promise((resolve) =>
        client.subscribe({ query }, { next() {}, error: resolve, complete: () => resolve(undefined) }),
      );
    await ask('query One { thing(id: 1) { id } }');
    await ask('subscription { ticks(count: 2) }');
    await ask('{ nothing }');
    const found = await lineOf(id, 3);
    await client.dispose();
    expect(found).toMatchObject([
      { door: 'websocket', client: 'web', operation: 'One', kind: 'query', remote: '127.0.0.1' },
      { door: 'websocket', kind: 'subscription', events: 2 },
      { door: 'websocket', codes: ['GRAPHQL_VALIDATION_FAILED'] },
    ]);
  });

  it('of operations on a websocket whose caller is gone, which nobody is to blame for', async () => {
    const { id, socket } = await openSocket();
    const subscribers = riders.subscribers;
    subscribe(socket, 'subscription Gone { riderMoved(id: "1") { name } }');
    subscribe(socket, 'query Slow { thing(id: "slow") { id } }');
    await hem.until(() => riders.subscribers > subscribers, 5000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.terminate();
    const found = (await lineOf(id, 2)).toSorted((a, b) => String(a.kind).localeCompare(String(b.kind)));
    expect(found).toMatchObject([
      { kind: 'query', operation: 'Slow', left: true },
      { kind: 'subscription', operation: 'Gone', left: true },
    ]);
    for (const line of found) expect(line).not.toHaveProperty('codes');
  });

  it.each([
    ['no message of the protocol', '{', 'BAD_REQUEST', 4400],
    ['too long', `"${'x'.repeat(2_000_000)}"`, 'BODY_TOO_LARGE', 1009],
  ])('of a socket that is closed because of what it sends: %s', async (_what, text, code, closedWith) => {
    const { id, socket } = await openSocket();
    socket.send(text);
    expect((await once(socket, 'close'))[0]).toBe(closedWith);
    expect(await lineOf(id)).toMatchObject([{ door: 'websocket', client: 'web', codes: [code] }]);
  });

  it('at addresses that are no client’s, without the query', async () => {
    const origin = new URL(url).origin;
    await fetch(`${origin}/no%1bwhere?token=planted`, { headers: { 'x-request-id': 'log-nowhere' } });
    expect((await lineOf('log-nowhere'))[0]).toMatchObject({
      path: '/no%1bwhere',
      status: 404,
      codes: ['NOT_FOUND'],
    });
  });

  it('also when its caller leaves', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      'POST /web/graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nx-request-id: log-left\r\ncontent-length: 100\r\n\r\n{',
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
    expect((await lineOf('log-left'))[0]).toMatchObject({ client: 'web', left: true });
  });
});

describe('what is said', () => {
  it('has no secret in it, at whichever door and whatever fails', async () => {
    const credentials: ReadonlyArray<Record<string, string>> = [
      { authorization: `Bearer ${KEY}` },
      { authorization: `Bearer ${JWT}` },
      { authorization: `Basic ${Buffer.from(`planted:${PASSWORD}`).toString('base64')}` },
      { 'x-api-key': KEY, cookie: COOKIE },
    ];
    const queries = [
      '{ echo { id } }',
      '{ thing(id: "2") { id } }',
      '{ thing(id: "reset") { id } }',
      '{ gone }',
      '{ telling }',
      `{ ${KEY} }`,
    ];
    const asked: string[] = [];
    for (const headers of credentials) {
      for (const query of queries) {
        asked.push((await post({ query, variables: { token: JWT } }, headers)).id);
        asked.push((await post([{ query }], headers)).id);
        const id = `log-${++ids}`;
        asked.push(id);
        await fetch(
          `${url}?query=${encodeURIComponent(query)}&variables=${encodeURIComponent(`{"a":"${KEY}"}`)}`,
          {
            headers: { ...headers, 'x-request-id': id },
          },
        );
      }
      const client = createClient({
        url: url.replace('http', 'ws'),
        webSocketImpl: WebSocket,
        retryAttempts: 0,
        connectionParams: headers,
      });
      await new Promise((resolve) =>
        client.subscribe(
          { query: '{ echo { id } }' },
          { next() {}, error: resolve, complete: () => resolve(undefined) },
        ),
      );
      await client.dispose();
    }
    await lineOf(asked.at(-1)!);
    await hem.until(
      (output) => output.includes('field failed') && output.includes('cannot connect to the broker'),
      10_000,
    );
    // The backend's errors were looked at: they name what it answered.
    for (const secret of PLANTED) expect(hem.output).not.toContain(secret);
    expect(hem.output).not.toContain(Buffer.from(`planted:${PASSWORD}`).toString('base64'));
  });

  it('at the end tells of subscriptions what ended them', async () => {
    const { id, socket } = await openSocket();
    const subscribers = riders.subscribers;
    const query = 'subscription Cut { riderMoved(id: "1") { name } }';
    subscribe(socket, query);
    const headers = { 'content-type': 'application/json', accept: 'text/event-stream' };
    const stream = fetch(url, {
      method: 'POST',
      headers: { ...headers, 'x-request-id': 'log-cut' },
      body: JSON.stringify({ query }),
    }).then((response) => response.text());
    await hem.until(() => riders.subscribers >= subscribers + 2, 5000);
    await hem.end('SIGTERM', 20_000);
    expect(await stream).toContain('SHUTTING_DOWN');
    for (const requestId of [id, 'log-cut'])
      expect(
        lines().filter((line) => line.msg === 'request' && line.requestId.startsWith(requestId)),
      ).toMatchObject([{ operation: 'Cut', codes: ['SHUTTING_DOWN'] }]);
  });

  it('is one line per event, and nothing in it moves a terminal', async () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what is looked for
    expect(hem.output.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]/);
    for (const line of hem.output.trim().split('\n'))
      if (!/^(web|admin) +http/.test(line)) expect(() => JSON.parse(line)).not.toThrow();
  });
});

describe('the scrubber', () => {
  const scrub = scrubberOfLines([BACKEND_SECRET, 'abc']);
  const line = (message: string) => scrub(JSON.stringify({ level: 30, msg: message }));

  it.each([
    ['a key of a consumer', `no ${KEY} here`],
    ['a JWT', `no ${JWT} here`],
    ['a bearer token', 'Authorization: Bearer planted-token'],
    ['basic credentials', 'basic cGxhbnRlZDpwYXNz'],
    ['a password in an address', `connect amqp://me:${PASSWORD}@host:1/x failed`],
    ['a token in an address', 'GET /x?access_token=planted&b=1 failed'],
    ['a header in JSON in a text', '{"cookie":"planted=1; b=planted","accept":"*/*"}'],
    ['a header in a text', 'x-api-key: planted-key'],
    ['a secret of the configuration', `it said ${BACKEND_SECRET}!`],
  ])('takes out %s, and leaves JSON', (_what, message) => {
    const scrubbed = line(message);
    expect(scrubbed).not.toMatch(/planted|cGxhbnRlZ/);
    expect(scrubbed).toContain('[secret]');
    expect(JSON.parse(scrubbed).level).toBe(30);
  });

  it('knows all secrets of the configuration', async () => {
    const { configuration, graph, views } = await loadGeneration(directory, {});
    const clients = views.map(({ client }) => client);
    const secrets = secretsOf({ ...configuration.settings, ...graph, clients });
    const written = [BACKEND_SECRET, EXCHANGE_SECRET, SIGNING_SECRET, PEPPER, PASSWORD];
    expect(secrets).toEqual(expect.arrayContaining(written));
  });

  it('takes digits out of texts, and leaves numbers', () => {
    const scrub = scrubberOfLines(['123456']);
    expect(scrub('{"time":9123456,"msg":"pin 123456","n":123456}')).toBe(
      '{"time":9123456,"msg":"pin [secret]","n":123456}',
    );
  });

  it('leaves what is none', () => {
    for (const message of [
      'the token is not valid here',
      'basic',
      'abc',
      'hem_x',
      'http://host:1/path',
      'Bearer realm',
    ])
      expect(line(message)).toBe(JSON.stringify({ level: 30, msg: message }));
  });

  it('is not slow for what is long', () => {
    const startedAt = performance.now();
    for (const text of ['a=', 'eyJ', '://', 'cookie: ', 'hem_', '\\"', 'bearer '])
      line(text.repeat(100_000 / text.length));
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });

  it('takes out of what callers read what is a credential for certain, and nothing of sentences', () => {
    const forCallers = (value: unknown) =>
      scrubValue(value, scrubberOfText([BACKEND_SECRET, 'with "quotes"']));
    expect(
      forCallers({
        error: `denied for {"x-backend-key":"${BACKEND_SECRET}","q":"with \\"quotes\\""}`,
        headers: { Authorization: 'Bearer opaque', cookie: ['a=planted'], accept: null, 'x-api-key': null },
        [BACKEND_SECRET]: [1, true, `Basic cGxhbnRlZDpwYXNz`, `${JWT}.`],
        cut: `${'x'.repeat(4085)} ${BACKEND_SECRET.slice(0, 10)}`,
        short: `not cut: ${BACKEND_SECRET.slice(0, 10)}`,
      }),
    ).toEqual({
      error: 'denied for {"x-backend-key":"[secret]","q":"[secret]"}',
      headers: { Authorization: '[secret]', cookie: '[secret]', accept: null, 'x-api-key': null },
      '[secret]': [1, true, 'Basic [secret]', '[secret].'],
      cut: `${'x'.repeat(4085)} [secret]`,
      short: `not cut: ${BACKEND_SECRET.slice(0, 10)}`,
    });
    const sentences = {
      title: 'Basic information is missing; the bearer certificate, too. Use Basic authentication.',
      scheme: 'unsupported Bearer authentication/authorization, or basic functionality.',
      token: 'token=expired',
      nothing: null,
    };
    expect(forCallers(sentences)).toEqual(sentences);
    const polluting = JSON.parse('{"__proto__":{"a":1}}');
    expect(JSON.stringify(forCallers(polluting))).toBe('{"__proto__":{"a":1}}');
  });

  it('knows a credential however a backend writes it', () => {
    const secret = 'p/a+s s"w&ö\\d';
    const scrub = scrubberOfText([secret]);
    const json = JSON.stringify(secret).slice(1, -1);
    const writings = [
      secret,
      json,
      JSON.stringify(json).slice(1, -1),
      json.replaceAll('/', '\\/').replace('ö', '\\u00F6'),
      encodeURIComponent(secret),
      encodeURIComponent(secret).toLowerCase(),
      new URLSearchParams([['', secret]]).toString().slice(1),
      'p/a+s s&quot;w&amp;ö\\d',
      'p&#47;a&#x2B;s&#x20;s&#34;w&#38;&#xf6;&#92;d',
    ];
    for (const writing of writings) expect(scrub(`<${writing}>`)).toBe('<[secret]>');
    expect(scrub('p/a+s s"w')).toBe('p/a+s s"w');
    // What stands beside it may look like an escape that it is a part of.
    for (const [own, text] of [
      ['nimda-p4ssword', 'CORP\\nimda-p4ssword'],
      ['fabcdef99', '100%2fabcdef99'],
      ['S3cret99', 'S3cret99%20is'],
      ['S3cret&', 'S3cret&lt;'],
      ['%41%42%43%44', 'is %41%42%43%44'],
    ] as const)
      expect(scrubberOfText([own])(text)).toBe(text.replace(own, '[secret]'));
    const cut = `${'x'.repeat(1000)} p/a+s s`;
    for (const end of ['', '\ufffd', '…', '%2', '\\u00', '&#3'])
      expect(scrub(`${cut}${end}`)).toBe(`${'x'.repeat(1000)} [secret]`);
    expect(scrub(`${'x'.repeat(1000)} ${encodeURIComponent('p/a+s s"')}`)).toBe(
      `${'x'.repeat(1000)} [secret]`,
    );
    expect(scrub(`${'%20'.repeat(350)}p/a+s s`)).toBe(`${'%20'.repeat(350)}[secret]`);
    // Nothing of it is left where other masks make the text short.
    expect(scrub(`${'hem_0123456789 '.repeat(70)}${json.slice(0, 8)}`)).toBe(
      `${'[secret] '.repeat(71)}`.trim(),
    );
    expect(scrubValue({ pin: 12345678 }, scrubberOfText(['12345678']))).toEqual({ pin: '[secret]' });
  });

  it('is not slow for texts that nearly are credentials', () => {
    const scrub = scrubberOfText([`/${'\\'.repeat(40)}/`, '&'.repeat(50), '/%"'.repeat(20_000)]);
    const startedAt = performance.now();
    for (const text of ['\\', '\\\\/', '&#0', '%26', '%2526', '&amp;', '&amp;amp;', '/', '/%"'])
      scrub(text.repeat(100_000 / text.length));
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });

  it('escapes what terminals act on', () => {
    const scrubbed = line('a\u009b31m\u2028\u202e');
    expect(scrubbed).toContain('a\\u009b31m\\u2028\\u202e');
    expect(JSON.parse(scrubbed).msg).toBe('a\u009b31m\u2028\u202e');
  });
});
