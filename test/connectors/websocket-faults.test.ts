/** What happens when a websocket backend is slow, hung, gone, back again, or sends nonsense. */
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { EnvelopeBackend } from '../support/backends/websocket-envelope.ts';
import { startGateway } from '../support/gateway.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

/** Short times, so that a fault is over within a second. */
const CONNECTOR = `
kind: websocket
endpoint: \${env:DOCKS_URL}
envelope:
  request: "{ id: $id, action: $method, body: $params }"
  response: { where: { kind: answer }, id: id, result: body, error: problem }
subscriptions:
  subscribe: { message: "{ id: $id, action: watch, channel: $topic }" }
  unsubscribe: { message: "{ action: unwatch, channel: $topic }" }
  event: { where: { kind: event }, topic: channel, payload: body }
timeouts: { connect: 600ms, request: 800ms }
heartbeat: { every: 200ms, timeout: 200ms }
reconnect: { min: 50ms, max: 200ms, attempts: 5 }
limits: { responseBytes: 8KB }
maxInFlight: 20
resilience: { breaker: { enabled: false } }
`;

const SCHEMA = `
type Query {
  dock(id: ID!): Dock @lookup @websocket(call: "docks.get")
}
type Subscription {
  dockChanged(id: ID!): Dock @websocket(topic: "docks/{id}")
}
type Dock @key(fields: "id") { id: ID!  state: String }
`;

const VIEW = `
type Query { dock(id: ID!): Dock }
type Subscription { dockChanged(id: ID!): Dock }
type Dock { id: ID!  state: String }
`;

type Gateway = Awaited<ReturnType<typeof startGateway>>;

let backend: EnvelopeBackend;
let gateway: Gateway;

function start(connector = CONNECTOR, url = backend.url): Promise<Gateway> {
  return startGateway({
    files: {
      'connectors/docks/connector.yml': connector,
      'connectors/docks/schema.graphql': SCHEMA,
      'schemas/web.graphql': VIEW,
      'clients/web/client.yml': '{}',
    },
    env: { DOCKS_URL: url },
  });
}

beforeEach(async () => {
  backend = await EnvelopeBackend.start();
  gateway = await start();
});

afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

/** The state of a dock, or the code of the error that came instead, and how long that took. */
async function ask(id = 'd1'): Promise<{ said: unknown; ms: number }> {
  const start = performance.now();
  const { body } = await gateway.query('web', 'query ($id: ID!) { dock(id: $id) { id state } }', {
    variables: { id },
  });
  const ms = performance.now() - start;
  return { said: body.errors === undefined ? body.data.dock?.state : body.errors[0]!.extensions?.code, ms };
}

function listen(id: string): AsyncIterator<unknown> {
  const document = 'subscription ($id: ID!) { dockChanged(id: $id) { state } }';
  return gateway.subscribe('web', document, { variables: { id } })[Symbol.asyncIterator]();
}

/** A subscription that has had its first event. */
async function hear(id: string): Promise<AsyncIterator<unknown>> {
  const events = listen(id);
  const first = events.next();
  await expect.poll(() => backend.watching(`docks/${id}`)).toBe(1);
  backend.emit(`docks/${id}`, { state: 'one' });
  await first;
  return events;
}

/** The state that an event carries, or the code of its error. */
function read(result: IteratorResult<unknown>): unknown {
  if (result.done === true) return 'done';
  const { data, errors } = result.value as {
    data?: { dockChanged?: { state?: string } | null } | null;
    errors?: ReadonlyArray<{ extensions?: { code?: string } }>;
  };
  return errors?.[0]?.extensions?.code ?? data?.dockChanged?.state;
}

describe('calls', () => {
  test('in flight when the connection is lost fail at once, and the next one works', async () => {
    await ask();
    backend.behave = () => true;
    const lost = Promise.all(['d1', 'd2', 'd3'].map(ask));
    await expect.poll(() => backend.received.length).toBe(4);
    backend.drop();
    for (const { said, ms } of await lost) {
      expect(said).toBe('UPSTREAM_UNAVAILABLE');
      expect(ms).toBeLessThan(600);
    }
    backend.behave = () => false;
    expect((await ask()).said).toBe('FREE');
    expect(backend.handshakes).toHaveLength(2);
  });

  test('have a deadline of their own; a late answer meets nobody', async () => {
    backend.behave = ({ id }, socket) => {
      setTimeout(
        () => socket.send(JSON.stringify({ kind: 'answer', id, body: { id: 'late', state: 'LATE' } })),
        1000,
      );
      return true;
    };
    const slow = await ask();
    expect(slow.said).toBe('UPSTREAM_TIMEOUT');
    expect(slow.ms).toBeGreaterThan(700);
    backend.behave = () => false;
    const { length } = backend.handshakes;
    for (let round = 0; round < 8; round++) {
      expect((await ask()).said).toBe('FREE');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(backend.handshakes).toHaveLength(length);
  });

  test('come through garbage, answers sent twice, answers to nobody and binary frames', async () => {
    backend.behave = ({ id, body }, socket) => {
      const answer = JSON.stringify({ kind: 'answer', id, body: { id: body?.id, state: 'TRUE' } });
      const frames: ReadonlyArray<string | Buffer> = [
        '',
        'garbage{',
        'null',
        '7',
        '[]',
        '[[[]]]',
        '['.repeat(8000),
        '{"kind":"answer"}',
        '{"kind":"answer","id":null,"body":{"state":"FALSE"}}',
        '{"kind":"answer","id":"1","body":{"state":"FALSE"}}',
        '{"kind":"answer","id":999999,"body":{"state":"FALSE"}}',
        '{"kind":"answer","id":{"toString":1},"body":{"state":"FALSE"}}',
        '{"__proto__":{"polluted":true},"constructor":1,"kind":"answer","id":"__proto__"}',
        '{"kind":"event","channel":"__proto__","body":1}',
        `{"kind":"event","id":${id},"channel":"docks/d1","body":1}`,
        Buffer.from([0xff, 0xfe, 0x00]),
        Buffer.from(answer),
        answer.replace('TRUE', 'SECOND'),
      ];
      for (const frame of frames) socket.send(frame, { binary: typeof frame !== 'string' });
      return true;
    };
    for (let round = 0; round < 5; round++) expect((await ask()).said).toBe('TRUE');
    expect(backend.handshakes).toHaveLength(1);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('answered with too much fail, and cost others no more than a new connection', async () => {
    backend.behave = ({ id }, socket) => {
      socket.send(JSON.stringify({ kind: 'answer', id, body: { state: 'x'.repeat(9000) } }));
      return true;
    };
    expect((await ask()).said).toBe('UPSTREAM_INVALID');
    backend.behave = () => false;
    expect((await ask()).said).toBe('FREE');
    expect(backend.handshakes).toHaveLength(2);
  });

  test('whose answer takes longer to arrive than a heartbeat may keep their connection', async () => {
    await gateway[Symbol.asyncDispose]();
    await using proxy = await TcpProxy.before(backend.url);
    const slow = CONNECTOR.replace('request: 800ms', 'request: 10s').replace('8KB', '1MB');
    gateway = await start(slow, proxy.url);
    await ask();
    proxy.trickle();
    const state = 'x'.repeat(100_000);
    backend.behave = ({ id }, socket) => {
      socket.send(JSON.stringify({ kind: 'answer', id, body: { id: 'd1', state } }));
      return true;
    };
    expect((await ask()).said).toBe(state);
    expect(backend.handshakes).toHaveLength(1);
  });

  test('beyond the bound of those in flight wait for their turn', async () => {
    let open = 0;
    let most = 0;
    backend.behave = ({ id, body }, socket) => {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        socket.send(JSON.stringify({ kind: 'answer', id, body: { id: body?.id, state: 'FREE' } }));
      }, 20);
      return true;
    };
    const names = Array.from({ length: 45 }, (_, index) => `d${index}`);
    const { body } = await gateway.query(
      'web',
      `{ ${names.map((id) => `${id}: dock(id: "${id}") { id }`).join(' ')} }`,
    );
    expect(body).toEqual({ data: Object.fromEntries(names.map((id) => [id, { id }])) });
    expect(most).toBe(20);
  });

  test('to a backend that is away fail fast after some attempts, and work soon after it is back', async () => {
    await backend[Symbol.asyncDispose]();
    expect((await ask()).said).toBe('UPSTREAM_UNAVAILABLE');
    const times = await Promise.all(Array.from({ length: 20 }, () => ask()));
    for (const { said, ms } of times) {
      expect(said).toBe('UPSTREAM_UNAVAILABLE');
      expect(ms).toBeLessThan(600);
    }
    backend = await EnvelopeBackend.start({ port: backend.port });
    await expect.poll(async () => (await ask()).said, { timeout: 3000 }).toBe('FREE');
  });

  test('while the connection is being opened again wait for it', async () => {
    await ask();
    backend.drop();
    await expect.poll(() => backend.connections).toBe(0);
    expect((await ask()).said).toBe('FREE');
  });

  test.each([
    [401, 'UPSTREAM_DENIED'],
    [403, 'UPSTREAM_DENIED'],
    [429, 'UPSTREAM_LIMITED'],
    [503, 'UPSTREAM_UNAVAILABLE'],
    [302, 'UPSTREAM_INVALID'],
    [200, 'UPSTREAM_INVALID'],
  ])('to a backend that answers the handshake with %i give %s', async (status, code) => {
    backend.refuseWith = status;
    expect((await ask()).said).toBe(code);
  });

  test('wait for a handshake that never ends no longer than the connect timeout', async () => {
    backend.refuseWith = 0;
    const { said, ms } = await ask();
    expect(said).toBe('UPSTREAM_UNAVAILABLE');
    expect(ms).toBeLessThan(1500);
  });

  test('do not hang on a backend that closes every connection at once', async () => {
    backend.behave = (_message, socket) => {
      socket.close(1008);
      return true;
    };
    for (let round = 0; round < 6; round++) {
      const { said, ms } = await ask();
      expect(said).toBe('UPSTREAM_UNAVAILABLE');
      expect(ms).toBeLessThan(1500);
    }
    expect(backend.handshakes.length).toBeLessThan(12);
  });
});

describe('subscriptions', () => {
  test('live through a lost connection: a gap is reported, and events go on', async () => {
    const first = listen('d1');
    const second = listen('d1');
    const other = listen('d2');
    const waiting = [first.next(), second.next(), other.next()];
    await expect.poll(() => backend.watching('docks/d1') + backend.watching('docks/d2')).toBe(2);
    // The second subscriber shares the topic, so nothing at the backend shows that it is there.
    await new Promise((resolve) => setTimeout(resolve, 200));
    backend.emit('docks/d1', { state: 'one' });
    backend.emit('docks/d2', { state: 'one' });
    expect((await Promise.all(waiting)).map(read)).toEqual(['one', 'one', 'one']);
    backend.drop(1012);
    const gaps = await Promise.all([first.next(), second.next(), other.next()]);
    expect(gaps.map(read)).toEqual(['UPSTREAM_GAP', 'UPSTREAM_GAP', 'UPSTREAM_GAP']);
    expect(backend.watching('docks/d1')).toBe(1);
    backend.emit('docks/d1', { state: 'two' });
    expect([read(await first.next()), read(await second.next())]).toEqual(['two', 'two']);
    for (const iterator of [first, second, other]) await iterator.return?.();
    await expect.poll(() => backend.watching('docks/d1') + backend.watching('docks/d2')).toBe(0);
  });

  test('live through a restart of the backend', async () => {
    const events = await hear('d1');
    await backend[Symbol.asyncDispose]();
    await new Promise((resolve) => setTimeout(resolve, 150));
    backend = await EnvelopeBackend.start({ port: backend.port });
    expect(read(await events.next())).toBe('UPSTREAM_GAP');
    const next = events.next();
    backend.emit('docks/d1', { state: 'two' });
    expect(read(await next)).toBe('two');
    expect((await ask()).said).toBe('FREE');
    await events.return?.();
  });

  test('notice a hung backend by its silence', async () => {
    const events = await hear('d1');
    backend.hang();
    const start = performance.now();
    expect(read(await events.next())).toBe('UPSTREAM_GAP');
    expect(performance.now() - start).toBeLessThan(1500);
    backend.emit('docks/d1', { state: 'two' });
    expect(read(await events.next())).toBe('two');
    await events.return?.();
  });

  test('live on when somebody subscribes to the same while the backend is away', async () => {
    await gateway[Symbol.asyncDispose]();
    gateway = await start(
      CONNECTOR.replace('{ min: 50ms, max: 200ms, attempts: 5 }', '{ min: 200ms, max: 400ms, attempts: 50 }'),
    );
    const events = await hear('d1');
    await backend[Symbol.asyncDispose]();
    const failed = async () => {
      const newcomer = listen('d1');
      const said = await Promise.race([newcomer.next().then(read), sleep(50)]);
      await newcomer.return?.();
      return said;
    };
    await expect.poll(failed, { timeout: 5000 }).toBe('UPSTREAM_UNAVAILABLE');
    backend = await EnvelopeBackend.start({ port: backend.port });
    expect(read(await events.next())).toBe('UPSTREAM_GAP');
    await events.return?.();
  });

  test('of those who have just come to what others listen to end when the backend stays away', async () => {
    await gateway[Symbol.asyncDispose]();
    gateway = await start(
      CONNECTOR.replace('{ min: 50ms, max: 200ms, attempts: 5 }', '{ min: 200ms, max: 400ms, attempts: 50 }'),
    );
    const events = await hear('d1');
    await backend[Symbol.asyncDispose]();
    await sleep(100);
    expect(read(await listen('d1').next())).toBe('UPSTREAM_UNAVAILABLE');
    backend = await EnvelopeBackend.start({ port: backend.port });
    expect(read(await events.next())).toBe('UPSTREAM_GAP');
    await events.return?.();
  });

  test('end with an error after some attempts to get a lost backend back', async () => {
    const events = await hear('d1');
    await backend[Symbol.asyncDispose]();
    expect(read(await events.next())).toBe('UPSTREAM_UNAVAILABLE');
    expect(read(await events.next())).toBe('done');
    expect(read(await listen('d1').next())).toBe('UPSTREAM_UNAVAILABLE');
    backend = await EnvelopeBackend.start({ port: backend.port });
  });

  test('whose subscribe message is not answered end at the deadline', async () => {
    backend.behave = ({ action }) => action === 'watch';
    const events = listen('d1');
    expect(read(await events.next())).toBe('UPSTREAM_TIMEOUT');
    await expect.poll(() => backend.received.at(-1)?.action).toBe('unwatch');
  });

  test('get events that come before the answer to subscribe', async () => {
    backend.behave = ({ id, action, channel }, socket) => {
      if (action !== 'watch') return false;
      socket.send(JSON.stringify({ kind: 'event', channel, body: { state: 'early' } }));
      socket.send(JSON.stringify({ kind: 'answer', id, body: {} }));
      return true;
    };
    const events = listen('d1');
    expect(read(await events.next())).toBe('early');
    await events.return?.();
  });

  test('fail for what is so at a backend that does not read, not for what was so before', async () => {
    await gateway[Symbol.asyncDispose]();
    gateway = await start(
      CONNECTOR.replace('message: "{ id: $id, action: watch,', 'message: "{ action: watch,')
        .replace(/^(heartbeat|maxInFlight):.*$/gm, '')
        .replace('timeouts:', 'heartbeat: none\ntimeouts:'),
    );
    backend.refuseWith = 401;
    expect((await ask()).said).toBe('UPSTREAM_DENIED');
    backend.refuseWith = undefined;
    await expect.poll(async () => (await ask()).said).toBe('FREE');
    backend.hang();
    const long = 'x'.repeat(500_000);
    // More than what the operating system keeps for a socket that nobody reads, and the gateway for the operating system.
    await Promise.all(Array.from({ length: 60 }, () => ask(long)));
    expect(read(await listen('d1').next())).toBe('UPSTREAM_UNAVAILABLE');
  });

  test('whose events are not read are ended, and others do not notice', async () => {
    const slow = new WebSocket(`${gateway.url.replace('http', 'ws')}/web/graphql`, 'graphql-transport-ws');
    await once(slow, 'open');
    const received: Array<{ type: string; payload: { errors?: Array<{ extensions: { code: string } }> } }> =
      [];
    slow.on('message', (data) => received.push(JSON.parse(String(data))));
    slow.send('{"type":"connection_init"}');
    await expect.poll(() => received.length).toBe(1);
    const query = 'subscription { dockChanged(id: "d1") { state } }';
    slow.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
    await expect.poll(() => backend.watching('docks/d1')).toBe(1);
    slow.pause();
    const quick = listen('d1');
    const first = quick.next();
    const text = 'x'.repeat(7000);
    let sent = 0;
    const ticking = setInterval(() => backend.emit('docks/d1', { state: `${sent++} ${text}` }), 1);
    await first;
    // More than what the operating system keeps for a socket that nobody reads.
    for (let count = 0; count < 2000; count++) expect(read(await quick.next())).toContain(text);
    clearInterval(ticking);
    slow.resume();
    await expect.poll(() => received.at(-1)?.type, { timeout: 5000 }).toBe('complete');
    expect(received.at(-2)?.payload.errors?.[0]?.extensions.code).toBe('UPSTREAM_LIMITED');
    slow.terminate();
    await quick.return?.();
  });

  test.each([
    ['not answered in time', () => {}],
    [
      'not possible yet',
      (socket: WebSocket, id: unknown) =>
        socket.send(JSON.stringify({ kind: 'answer', id, problem: { code: 'UNAVAILABLE' } })),
    ],
  ])('live on when subscribing again is %s', async (_what, answer) => {
    const events = await hear('d1');
    let inVain = 0;
    backend.behave = ({ id, action }, socket) => {
      if (action !== 'watch' || inVain === 2) return false;
      inVain++;
      answer(socket, id);
      return true;
    };
    backend.drop();
    expect(read(await events.next())).toBe('UPSTREAM_GAP');
    expect(inVain).toBe(2);
    expect(backend.handshakes).toHaveLength(2);
    const next = events.next();
    backend.emit('docks/d1', { state: 'two' });
    expect(read(await next)).toBe('two');
    await events.return?.();
    await expect.poll(() => backend.watching('docks/d1')).toBe(0);
  });

  test('of those who have just come end while subscribing again is not possible yet, others live on', async () => {
    await gateway[Symbol.asyncDispose]();
    gateway = await start(CONNECTOR.replace('{ min: 50ms, max: 200ms', '{ min: 1s, max: 1s'));
    const events = await hear('d1');
    const asked: Array<() => void> = [];
    backend.behave = ({ id, action }, socket) => {
      if (action !== 'watch' || asked.length === 1) return false;
      asked.push(() => socket.send(JSON.stringify({ kind: 'answer', id, problem: { code: 'UNAVAILABLE' } })));
      return true;
    };
    backend.drop();
    await expect.poll(() => asked.length, { timeout: 3000 }).toBe(1);
    const early = listen('d1').next();
    await sleep(100);
    asked[0]!();
    expect(read(await early)).toBe('UPSTREAM_UNAVAILABLE');
    expect(read(await listen('d1').next())).toBe('UPSTREAM_UNAVAILABLE');
    expect(backend.watching('docks/d1')).toBe(0);
    expect(read(await events.next())).toBe('UPSTREAM_GAP');
    await events.return?.();
  });

  test.each([
    ['anew once an event has come in between', true, ['UPSTREAM_GAP', 'UPSTREAM_GAP', 'UPSTREAM_GAP']],
    ['on when nothing has', false, ['UPSTREAM_GAP', 'UPSTREAM_UNAVAILABLE', 'done']],
  ])('count attempts to subscribe again %s', async (_what, hasEvents, expected) => {
    await gateway[Symbol.asyncDispose]();
    gateway = await start(CONNECTOR.replace('attempts: 5', 'attempts: 2'));
    const events = await hear('d1');
    let refuses = false;
    backend.behave = ({ id, action }, socket) => {
      if (action !== 'watch' || !refuses) return false;
      refuses = false;
      socket.send(JSON.stringify({ kind: 'answer', id, problem: { code: 'UNAVAILABLE' } }));
      return true;
    };
    const told: unknown[] = [];
    for (const _round of expected) {
      refuses = true;
      backend.drop();
      told.push(read(await events.next()));
      if (!hasEvents) continue;
      backend.emit('docks/d1', { state: 'again' });
      expect(read(await events.next())).toBe('again');
    }
    expect(told).toEqual(expected);
    await events.return?.();
  });

  test('live on however often the connection is lost before an event comes', async () => {
    await gateway[Symbol.asyncDispose]();
    gateway = await start(CONNECTOR.replace('attempts: 5', 'attempts: 2'));
    const events = await hear('d1');
    for (let round = 0; round < 4; round++) {
      backend.drop();
      expect(read(await events.next())).toBe('UPSTREAM_GAP');
    }
    await events.return?.();
  });

  test('end when subscribing again is not possible after some attempts', async () => {
    const events = await hear('d1');
    backend.behave = ({ id }, socket) => {
      socket.send(JSON.stringify({ kind: 'answer', id, problem: { code: 'UNAVAILABLE' } }));
      return true;
    };
    backend.drop();
    expect(read(await events.next())).toBe('UPSTREAM_UNAVAILABLE');
    expect(read(await events.next())).toBe('done');
    expect(backend.received.filter(({ action }) => action === 'watch')).toHaveLength(1 + 5);
  });

  test('refused after a reconnect end with the refusal', async () => {
    const events = await hear('d1');
    backend.behave = ({ id }, socket) => {
      socket.send(JSON.stringify({ kind: 'answer', id, problem: { code: 'NO' } }));
      return true;
    };
    backend.drop();
    expect(read(await events.next())).toBe('UPSTREAM_REJECTED');
    expect(read(await events.next())).toBe('done');
  });
});
