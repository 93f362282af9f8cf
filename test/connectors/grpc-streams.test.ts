/** Streams of answers as subscriptions: events, ends, breaks, slow readers. */

import { constants } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CallContext } from '../../src/call-context.ts';
import { Cancellation } from '../../src/cancellation.ts';
import { OpenConnections } from '../../src/connections.ts';
import type { StreamCall } from '../../src/connectors/kind.ts';
import type { CallSource } from '../../src/load/model.ts';
import { answering, type Behaviour, frame, RawBackend } from '../support/backends/grpc/raw.ts';
import { GrpcBackend } from '../support/backends/grpc/server.ts';
import { shapesFiles } from '../support/backends/grpc/shapes-gateway.ts';
import { type GraphQLBody, startGateway, type TestGateway } from '../support/gateway.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const UNAVAILABLE = 14;
const PERMISSION_DENIED = 7;

let backend: GrpcBackend;
let proxy: TcpProxy;
let gateway: TestGateway;

beforeEach(async () => {
  backend = await GrpcBackend.start();
  proxy = await TcpProxy.start({ host: '127.0.0.1', port: backend.port });
  gateway = await startGateway({
    files: shapesFiles({
      settings:
        'timeouts: { connect: 500ms }\nreconnect: { min: 100ms, max: 1s }\nheaders: { set: { x-from: hem } }',
    }),
    env: { SHAPES_URL: `grpc://127.0.0.1:${proxy.port}` },
  });
});

afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

describe('a stream of answers', () => {
  test('gives its events and ends', async () => {
    const events = await all(
      gateway.subscribe('web', 'subscription { watch(topic: "a", count: 3) { topic number at } }'),
    );
    expect(events.map(({ data }) => data?.watch)).toEqual([
      { topic: 'a', number: 1, at: '2026-09-21T14:13:21Z' },
      { topic: 'a', number: 2, at: '2026-09-21T14:13:22Z' },
      { topic: 'a', number: 3, at: '2026-09-21T14:13:23Z' },
    ]);
    expect(backend.seen.at(-1)?.metadata).toMatchObject({
      'x-from': 'hem',
      'x-request-id': expect.any(String),
    });
  });

  test('args and select', async () => {
    const events = await all(gateway.subscribe('web', 'subscription { numbers(topic: "a") }'));
    expect(events.map(({ data }) => data?.numbers)).toEqual([1, 2, 3]);
  });

  test('both ways: one request, and the sending side stays open', async () => {
    const events = gateway.subscribe('web', 'subscription { converse(topic: "b") { number } }');
    for (const number of [1, 2, 3]) expect((await next(events))?.data?.converse.number).toBe(number);
    expect(backend.seen.filter(({ method }) => method === 'Converse')).toHaveLength(1);
    await events.return?.();
    await expect.poll(() => backend.streams).toBe(0);
  });

  test('ends at the backend when the subscriber leaves, also while it waits', async () => {
    const events = gateway.subscribe('web', 'subscription { watch(topic: "a") { number } }');
    await next(events);
    expect(backend.streams).toBe(1);
    await events.return?.();
    await expect.poll(() => backend.cancelled, { timeout: 3000 }).toBe(1);
    await expect.poll(() => backend.streams).toBe(0);
  });

  test('an argument that does not fit ends it before it begins', async () => {
    const events = await all(
      gateway.subscribe('web', 'subscription ($topic: String!) { watch(topic: $topic) { number } }', {
        variables: { topic: '\uD800' },
      }),
    );
    expect(events.at(-1)?.errors).toMatchObject([{ extensions: { code: 'BAD_ARGUMENT' } }]);
    expect(backend.seen).toHaveLength(0);
  });
});

describe('a stream that breaks', () => {
  test('is opened again when the connection is lost, and the gap is told', async () => {
    const events = gateway.subscribe('web', 'subscription { watch(topic: "a") { number } }');
    expect((await next(events))?.data?.watch.number).toBe(1);
    proxy.cut();
    let gap = await next(events);
    while (gap?.errors === undefined) gap = await next(events);
    expect(gap.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_GAP', connector: 'shapes' } }]);
    expect((await next(events))?.data?.watch.number).toBe(1);
    expect(backend.seen.filter(({ method }) => method === 'Watch')).toHaveLength(2);
    await events.return?.();
  });

  test('every time it comes back, one gap each', async () => {
    const events = gateway.subscribe(
      'web',
      `subscription { watch(topic: "a", count: 9, failAfter: 2, failCode: ${UNAVAILABLE}) { number } }`,
    );
    const seen: unknown[] = [];
    while (seen.length < 8) {
      const event = await next(events);
      seen.push(event?.data?.watch?.number ?? event?.errors?.[0]?.extensions.code);
    }
    expect(seen).toEqual([1, 2, 'UPSTREAM_GAP', 1, 2, 'UPSTREAM_GAP', 1, 2]);
    await events.return?.();
  });

  test('ends after five attempts in vain', async () => {
    const events = gateway.subscribe('web', 'subscription { watch(topic: "a") { number } }');
    await next(events);
    const startedAt = performance.now();
    await backend[Symbol.asyncDispose]();
    const rest = await all(events);
    const tookMs = performance.now() - startedAt;
    expect(rest.at(-1)?.errors).toMatchObject([
      { extensions: { code: 'UPSTREAM_UNAVAILABLE', connector: 'shapes' } },
    ]);
    // Pauses of 100, 200, 400, 800 and 1000 ms, at least half of each.
    expect(tookMs).toBeGreaterThan(1250);
    expect(tookMs).toBeLessThan(8000);
  });

  test('ends at once when the backend says why', async () => {
    const events = await all(
      gateway.subscribe(
        'web',
        `subscription { watch(topic: "a", count: 9, failAfter: 1, failCode: ${PERMISSION_DENIED}) { number } }`,
      ),
    );
    expect(events[0]?.data?.watch.number).toBe(1);
    expect(events.at(-1)?.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_DENIED' } }]);
    expect(backend.seen).toHaveLength(1);
  });

  test('fails at once when it cannot be opened at all', async () => {
    await backend[Symbol.asyncDispose]();
    const startedAt = performance.now();
    const events = await all(gateway.subscribe('web', 'subscription { watch(topic: "a") { number } }'));
    expect(performance.now() - startedAt).toBeLessThan(2000);
    expect(events.at(-1)?.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_UNAVAILABLE' } }]);
  });
});

describe('a backend that says nothing until its first event', () => {
  /** An Event whose number is 7. */
  const seventh = answering(frame(Buffer.from([0x10, 7])));
  const unavailable: Behaviour = (stream) =>
    stream.respond(
      {
        ':status': 200,
        'content-type': 'application/grpc',
        'grpc-status': `${UNAVAILABLE}`,
        server: 'proxy',
      },
      { endStream: true },
    );
  const watchAt = async (url: string, attempts: number) => {
    const gateway = await startGateway({
      files: shapesFiles({ settings: `reconnect: { min: 20ms, max: 100ms, attempts: ${attempts} }` }),
      env: { SHAPES_URL: url },
    });
    const events = gateway.subscribe('web', 'subscription { watch(topic: "a") { number } }');
    return { events, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
  };

  test('its stream is opened again when the connection is lost before there was any', async () => {
    let streams = 0;
    await using quiet = await RawBackend.start((stream) => {
      if (++streams > 1) seventh(stream);
    });
    await using proxy = await TcpProxy.before(quiet.url);
    await using watching = await watchAt(`grpc://127.0.0.1:${proxy.port}`, 10);
    const first = next(watching.events);
    await expect.poll(() => streams).toBe(1);
    await delay(1300);
    proxy.cut();
    expect((await first)?.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_GAP' } }]);
    expect((await next(watching.events))?.data?.watch.number).toBe(7);
  });

  test('a proxy that says only after a while that it is not there uses up the attempts', async () => {
    let streams = 0;
    let aheadMs = 0;
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + aheadMs);
    await using proxy = await RawBackend.start(async (stream) => {
      streams++;
      await delay(1300);
      aheadMs += 60_000;
      unavailable(stream);
    });
    await using watching = await watchAt(proxy.url, 2);
    const rest = await all(watching.events);
    clock.mockRestore();
    expect(rest.at(-1)?.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_UNAVAILABLE' } }]);
    expect(streams).toBe(2);
  });

  test('a stream that begins as the connection is being given up is begun on the next one', async () => {
    const sessions = new Set<unknown>();
    await using leaving = await RawBackend.start((stream) => {
      sessions.add(stream.session);
      if (sessions.size > 1) return seventh(stream);
      stream.session?.goaway(constants.NGHTTP2_NO_ERROR, 0);
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
    });
    await using watching = await watchAt(leaving.url, 10);
    expect((await next(watching.events))?.data?.watch.number).toBe(7);
  });
});

describe('a backend that allows two streams on a connection', () => {
  let narrow: GrpcBackend;
  let before: TcpProxy;

  beforeEach(async () => {
    narrow = await GrpcBackend.start({ options: { 'grpc.max_concurrent_streams': 2 } });
    before = await TcpProxy.start({ host: '127.0.0.1', port: narrow.port });
  });

  afterEach(async () => {
    await before[Symbol.asyncDispose]();
    await narrow[Symbol.asyncDispose]();
  });

  const start = (settings = '') =>
    startGateway({
      files: shapesFiles({ settings: `timeouts: { connect: 2s, request: 500ms }\n${settings}` }),
      env: { SHAPES_URL: `grpc://127.0.0.1:${before.port}` },
    });
  const watching = (gateway: TestGateway) =>
    gateway.subscribe('web', 'subscription { watch(topic: "a") { number } }');

  test('streams leave calls their room, and one that finds none is told', async () => {
    await using gateway = await start();
    const streams = [watching(gateway), watching(gateway)];
    for (const events of streams) expect((await next(events))?.data?.watch.number).toBe(1);
    const third = await all(watching(gateway));
    expect(third.at(-1)?.errors).toMatchObject([
      { extensions: { code: 'UPSTREAM_LIMITED', connector: 'shapes' } },
    ]);
    expect((await gateway.query('web', '{ count }')).body).toEqual({ data: { count: '9007199254740993' } });
    await streams[0]!.return?.();
    await expect.poll(() => narrow.streams).toBe(1);
    const again = watching(gateway);
    expect((await next(again))?.data?.watch.number).toBe(1);
    for (const events of [streams[1]!, again]) await events.return?.();
  });

  test('with streams.perConnection there are as many connections as it takes, and no longer', async () => {
    await using gateway = await start('streams: { perConnection: 2 }');
    const streams = Array.from({ length: 5 }, () => watching(gateway));
    for (const events of streams) expect((await next(events))?.data?.watch.number).toBe(1);
    expect(before.connections).toBe(3);
    await gateway.query('web', '{ count }');
    expect(before.connections).toBe(4);
    for (const events of streams) await events.return?.();
    await expect.poll(() => before.connections).toBe(2);
    expect((await next(watching(gateway)))?.data?.watch.number).toBe(1);
    expect(before.connections).toBe(2);
  });
});

describe('a reader that is slow', () => {
  /** A subscription over a socket reads ahead; the connector alone shows who holds whom. */
  test('stops the backend: nothing piles up', async () => {
    const { graph } = gateway.gateway.generation;
    await using connections = new OpenConnections(graph.connectors, pino({ level: 'silent' }));
    const { source } = graph.connectors[0]!.types.get('Subscription')!.fields.get('watch')!;
    const call = (source as CallSource).compile(connections, { fields: [] }) as StreamCall;
    const args = { topic: 'x'.repeat(10_000), count: 20_000 };
    const events = call.open({ args, parent: {}, claims: {} }, context())[Symbol.asyncIterator]();

    await events.next();
    await expect.poll(() => settled(), { timeout: 5000 }).toBe(true);
    // What sockets and HTTP/2 windows hold: far from all.
    expect(backend.written).toBeLessThan(2000);
    for (let number = 2; number <= 300; number++) {
      const { value } = await events.next();
      expect((value as { number: number }).number).toBe(number);
    }
    await events.return?.();
    await expect.poll(() => backend.streams).toBe(0);
  });

  test('finds no connection once they are closed', async () => {
    const { graph } = gateway.gateway.generation;
    const connections = new OpenConnections(graph.connectors, pino({ level: 'silent' }));
    const { source } = graph.connectors[0]!.types.get('Subscription')!.fields.get('watch')!;
    const call = (source as CallSource).compile(connections, { fields: [] }) as StreamCall;
    await connections[Symbol.asyncDispose]();
    const events = call.open({ args: {}, parent: {}, claims: {} }, context())[Symbol.asyncIterator]();
    await expect(events.next()).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
    expect(backend.seen).toHaveLength(0);
  });

  async function settled(): Promise<boolean> {
    const { written } = backend;
    await delay(200);
    return backend.written === written;
  }
});

async function next(events: AsyncIterator<GraphQLBody>): Promise<GraphQLBody | undefined> {
  const timeout = delay(10_000).then(() => {
    throw new Error('no event within ten seconds');
  });
  const { value, done } = await Promise.race([events.next(), timeout]);
  return done === true ? undefined : value;
}

async function all(events: AsyncIterableIterator<GraphQLBody>): Promise<GraphQLBody[]> {
  const list: GraphQLBody[] = [];
  for (let event = await next(events); event !== undefined; event = await next(events)) list.push(event);
  return list;
}

function context() {
  const deadlineAt = Number.POSITIVE_INFINITY;
  return new CallContext({ requestId: 'r', headers: {} }, new Cancellation(), { deadlineAt, claims: {} });
}
