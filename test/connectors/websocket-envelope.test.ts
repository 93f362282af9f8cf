/** A backend with messages of its own shape, described in connector.yml. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from 'graphql-ws';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { EnvelopeBackend } from '../support/backends/websocket-envelope.ts';
import { startGateway } from '../support/gateway.ts';

const CONNECTOR = `
kind: websocket
endpoint: \${env:DOCKS_URL}
envelope:
  request: "{ id: $id, action: $method, body: $params }"
  response:
    where: { kind: answer }
    id: id
    result: body
    error: problem
subscriptions:
  subscribe: { message: "{ id: $id, action: watch, channel: $topic }" }
  unsubscribe: { message: "{ action: unwatch, channel: $topic }" }
  event: { where: { kind: event }, topic: channel, payload: body, end: { kind: end } }
codes: { MISSING: not-found }
`;

const SCHEMA = `
type Query {
  dock(id: ID!): Dock @lookup @websocket(call: "docks.get")
  strictDock(id: ID!): Dock @websocket(call: "docks.get", args: "{ id: $id }")
  number: BigNumber @websocket(call: "number")
  odd: Boolean @websocket(call: "odd")
}
type Subscription {
  dockChanged(id: ID!): Dock @websocket(topic: "docks/{id}")
}
type Dock @key(fields: "id") { id: ID!  state: String }
type BigNumber { whole: String  fraction: String  small: Float }
`;

const VIEW = `
type Query { dock(id: ID!): Dock  strictDock(id: ID!): Dock  number: BigNumber  odd: Boolean }
type Subscription { dockChanged(id: ID!): Dock }
type Dock { id: ID!  state: String }
type BigNumber { whole: String  fraction: String  small: Float }
`;

function configuration(url: string, connector = CONNECTOR, more: Readonly<Record<string, string>> = {}) {
  return {
    files: {
      'connectors/docks/connector.yml': connector,
      'connectors/docks/schema.graphql': SCHEMA,
      'schemas/web.graphql': VIEW,
      'clients/web/client.yml': '{}',
      ...more,
    },
    env: { DOCKS_URL: url },
  };
}

/** For a backend whose events carry the number that it gave a subscription. */
function numbered(url: string, settings = '') {
  const connector = CONNECTOR.replace(
    /subscriptions:[\s\S]*?(?=codes)/,
    [
      'subscriptions:',
      '  subscribe: { call: open, args: "{ topic: $topic, params: $params }" }',
      '  unsubscribe: { call: close, args: "[$subscription]" }',
      '  subscription: body.number',
      '  event: { subscription: of, payload: body }',
      settings,
    ].join('\n'),
  );
  const schema = SCHEMA.replace(
    '@websocket(topic: "docks/{id}")',
    '@websocket(topic: "docks", args: "{ id: $id }")',
  );
  return configuration(url, connector, { 'connectors/docks/schema.graphql': schema });
}

describe('a backend with messages of its own', () => {
  let backend: EnvelopeBackend;

  beforeEach(async () => {
    backend = await EnvelopeBackend.start();
  });

  afterEach(() => backend[Symbol.asyncDispose]());

  test('is asked and answers as its envelope says', async () => {
    await using gateway = await startGateway(configuration(backend.url));
    const { body } = await gateway.query('web', '{ dock(id: "d1") { id state } }');
    expect(body).toEqual({ data: { dock: { id: 'd1', state: 'FREE' } } });
    expect(backend.received).toEqual([{ id: 1, action: 'docks.get', body: { id: 'd1' } }]);
  });

  test('may want texts as ids, which nobody can guess', async () => {
    await using gateway = await startGateway(configuration(backend.url, `${CONNECTOR}ids: text\n`));
    const { body } = await gateway.query('web', '{ dock(id: "d1") { id } }');
    expect(body).toEqual({ data: { dock: { id: 'd1' } } });
    expect(backend.received[0]?.id).toMatch(/^[0-9a-f]{8}-1$/);
  });

  test('has its errors mapped by code', async () => {
    await using gateway = await startGateway(configuration(backend.url));
    const { body } = await gateway.query(
      'web',
      '{ dock(id: "none") { id } strictDock(id: "none") { id } odd }',
    );
    expect(body.data).toEqual({ dock: null, strictDock: null, odd: null });
    expect(body.errors).toHaveLength(2);
    expect(body.errors).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          path: ['strictDock'],
          extensions: expect.objectContaining({ code: 'UPSTREAM_NOT_FOUND', connector: 'docks' }),
        }),
        expect.objectContaining({
          path: ['odd'],
          extensions: expect.objectContaining({ code: 'UPSTREAM_REJECTED' }),
        }),
      ]),
    );
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });

  test('says that a call failed by a flag instead', async () => {
    const connector = CONNECTOR.replace('error: problem', 'error: reason\n    failure: { ok: false }');
    await using gateway = await startGateway(configuration(backend.url, connector));
    backend.behave = ({ id, action }, socket) => {
      const rest =
        action === 'odd' ? { ok: false, reason: 'MISSING' } : { ok: true, reason: 'fine', body: { id: 'x' } };
      socket.send(JSON.stringify({ kind: 'answer', id, ...rest }));
      return true;
    };
    const { body } = await gateway.query('web', '{ dock(id: "x") { id } odd }');
    expect(body.data).toEqual({ dock: { id: 'x' }, odd: null });
    expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_NOT_FOUND' });
  });

  test('keeps the digits of its numbers', async () => {
    await using gateway = await startGateway(configuration(backend.url));
    backend.behave = ({ id }, socket) => {
      socket.send(
        `{"kind":"answer","id":${id},"body":{"whole":12345678901234567890,"fraction":0.10000000000000000001,"small":1.5}}`,
      );
      return true;
    };
    const { body } = await gateway.query('web', '{ number { whole fraction small } }');
    expect(body).toEqual({
      data: { number: { whole: '12345678901234567890', fraction: '0.10000000000000000001', small: 1.5 } },
    });
  });

  test('may put several messages into one frame', async () => {
    await using gateway = await startGateway(configuration(backend.url));
    const ids: unknown[] = [];
    backend.behave = ({ id, body }, socket) => {
      ids.push({ kind: 'answer', id, body: { id: body?.id } });
      if (ids.length === 2) socket.send(JSON.stringify(ids.reverse()));
      return true;
    };
    const { body } = await gateway.query(
      'web',
      '{ one: strictDock(id: "d1") { id } two: strictDock(id: "d2") { id } }',
    );
    expect(body).toEqual({ data: { one: { id: 'd1' }, two: { id: 'd2' } } });
  });

  test('sends events by channel, and ends a stream', async () => {
    await using gateway = await startGateway(configuration(backend.url));
    const events = gateway.subscribe('web', 'subscription { dockChanged(id: "constructor") { id state } }');
    const iterator = events[Symbol.asyncIterator]();
    const first = iterator.next();
    await expect.poll(() => backend.watching('docks/constructor')).toBe(1);
    backend.emit('docks/other', { id: 'other' });
    backend.emit('docks/constructor', { id: 'd1', state: 'FREE' });
    expect((await first).value).toEqual({ data: { dockChanged: { id: 'd1', state: 'FREE' } } });
    backend.broadcast('{"kind":"end","channel":"docks/constructor"}');
    expect((await iterator.next()).done).toBe(true);
  });

  test('may send more events at once than one subscriber keeps', async () => {
    await using gateway = await startGateway(configuration(backend.url));
    const events = gateway.subscribe('web', 'subscription { dockChanged(id: "d1") { state } }');
    const first = events.next();
    await expect.poll(() => backend.watching('docks/d1')).toBe(1);
    const states = Array.from({ length: 3000 }, (_, index) => String(index));
    const frame = states.map((state) => ({ kind: 'event', channel: 'docks/d1', body: { id: 'd1', state } }));
    backend.broadcast(JSON.stringify(frame));
    const seen = [await first];
    while (seen.length < states.length) seen.push(await events.next());
    expect(seen.map(({ value }) => value?.data.dockChanged?.state)).toEqual(states);
    await events.return?.();
  });

  test('is told when nobody listens any more', async () => {
    await using gateway = await startGateway(configuration(backend.url));
    const iterator = gateway
      .subscribe('web', 'subscription { dockChanged(id: "d1") { id } }')
      [Symbol.asyncIterator]();
    const first = iterator.next();
    await expect.poll(() => backend.watching('docks/d1')).toBe(1);
    backend.emit('docks/d1', { id: 'd1' });
    await first;
    await iterator.return?.();
    await expect.poll(() => backend.watching('docks/d1')).toBe(0);
    expect(backend.received.at(-1)).toEqual({ action: 'unwatch', channel: 'docks/d1' });
  });

  test('is told so also while the caller stays connected and nothing happens', async () => {
    await using gateway = await startGateway(configuration(backend.url));
    const url = `${gateway.url.replace('http', 'ws')}/web/graphql`;
    const client = createClient({ url, webSocketImpl: WebSocket, lazy: false, retryAttempts: 0 });
    const listen = (id: string) =>
      client.iterate({ query: 'subscription ($id: ID!) { dockChanged(id: $id) { id } }', variables: { id } });
    const [staying, leaving] = [listen('d1'), listen('d2')];
    const waiting = [staying.next(), leaving.next()];
    await expect.poll(() => [backend.watching('docks/d1'), backend.watching('docks/d2')]).toEqual([1, 1]);
    await leaving.return?.();
    await expect.poll(() => [backend.watching('docks/d1'), backend.watching('docks/d2')]).toEqual([1, 0]);
    backend.emit('docks/d1', { id: 'd1' });
    expect(await waiting[0]).toMatchObject({ value: { data: { dockChanged: { id: 'd1' } } } });
    await client.dispose();
  });

  test('may number its subscriptions: the same topic with other parameters is another one', async () => {
    await using gateway = await startGateway(numbered(backend.url));
    const opened: unknown[] = [];
    const closed: unknown[] = [];
    backend.behave = ({ id, action, body }, socket) => {
      const answer = (value: unknown) => socket.send(JSON.stringify({ kind: 'answer', id, body: value }));
      if (action === 'open') {
        opened.push(body);
        answer({ number: opened.length });
        socket.send(JSON.stringify({ of: opened.length, body: { id: `from ${opened.length}` } }));
      } else {
        closed.push(body);
        answer(true);
      }
      return true;
    };
    const listen = (id: string) =>
      gateway
        .subscribe('web', 'subscription ($id: ID!) { dockChanged(id: $id) { id } }', { variables: { id } })
        [Symbol.asyncIterator]();
    const one = listen('d1');
    expect((await one.next()).value).toEqual({ data: { dockChanged: { id: 'from 1' } } });
    const two = listen('d2');
    expect((await two.next()).value).toEqual({ data: { dockChanged: { id: 'from 2' } } });
    expect(opened).toEqual([
      { topic: 'docks', params: { id: 'd1' } },
      { topic: 'docks', params: { id: 'd2' } },
    ]);
    await two.return?.();
    await expect.poll(() => closed).toEqual([[2]]);
    await one.return?.();
    await expect.poll(() => closed).toEqual([[2], [1]]);
  });

  test('that numbers a subscription too late is given it back', async () => {
    await using gateway = await startGateway(numbered(backend.url, 'timeouts: { request: 100ms }\n'));
    const closed: unknown[] = [];
    backend.behave = ({ id, action, body }, socket) => {
      if (action === 'close') closed.push(body);
      const answer = JSON.stringify({ kind: 'answer', id, body: { number: 7 } });
      setTimeout(() => socket.send(answer), action === 'open' ? 400 : 0);
      return true;
    };
    const events = gateway.subscribe('web', 'subscription { dockChanged(id: "d1") { id } }');
    const { value } = await events.next();
    expect(value?.errors?.[0]?.extensions.code).toBe('UPSTREAM_TIMEOUT');
    await expect.poll(() => closed).toEqual([[7]]);
  });

  test.each([
    ['after', [1, 0]],
    ['before', [0, 1]],
  ])(
    'that numbers a subscription too late, %s it has given the same number again, keeps it',
    async (_when, order) => {
      await using gateway = await startGateway(numbered(backend.url, 'timeouts: { request: 500ms }\n'));
      const opened: Array<() => void> = [];
      const closed: unknown[] = [];
      backend.behave = ({ id, action, body }, socket) => {
        const answer = () => socket.send(JSON.stringify({ kind: 'answer', id, body: { number: 7 } }));
        if (action === 'open') opened.push(answer);
        else closed.push(body);
        return true;
      };
      const listen = () => gateway.subscribe('web', 'subscription { dockChanged(id: "d1") { id } }');
      expect((await listen().next()).value?.errors?.[0]?.extensions.code).toBe('UPSTREAM_TIMEOUT');
      const events = listen();
      const first = events.next();
      await expect.poll(() => opened.length).toBe(2);
      for (const index of order) opened[index]!();
      backend.broadcast('{"of":7,"body":{"id":"d1"}}');
      expect((await first).value).toEqual({ data: { dockChanged: { id: 'd1' } } });
      expect(closed).toEqual([]);
      await events.return?.();
      await expect.poll(() => closed).toEqual([[7]]);
    },
  );

  test('offers no subprotocol unless asked, and then has to accept one', async () => {
    await using gateway = await startGateway(
      configuration(backend.url, `${CONNECTOR}subprotocols: [docks.v1, docks.v2]\n`),
    );
    const { body } = await gateway.query('web', '{ dock(id: "d1") { id } }');
    expect(body.data).toEqual({ dock: { id: 'd1' } });
    expect(backend.handshakes[0]?.['sec-websocket-protocol']).toBe('docks.v1,docks.v2');
  });

  test('that refuses a token is shown a new one', async () => {
    let tokens = 0;
    const issuer = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ access_token: `token-${++tokens}`, expires_in: 3600 }));
    });
    issuer.listen(0, '127.0.0.1');
    await once(issuer, 'listening');
    const tokenUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/token`;
    const connector = `${CONNECTOR}auth: { oauth2: { tokenUrl: "${tokenUrl}", clientId: hem, clientSecret: s } }\n`;
    await using gateway = await startGateway(configuration(backend.url, connector));
    backend.accepts = ({ authorization }) => authorization === 'Bearer token-2';
    const { body } = await gateway.query('web', '{ dock(id: "d1") { id } }');
    expect(body).toEqual({ data: { dock: { id: 'd1' } } });
    expect(backend.handshakes.map(({ authorization }) => authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-2',
    ]);
    issuer.closeAllConnections();
    issuer.close();
  });

  test('may be kept awake by messages of its own', async () => {
    const connector = `${CONNECTOR}heartbeat: { every: 50ms, timeout: 40ms, message: "{ action: ping }" }\n`;
    await using gateway = await startGateway(configuration(backend.url, connector));
    backend.behave = ({ action }, socket) => {
      if (action === 'ping') socket.send('{"kind":"pong"}');
      return action === 'ping';
    };
    await gateway.query('web', '{ dock(id: "d1") { id } }');
    await expect
      .poll(() => backend.received.filter(({ action }) => action === 'ping').length)
      .toBeGreaterThan(2);
    expect(backend.handshakes).toHaveLength(1);
  });
});

describe('wss:', () => {
  const folder = new URL('../support/backends/websocket-tls/', import.meta.url);
  const pem = (name: string) => readFile(new URL(name, folder), 'utf8');
  const file = (name: string) => `"$\{file:connectors/docks/tls/${name}}"`;
  const TLS = [
    'tls:',
    `  ca: ${file('ca.pem')}`,
    '  serverName: server.hem.test',
    `  certificate: ${file('client.pem')}`,
    `  key: ${file('client.key')}`,
    '',
  ];

  async function start() {
    const [ca, cert, key] = await Promise.all([pem('ca.pem'), pem('server.pem'), pem('server.key')]);
    return EnvelopeBackend.start({ tls: { ca, cert, key, requestCert: true, rejectUnauthorized: true } });
  }

  async function filesOf() {
    const names = ['ca.pem', 'client.pem', 'client.key'];
    const texts = await Promise.all(names.map(pem));
    return Object.fromEntries(names.map((name, index) => [`connectors/docks/tls/${name}`, texts[index]!]));
  }

  test('trusts the given authority and shows the client certificate', async () => {
    await using backend = await start();
    const url = backend.url.replace('ws:', 'wss:');
    await using gateway = await startGateway(configuration(url, CONNECTOR + TLS.join('\n'), await filesOf()));
    const { body } = await gateway.query('web', '{ dock(id: "d1") { id } }');
    expect(body).toEqual({ data: { dock: { id: 'd1' } } });
  });

  test.each([
    ['an unknown authority', (line: string) => !line.includes('ca.pem')],
    ['another name', (line: string) => !line.includes('serverName')],
    ['no client certificate', (line: string) => !line.includes('client')],
  ])('refuses %s', async (_what, keep) => {
    await using backend = await start();
    const url = backend.url.replace('ws:', 'wss:');
    const connector = CONNECTOR + TLS.filter(keep).join('\n');
    await using gateway = await startGateway(configuration(url, connector, await filesOf()));
    const { body } = await gateway.query('web', '{ dock(id: "d1") { id } }');
    expect(body.data).toEqual({ dock: null });
    expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', connector: 'docks' });
  });
});
