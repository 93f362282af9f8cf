/** Subscriptions of GraphQL backends over graphql-ws and over server-sent events, and what happens when the connection goes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import { jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { clientYml, newKey, sign } from '../auth/issuer.ts';
import { RIDERS_SDL, RidersBackend } from '../support/backends/graphql-riders.ts';
import { type GraphQLBody, startGateway } from '../support/gateway.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const SCHEMA = `
enum Level { BASIC GOLD }
type Query { rider(id: ID!): Rider @lookup @graphql }
type Subscription {
  riderMoved(id: ID!): Rider @graphql
  ticks(count: Int!): Int @graphql
}
type Rider @key(fields: "id") { id: ID!  name: String  level: Level  orders(first: Int! = 10): [Order!] }
type Order { id: ID! }
`;
const VIEW = SCHEMA.replace(/@\w+(\((?:"[^"]*"|[^()"])*\))?/g, '');
const MOVED = 'subscription ($id: ID!) { riderMoved(id: $id) { name few: orders(first: 1) { id } } }';

function configuration(
  url: string,
  protocol: string,
  settings = '',
  subscriptions = '',
  reconnect = '{ min: 10ms, max: 50ms }',
) {
  return {
    files: {
      'connectors/riders/connector.yml': `
kind: graphql
endpoint: ${url}
spec: riders.graphql
subscriptions:
  protocol: ${protocol}
  reconnect: ${reconnect}
${subscriptions}
${settings}`,
      'connectors/riders/riders.graphql': RIDERS_SDL,
      'connectors/riders/schema.graphql': SCHEMA,
      'schemas/web.graphql': VIEW,
      'clients/web/client.yml': '{}',
    },
  };
}

async function next(events: AsyncIterator<GraphQLBody>): Promise<GraphQLBody | 'end'> {
  const timeout = sleep(5000, undefined, { ref: false }).then(() => {
    throw new Error('no event within five seconds');
  });
  const { value, done } = (await Promise.race([events.next(), timeout])) as IteratorResult<GraphQLBody>;
  return done === true ? 'end' : value;
}

function codeOf(result: GraphQLBody | 'end'): unknown {
  return result === 'end' ? result : result.errors?.[0]?.extensions.code;
}

describe.each(['ws', 'sse'])('subscriptions over %s', (protocol) => {
  let backend: RidersBackend;

  beforeEach(async () => {
    backend = await RidersBackend.start();
  });

  afterEach(() => backend[Symbol.asyncDispose]());

  test('deliver events until the backend completes', async () => {
    await using gateway = await startGateway(configuration(backend.url, protocol));
    const ticks = gateway.subscribe('web', 'subscription { ticks(count: 3) }');
    const seen: unknown[] = [];
    for await (const { data } of ticks) seen.push(data.ticks);
    expect(seen).toEqual([1, 2, 3]);
  });

  test('tell the backend of a caller who listens by server-sent events', async () => {
    const told = `identity: { headers: { x-client-ip: "{address}" } }`;
    await using gateway = await startGateway(configuration(backend.url, protocol, told));
    const response = await gateway.fetch('/web/graphql', {
      method: 'POST',
      headers: {
        accept: 'text/event-stream',
        'content-type': 'application/json',
        'x-client-ip': '192.0.2.7',
      },
      body: JSON.stringify({ query: 'subscription { ticks(count: 1) }' }),
    });
    expect(await response.text()).toContain('{"data":{"ticks":1}}');
    const { headers } = protocol === 'sse' ? backend.requests.at(-1)! : backend.inits.at(-1)!;
    expect(headers['x-client-ip']).toBe('127.0.0.1');
  });

  test('deliver what is selected of each event, errors in their places', async () => {
    await using gateway = await startGateway(configuration(backend.url, protocol));
    const events = gateway.subscribe('web', MOVED, { variables: { id: '1' } });
    const first = next(events);
    await backend.untilSubscribers(1);
    backend.move('1', 'Ann');
    expect(await first).toEqual({ data: { riderMoved: { name: 'Ann', few: [{ id: '1-0' }] } } });
    backend.move('1', 'error');
    const failed = await next(events);
    expect(failed).toMatchObject({ data: { riderMoved: null } });
    expect(codeOf(failed)).toBe('UPSTREAM_FAILED');
    backend.move('1', 'Amy');
    expect(await next(events)).toMatchObject({ data: { riderMoved: { name: 'Amy' } } });
    await events.return?.();
  });

  test('end at the backend when the caller leaves', async () => {
    await using gateway = await startGateway(configuration(backend.url, protocol));
    const events = gateway.subscribe('web', MOVED, { variables: { id: '1' } });
    const first = next(events);
    await backend.untilSubscribers(1);
    backend.move('1', 'Ann');
    await first;
    await events.return?.();
    await backend.untilSubscribers(0);
  });

  test('survive a cut connection, with a gap that is told', async () => {
    await using gateway = await startGateway(configuration(backend.url, protocol));
    const events = gateway.subscribe('web', MOVED, { variables: { id: '1' } });
    const first = next(events);
    await backend.untilSubscribers(1);
    backend.move('1', 'Ann');
    await first;
    for (const name of ['Amy', 'Abe']) {
      backend.cut();
      expect(codeOf(await next(events))).toBe('UPSTREAM_GAP');
      await backend.untilSubscribers(1);
      backend.move('1', name);
      expect(await next(events)).toMatchObject({ data: { riderMoved: { name } } });
    }
    await events.return?.();
  });

  test('ask a backend that sends an event and goes, time and again, less and less often', async () => {
    await using gateway = await startGateway(
      configuration(backend.url, protocol, '', '', '{ min: 20ms, max: 1s, attempts: 1 }'),
    );
    const events = gateway.subscribe('web', MOVED, { variables: { id: '1' } });
    const start = performance.now();
    let result = next(events);
    for (let round = 0; round < 7; round++) {
      await backend.untilSubscribers(1);
      backend.move('1', 'Ann');
      expect(await result).toMatchObject({ data: { riderMoved: { name: 'Ann' } } });
      backend.cut();
      expect(codeOf(await next(events))).toBe('UPSTREAM_GAP');
      result = next(events);
    }
    expect(performance.now() - start).toBeGreaterThan(1000);
    await events.return?.();
  });

  test('survive a restart of the backend', async () => {
    await using gateway = await startGateway(configuration(backend.url, protocol));
    const events = gateway.subscribe('web', MOVED, { variables: { id: '1' } });
    const first = next(events);
    await backend.untilSubscribers(1);
    backend.move('1', 'Ann');
    await first;
    const { port } = backend;
    await backend[Symbol.asyncDispose]();
    backend = await RidersBackend.start(port);
    expect(codeOf(await next(events))).toBe('UPSTREAM_GAP');
    await backend.untilSubscribers(1);
    backend.move('1', 'Amy');
    expect(await next(events)).toMatchObject({ data: { riderMoved: { name: 'Amy' } } });
    await events.return?.();
  });

  test('end with the gateway, also while they wait for another attempt', async () => {
    const gateway = await startGateway(configuration(backend.url, protocol, '', '', '{ min: 5s, max: 5s }'));
    const running = gateway.subscribe('web', MOVED, { variables: { id: '1' } });
    const waiting = gateway.subscribe('web', MOVED, { variables: { id: '2' } });
    const first = [next(running), next(waiting)];
    await backend.untilSubscribers(2);
    backend.move('1', 'Ann');
    backend.move('2', 'Ben');
    await Promise.all(first);
    backend.cut();
    await sleep(50);
    await gateway[Symbol.asyncDispose]();
    await sleep(50);
    expect(backend.subscribers).toBe(0);
    expect(backend.connections).toBe(0);
    await Promise.allSettled([next(running), next(waiting)]);
  });

  test('end with an error after five attempts in vain', async () => {
    await using gateway = await startGateway(configuration(backend.url, protocol));
    const events = gateway.subscribe('web', MOVED, { variables: { id: '1' } });
    const first = next(events);
    await backend.untilSubscribers(1);
    backend.move('1', 'Ann');
    await first;
    const { port } = backend;
    await backend[Symbol.asyncDispose]();
    expect(codeOf(await next(events))).toBe('UPSTREAM_UNAVAILABLE');
    expect(await next(events)).toBe('end');
    backend = await RidersBackend.start(port);
  });

  test('fail at once where nobody is, and when they are refused', async () => {
    await using gateway = await startGateway(configuration(backend.url, protocol));
    const refused = gateway.subscribe('web', MOVED, { variables: { id: 'refused' } });
    expect(codeOf(await next(refused))).toBe('UPSTREAM_REJECTED');
    expect(await next(refused)).toBe('end');
    const { port } = backend;
    await backend[Symbol.asyncDispose]();
    const alone = gateway.subscribe('web', MOVED, { variables: { id: '1' } });
    expect(codeOf(await next(alone))).toBe('UPSTREAM_UNAVAILABLE');
    expect(await next(alone)).toBe('end');
    backend = await RidersBackend.start(port);
  });
});

describe('over graphql-ws', () => {
  let backend: RidersBackend;

  beforeEach(async () => {
    backend = await RidersBackend.start();
  });

  afterEach(() => backend[Symbol.asyncDispose]());

  test('all subscribers share a socket, which is closed after the last', async () => {
    await using gateway = await startGateway(
      configuration(
        backend.url,
        'ws',
        'auth: { bearer: { token: abc } }',
        '  init: { tenant: { name: t1 } }',
      ),
    );
    const all = ['1', '2', '3'].map((id) => gateway.subscribe('web', MOVED, { variables: { id } }));
    const first = all.map(next);
    await backend.untilSubscribers(3);
    expect(backend.connections).toBe(1);
    expect(backend.inits).toEqual([
      {
        payload: { authorization: 'Bearer abc', tenant: { name: 't1' } },
        headers: expect.objectContaining({ authorization: 'Bearer abc' }),
      },
    ]);
    for (const id of ['1', '2', '3']) backend.move(id, `rider ${id}`);
    expect((await Promise.all(first)).map((result) => (result as GraphQLBody).data.riderMoved.name)).toEqual([
      'rider 1',
      'rider 2',
      'rider 3',
    ]);
    for (const events of all) await events.return?.();
    await expect.poll(() => backend.connections).toBe(0);
  });

  test('what names a request and no caller keeps nobody from sharing a socket', async () => {
    await using gateway = await startGateway(
      configuration(backend.url, 'ws', 'headers: { forward: [x-request-id, traceparent] }'),
    );
    const all = ['1', '2', '3'].map((id) => gateway.subscribe('web', MOVED, { variables: { id } }));
    const first = all.map(next);
    await backend.untilSubscribers(3);
    expect(backend.connections).toBe(1);
    for (const id of ['1', '2', '3']) backend.move(id, 'Ann');
    await Promise.all(first);
    for (const events of all) await events.return?.();
  });

  test('callers whose forwarded headers differ never share a socket', async () => {
    await using gateway = await startGateway(
      configuration(backend.url, 'ws', 'headers: { forward: [x-tenant], set: { x-gateway: hem } }'),
    );
    const clients = ['t1', 't2', 't1'].map((tenant) =>
      createClient({
        url: `${gateway.url.replace('http', 'ws')}/web/graphql`,
        retryAttempts: 0,
        webSocketImpl: class extends WebSocket {
          constructor(url: string, protocols: string) {
            super(url, protocols, { headers: { 'x-tenant': tenant, 'x-other': 'no' } });
          }
        },
      }),
    );
    const all = clients.map((client) => client.iterate({ query: MOVED, variables: { id: '1' } }));
    const waiting = all.map((events) => events.next());
    await backend.untilSubscribers(3);
    expect(
      backend.inits
        .map(({ payload }) => payload)
        .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
    ).toEqual([
      { 'x-tenant': 't1', 'x-gateway': 'hem' },
      { 'x-tenant': 't2', 'x-gateway': 'hem' },
    ]);
    backend.move('1', 'Ann');
    await Promise.all(waiting);
    for (const events of all) await events.return?.();
    await expect.poll(() => backend.connections).toBe(0);
  });

  test('nor do callers of whom the backend is told different things', async () => {
    const key = await newKey('k1');
    const secret = 'a secret that two of us know, and nobody else';
    const token = { issuer: 'hem', audience: 'riders', algorithm: 'HS256', key: secret };
    const { files } = configuration(backend.url, 'ws', `identity: ${JSON.stringify({ token })}`);
    const client = clientYml({ keys: [key.publicJwk] });
    await using gateway = await startGateway({ files: { ...files, 'clients/web/client.yml': client } });
    const clients = await Promise.all(
      ['ann', 'ben', 'ann'].map(async (sub) =>
        createClient({
          url: `${gateway.url.replace('http', 'ws')}/web/graphql`,
          webSocketImpl: WebSocket,
          retryAttempts: 0,
          connectionParams: { authorization: `Bearer ${await sign(key, { sub })}` },
        }),
      ),
    );
    const all = clients.map((one) => one.iterate({ query: MOVED, variables: { id: '1' } }));
    const waiting = all.map((events) => events.next());
    await backend.untilSubscribers(3);
    const names = await Promise.all(
      backend.inits.map(async ({ payload, headers }) => {
        const { authorization } = payload as { authorization: string };
        expect(headers.authorization).toBe(authorization);
        const { payload: claims } = await jwtVerify(authorization.slice(7), new TextEncoder().encode(secret));
        return claims.sub;
      }),
    );
    expect(names.sort()).toEqual(['ann', 'ben']);
    backend.move('1', 'Ann');
    await Promise.all(waiting);
    for (const events of all) await events.return?.();
    await expect.poll(() => backend.connections).toBe(0);
  });

  test('an orderly close in the middle is a gap, too', async () => {
    await using gateway = await startGateway(configuration(backend.url, 'ws'));
    const events = gateway.subscribe('web', MOVED, { variables: { id: '1' } });
    const first = next(events);
    await backend.untilSubscribers(1);
    backend.move('1', 'Ann');
    await first;
    for (const code of [1000, 1001, 1012, 4499]) {
      backend.closeSockets(code);
      expect(codeOf(await next(events))).toBe('UPSTREAM_GAP');
      await backend.untilSubscribers(1);
      backend.move('1', 'Amy');
      expect(await next(events)).toMatchObject({ data: { riderMoved: { name: 'Amy' } } });
    }
    await events.return?.();
  });

  test('a backend that does not answer pings is left', async () => {
    await using gateway = await startGateway(
      configuration(backend.url, 'ws', '', '  heartbeat: { every: 50ms, timeout: 50ms }'),
    );
    const events = gateway.subscribe('web', MOVED, { variables: { id: '1' } });
    const first = next(events);
    await backend.untilSubscribers(1);
    backend.move('1', 'Ann');
    await first;
    await sleep(300);
    expect(backend.inits).toHaveLength(1);
    backend.deaf = true;
    expect(codeOf(await next(events))).toBe('UPSTREAM_GAP');
    backend.deaf = false;
    await events.return?.();
  });

  test('a backend whose event takes longer to arrive than a heartbeat may is kept', async () => {
    await using proxy = await TcpProxy.before(backend.url);
    await using gateway = await startGateway(
      configuration(proxy.url, 'ws', '', '  heartbeat: { every: 200ms, timeout: 200ms }'),
    );
    const events = gateway.subscribe('web', MOVED, { variables: { id: '1' } });
    const first = next(events);
    await backend.untilSubscribers(1);
    proxy.trickle();
    const name = 'x'.repeat(100_000);
    backend.move('1', name);
    expect(await first).toMatchObject({ data: { riderMoved: { name } } });
    expect(backend.inits).toHaveLength(1);
    await events.return?.();
  });

  test.each([
    [4403, 'UPSTREAM_DENIED'],
    [4400, 'UPSTREAM_INVALID'],
    [4500, 'UPSTREAM_UNAVAILABLE'],
  ])('a socket closed with %i before it began is %s', async (code, expected) => {
    await using gateway = await startGateway(configuration(backend.url, 'ws'));
    backend.refuseWith = code;
    const events = gateway.subscribe('web', MOVED, { variables: { id: '1' } });
    expect(codeOf(await next(events))).toBe(expected);
    expect(await next(events)).toBe('end');
  });

  test.each(['responseBytes: 2KB', 'responseObjects: 1'])(
    'an event above the limit ends the subscription: %s',
    async (limit) => {
      await using gateway = await startGateway(configuration(backend.url, 'ws', `limits: { ${limit} }`));
      const events = gateway.subscribe('web', MOVED, { variables: { id: '1' } });
      const first = next(events);
      await backend.untilSubscribers(1);
      backend.move('1', 'x'.repeat(4096));
      expect(codeOf(await first)).toBe('UPSTREAM_INVALID');
      expect(await next(events)).toBe('end');
    },
  );
});

describe('over server-sent events', () => {
  let backend: RidersBackend;

  beforeEach(async () => {
    backend = await RidersBackend.start();
  });

  afterEach(() => backend[Symbol.asyncDispose]());

  test.each([
    [
      'text/event-stream',
      'data: {"data":{"riderMoved":{"name":"plain"}}}\n\nevent: complete\ndata:\n\n',
      { data: { riderMoved: { name: 'plain' } } },
    ],
    [
      'text/event-stream',
      ': hello\r\n\r\nevent: next\r\nid: 1\r\ndata: {"data":\r\ndata: {"riderMoved":{"name":"lines"}}}\r\n\r\nevent: complete\r\n\r\n',
      { data: { riderMoved: { name: 'lines' } } },
    ],
    [
      'text/event-stream; charset=utf-8',
      'event: other\ndata: ?\n\nevent: next\ndata: {"data":{"riderMoved":{"name":"ü"}}}\n\nevent: complete\n\n',
      { data: { riderMoved: { name: 'ü' } } },
    ],
    ['text/event-stream', 'event: next\ndata: not json\n\n', 'UPSTREAM_INVALID'],
    ['text/event-stream', 'event: next\ndata: {}\n\n', 'UPSTREAM_INVALID'],
    ['text/event-stream', `event: next\ndata: "${'x'.repeat(5000)}`, 'UPSTREAM_INVALID'],
    [
      'text/event-stream',
      `event: next\ndata: {"data":{"riderMoved":{"name":"many"}},"more":[${'[],'.repeat(100)}{}]}\n\n`,
      'UPSTREAM_INVALID',
    ],
    ['application/json', '{"data":{"riderMoved":null}}', 'UPSTREAM_INVALID'],
    [
      'application/json',
      '{"errors":[{"message":"no","extensions":{"code":"FORBIDDEN"}}]}',
      'UPSTREAM_DENIED',
    ],
    ['text/html', '<h1>portal</h1>', 'UPSTREAM_INVALID'],
  ])('%s %j is read', async (type, text, expected) => {
    await using gateway = await startGateway(
      configuration(backend.url, 'sse', 'limits: { responseBytes: 2KB, responseObjects: 100 }'),
    );
    backend.behave = (_request, response) => {
      response.writeHead(200, { 'content-type': type });
      // Byte by byte, so that every place is once the end of a chunk.
      void (async () => {
        for (const byte of Buffer.from(text)) {
          response.write(Buffer.of(byte));
          if (text.length < 200) await sleep(0);
        }
        response.end();
      })();
      return true;
    };
    const events = gateway.subscribe('web', 'subscription { riderMoved(id: 1) { name } }');
    const result = await next(events);
    if (typeof expected === 'string') expect(codeOf(result)).toBe(expected);
    else expect(result).toEqual(expected);
    expect(await next(events)).toBe('end');
  });

  test.each([
    [401, 'UPSTREAM_DENIED'],
    [400, 'UPSTREAM_REJECTED'],
    [503, 'UPSTREAM_UNAVAILABLE'],
  ])('status %i is %s', async (status, code) => {
    await using gateway = await startGateway(configuration(backend.url, 'sse'));
    backend.behave = (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end('{"errors":[{"message":"no"}]}');
      return true;
    };
    const events = gateway.subscribe('web', MOVED, { variables: { id: '1' } });
    expect(codeOf(await next(events))).toBe(code);
    expect(await next(events)).toBe('end');
  });

  test('more events at once than one subscriber keeps all arrive', async () => {
    await using gateway = await startGateway(
      configuration(backend.url, 'sse', '', '  subscriber: { buffer: 10 }'),
    );
    const names = Array.from({ length: 1000 }, (_, index) => String(index));
    backend.behave = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const events = names.map((name) => `event: next\ndata: {"data":{"riderMoved":{"name":"${name}"}}}\n\n`);
      response.end(`${events.join('')}event: complete\ndata:\n\n`);
      return true;
    };
    const seen: unknown[] = [];
    const events = gateway.subscribe('web', 'subscription { riderMoved(id: 1) { name } }');
    for await (const { data } of events) seen.push(data.riderMoved?.name);
    expect(seen).toEqual(names);
  });
});
