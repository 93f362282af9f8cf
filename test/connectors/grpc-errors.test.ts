/** What a gRPC backend can do wrong, and what the caller is told. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answering, type Behaviour, frame, RawBackend } from '../support/backends/grpc/raw.ts';
import { GrpcBackend } from '../support/backends/grpc/server.ts';
import { shapesFiles } from '../support/backends/grpc/shapes-gateway.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';

const FAIL =
  'query ($code: Int!, $message: String, $withDetails: Boolean) { fail(code: $code, message: $message, withDetails: $withDetails) { id } }';

describe('a backend that answers errors', () => {
  let backend: GrpcBackend;
  let gateway: TestGateway;

  beforeAll(async () => {
    backend = await GrpcBackend.start();
    gateway = await startGateway({
      files: shapesFiles({
        settings:
          'timeouts: { request: 400ms, connect: 1s }\nlimits: { responseBytes: 64KB }\nerrors: { detail: public }',
      }),
      env: { SHAPES_URL: backend.url },
    });
  });

  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();
  });

  test.each([
    [1, 'CANCELLED', 'UPSTREAM_FAILED'],
    [2, 'UNKNOWN', 'UPSTREAM_FAILED'],
    [3, 'INVALID_ARGUMENT', 'UPSTREAM_REJECTED'],
    [4, 'DEADLINE_EXCEEDED', 'UPSTREAM_TIMEOUT'],
    [5, 'NOT_FOUND', 'UPSTREAM_NOT_FOUND'],
    [6, 'ALREADY_EXISTS', 'UPSTREAM_CONFLICT'],
    [7, 'PERMISSION_DENIED', 'UPSTREAM_DENIED'],
    [8, 'RESOURCE_EXHAUSTED', 'UPSTREAM_LIMITED'],
    [9, 'FAILED_PRECONDITION', 'UPSTREAM_CONFLICT'],
    [10, 'ABORTED', 'UPSTREAM_CONFLICT'],
    [11, 'OUT_OF_RANGE', 'UPSTREAM_REJECTED'],
    [12, 'UNIMPLEMENTED', 'UPSTREAM_REJECTED'],
    [13, 'INTERNAL', 'UPSTREAM_FAILED'],
    [14, 'UNAVAILABLE', 'UPSTREAM_UNAVAILABLE'],
    [15, 'DATA_LOSS', 'UPSTREAM_FAILED'],
    [16, 'UNAUTHENTICATED', 'UPSTREAM_DENIED'],
    [99, '99', 'UPSTREAM_FAILED'],
  ])('status %i %s is %s', async (code, status, expected) => {
    const { body } = await gateway.query('web', FAIL, { variables: { code, message: 'said so' } });
    expect(body.data).toEqual({ fail: null });
    expect(body.errors).toHaveLength(1);
    const { path, extensions } = body.errors![0]!;
    expect(path).toEqual(['fail']);
    expect(extensions).toMatchObject({
      code: expected,
      connector: 'shapes',
      coordinate: 'Query.fail',
      status,
    });
  });

  test('the decoded details are shown where the connector says so; stack traces never', async () => {
    const { body } = await gateway.query('web', FAIL, {
      variables: { code: 9, message: 'said twice', withDetails: true },
    });
    expect(body.errors![0]!.extensions.detail).toEqual({
      message: 'said twice',
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'OUT_OF_STOCK',
          domain: 'shapes',
          metadata: {},
        },
        {
          '@type': 'type.googleapis.com/google.rpc.BadRequest',
          fieldViolations: [{ field: 'thing.id', description: 'too short' }],
        },
        { '@type': 'type.googleapis.com/shapes.v1.Circle', radius: 1.5 },
      ],
    });
    expect(JSON.stringify(body)).not.toContain('secret.ts');
  });

  test('hidden where it does not', async () => {
    await using other = await startGateway({ files: shapesFiles(), env: { SHAPES_URL: backend.url } });
    const { body } = await other.query('web', FAIL, {
      variables: { code: 9, message: 'internal text', withDetails: true },
    });
    expect(body.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_CONFLICT' } }]);
    expect(JSON.stringify(body)).not.toMatch(/internal text|OUT_OF_STOCK/);
  });

  test('one failing field leaves the rest', async () => {
    const { body } = await gateway.query('web', '{ things(first: 2) { id failing { name } } count }');
    expect(body.data).toEqual({
      things: [
        { id: 'a', failing: null },
        { id: 'b', failing: null },
      ],
      count: '9007199254740993',
    });
    expect(body.errors!.map(({ path, extensions }) => [path, extensions.code])).toEqual([
      [['things', 0, 'failing'], 'UPSTREAM_NOT_FOUND'],
      [['things', 1, 'failing'], 'UPSTREAM_NOT_FOUND'],
    ]);
  });

  test('the deadline is sent, and kept when the backend does not', async () => {
    const { body } = await gateway.query('web', '{ sleep(milliseconds: 0) }');
    expect(body.data.sleep).toBeGreaterThan(0);
    expect(body.data.sleep).toBeLessThanOrEqual(400);

    const cancelled = backend.cancelled;
    const startedAt = performance.now();
    const late = await gateway.query('web', '{ sleep(milliseconds: 20000) count }');
    expect(performance.now() - startedAt).toBeLessThan(2000);
    expect(late.body.data).toEqual({ sleep: null, count: '9007199254740993' });
    expect(late.body.errors).toMatchObject([{ path: ['sleep'], extensions: { code: 'UPSTREAM_TIMEOUT' } }]);
    await expect.poll(() => backend.cancelled).toBeGreaterThan(cancelled);
  });

  test('an answer above the limit is refused, and the next one is fine', async () => {
    const { body } = await gateway.query('web', '{ small: big(bytes: 60000) large: big(bytes: 70000) }');
    expect(body.data.small).toHaveLength(80000);
    expect(body.data.large).toBeNull();
    expect(body.errors).toMatchObject([{ path: ['large'], extensions: { code: 'UPSTREAM_INVALID' } }]);
    expect((await gateway.query('web', '{ count }')).body.data.count).toBe('9007199254740993');
  });
});

describe('a caller that leaves', () => {
  test('cancels its calls at the backend', async () => {
    await using backend = await GrpcBackend.start();
    await using gateway = await startGateway({ files: shapesFiles(), env: { SHAPES_URL: backend.url } });
    const leaving = new AbortController();
    const asked = gateway.fetch('/web/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ sleep(milliseconds: 20000) }' }),
      signal: leaving.signal,
    });
    await expect.poll(() => backend.seen.length).toBe(1);
    leaving.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(() => backend.cancelled, { timeout: 2000 }).toBe(1);
  });
});

describe('a backend that cannot be reached', () => {
  test('fails at once, without telling its address, and is used again when it is back', async () => {
    const first = await GrpcBackend.start();
    const { port } = first;
    await first[Symbol.asyncDispose]();
    await using gateway = await startGateway({
      files: shapesFiles({ settings: 'errors: { detail: public }' }),
      env: { SHAPES_URL: `grpc://127.0.0.1:${port}` },
    });
    for (let attempt = 0; attempt < 3; attempt++) {
      const startedAt = performance.now();
      const { body } = await gateway.query('web', '{ count }');
      expect(performance.now() - startedAt).toBeLessThan(1000);
      expect(body.errors).toMatchObject([
        { extensions: { code: 'UPSTREAM_UNAVAILABLE', connector: 'shapes' } },
      ]);
      expect(JSON.stringify(body)).not.toContain('127.0.0.1');
    }
    await using _back = await GrpcBackend.start({ port });
    await expect
      .poll(async () => (await gateway.query('web', '{ count }')).body.data.count, {
        timeout: 8000,
        interval: 100,
      })
      .toBe('9007199254740993');
  });

  test('calls in flight fail when it goes away', async () => {
    const backend = await GrpcBackend.start();
    await using gateway = await startGateway({ files: shapesFiles(), env: { SHAPES_URL: backend.url } });
    const asked = gateway.query('web', '{ sleep(milliseconds: 20000) }');
    await expect.poll(() => backend.seen.length).toBe(1);
    await backend[Symbol.asyncDispose]();
    expect((await asked).body.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_UNAVAILABLE' } }]);
  });

  test('a port that accepts and says nothing is given up after the connect timeout, for all who wait', async () => {
    await using silent = await startSilent();
    await using gateway = await startGateway({
      files: shapesFiles({ settings: 'timeouts: { connect: 300ms, request: 5s }' }),
      env: { SHAPES_URL: `grpc://127.0.0.1:${silent.port}` },
    });
    const startedAt = performance.now();
    const { body } = await gateway.query('web', '{ count one: count blueThings }');
    expect(performance.now() - startedAt).toBeLessThan(2000);
    expect(body.errors!.map(({ extensions }) => extensions.code)).toEqual(
      Array(3).fill('UPSTREAM_UNAVAILABLE'),
    );
  });

  test('an unknown host', async () => {
    await using gateway = await startGateway({
      files: shapesFiles(),
      env: { SHAPES_URL: 'grpc://no-such-host.invalid:1' },
    });
    const { body } = await gateway.query('web', '{ count }');
    expect(body.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_UNAVAILABLE' } }]);
  });
});

describe('a backend that answers garbage', () => {
  const message = Buffer.concat([Buffer.from([0x0a, 4]), Buffer.from([0, 1, 2, 3])]);
  const cases: ReadonlyArray<[what: string, behave: Behaviour, code: string]> = [
    ['bytes that are no such message', answering(frame(Buffer.from([0x0a, 200, 1]))), 'UPSTREAM_INVALID'],
    ['a field of another wire type', answering(frame(Buffer.from([0x08, 5, 0x0b]))), 'UPSTREAM_INVALID'],
    ['success without a message', answering(Buffer.alloc(0)), 'UPSTREAM_INVALID'],
    // The library waits for an end that cannot come; the deadline ends it.
    ['two messages', answering(Buffer.concat([frame(message), frame(message)])), 'UPSTREAM_TIMEOUT'],
    ['a length of four gigabytes', answering(frame(message, false, 0xffff_ffff)), 'UPSTREAM_INVALID'],
    [
      'a gzip bomb',
      answering(frame(gzipSync(Buffer.alloc(200 * 1024 ** 2)), true), { 'grpc-encoding': 'gzip' }),
      'UPSTREAM_INVALID',
    ],
    [
      'gzip that is none',
      answering(frame(Buffer.from('not gzip'), true), { 'grpc-encoding': 'gzip' }),
      'UPSTREAM_INVALID',
    ],
    [
      'an unknown compression',
      answering(frame(message, true), { 'grpc-encoding': 'zip-of-doom' }),
      'UPSTREAM_FAILED',
    ],
    [
      'no status at the end',
      (stream) => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
        stream.end(frame(message));
      },
      'UPSTREAM_FAILED',
    ],
    [
      'a message cut in the middle',
      (stream) => {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
        stream.write(frame(message, false, 1000), () => stream.close(2));
      },
      'UPSTREAM_FAILED',
    ],
    [
      'a proxy page',
      (stream) => {
        stream.respond({ ':status': 502, 'content-type': 'text/html' });
        stream.end('<html>'.repeat(100));
      },
      'UPSTREAM_UNAVAILABLE',
    ],
    [
      'a login page',
      (stream) => {
        stream.respond({ ':status': 401, 'content-type': 'text/html' });
        stream.end();
      },
      'UPSTREAM_DENIED',
    ],
    ['a refused stream', (stream) => stream.close(7), 'UPSTREAM_UNAVAILABLE'],
    [
      'a status that is no number',
      (stream) => stream.respond({ ':status': 200, 'grpc-status': 'x' }, { endStream: true }),
      'UPSTREAM_FAILED',
    ],
    [
      'details that are no message',
      (stream) =>
        stream.respond(
          { ':status': 200, 'grpc-status': '9', 'grpc-status-details-bin': '////' },
          { endStream: true },
        ),
      'UPSTREAM_CONFLICT',
    ],
  ];

  test.each(cases)('%s', async (_what, behave, code) => {
    await using backend = await RawBackend.start(behave);
    await using gateway = await startGateway({
      files: shapesFiles({ settings: 'timeouts: { request: 2s }\nlimits: { responseBytes: 1MB }' }),
      env: { SHAPES_URL: backend.url },
    });
    const before = process.memoryUsage().rss;
    const { body } = await gateway.query('web', '{ big(bytes: 4) }');
    expect(body.data).toEqual({ big: null });
    expect(body.errors).toMatchObject([{ extensions: { code, connector: 'shapes' } }]);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 ** 2);
  });

  test('more messages than an answer may hold', async () => {
    // Two bytes each: things {}
    const some = (count: number) => Buffer.concat(Array(count).fill(Buffer.from([0x0a, 0])));
    const files = shapesFiles({ settings: 'limits: { responseObjects: 50000 }' });
    const ask = async (bytes: Buffer, query: string) => {
      await using backend = await RawBackend.start(answering(frame(bytes)));
      await using gateway = await startGateway({ files, env: { SHAPES_URL: backend.url } });
      return (await gateway.query('web', query)).body;
    };
    const page = '{ page(first: 1) { total } }';
    expect((await ask(some(50_000), page)).data).toEqual({ page: { total: 0 } });
    expect((await ask(some(50_001), page)).errors).toMatchObject([
      { extensions: { code: 'UPSTREAM_INVALID', connector: 'shapes' } },
    ]);
  });

  test('nesting without an end', async () => {
    let bytes = Buffer.alloc(0);
    for (let depth = 0; depth < 5000; depth++) {
      const length: number[] = [];
      for (let rest = bytes.length; ; rest >>>= 7) {
        length.push(rest > 127 ? (rest & 127) | 128 : rest);
        if (rest <= 127) break;
      }
      // Field 83 of Everything holds another.
      bytes = Buffer.concat([Buffer.from([0x9a, 0x05, ...length]), bytes]);
    }
    await using backend = await RawBackend.start(answering(frame(bytes)));
    await using gateway = await startGateway({ files: shapesFiles(), env: { SHAPES_URL: backend.url } });
    const { body } = await gateway.query('web', '{ echo { line1 } }');
    expect(body.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_INVALID' } }]);
  });

  test('a timestamp that is none', async () => {
    // at { seconds: 999999999999999 }
    await using backend = await RawBackend.start(
      answering(frame(Buffer.from([0xe2, 0x03, 0x08, 0x08, 0xff, 0xff, 0xb3, 0xcc, 0xd4, 0xdf, 0xe3, 0x00]))),
    );
    await using gateway = await startGateway({ files: shapesFiles(), env: { SHAPES_URL: backend.url } });
    const { body } = await gateway.query('web', '{ echo { at } }');
    expect(body.errors).toMatchObject([{ extensions: { code: 'UPSTREAM_INVALID' } }]);
  });
});

/** Accepts connections and never says a word. */
async function startSilent(): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await delay(0);
    },
  };
}
