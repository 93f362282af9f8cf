/** The HTTP client that kinds share: connections, deadlines, bounds. Through REST, where it shows best. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { sameNumber } from '../../src/mapping/exact-number.ts';
import { parseNumbersLosslessly } from '../../src/upstream/json.ts';
import { RestBackend, startRestGateway } from '../support/backends/rest.ts';
import type { GraphQLBody } from '../support/gateway.ts';

const SCHEMA = `
  type Query { get(id: ID): JSON @rest(get: "/get?id={id}") }
  type Mutation { post: JSON @rest(post: "/post")  put: JSON @rest(put: "/put")  delete: JSON @rest(delete: "/it") }
`;
const codeOf = ({ errors }: GraphQLBody) => errors?.[0]?.extensions.code;

/** A server that does with each connection what a test says. Counts connections. */
async function startTcp(serve: (socket: Socket, number: number) => void) {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    serve(socket, count++);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return count;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const reply = (body: string) =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

test('connections are kept and used again', async () => {
  await using backend = await RestBackend.start();
  await using gateway = await startRestGateway(backend, { schema: SCHEMA });
  for (let id = 0; id < 5; id++) await gateway.query('web', `{ get(id: ${id}) }`);
  expect(backend.connections).toBe(1);
});

test('a connection that the backend closed meanwhile is no failure', async () => {
  await using backend = await RestBackend.start();
  await using gateway = await startRestGateway(backend, { schema: SCHEMA });
  for (let round = 0; round < 5; round++) {
    expect((await gateway.query('web', `{ get(id: ${round}) }`)).body).toEqual({ data: { get: {} } });
    expect((await gateway.query('web', 'mutation { post }')).body).toEqual({ data: { post: {} } });
    backend.closeIdle();
    await sleep(20);
  }
});

test('a connection that is closed at the very moment: sent once more if that does no harm', async () => {
  const seen: string[] = [];
  // The first connection answers once and hangs up at the next request.
  await using server = await startTcp((socket, number) => {
    let requests = 0;
    socket.on('data', (chunk) => {
      seen.push(`${number} ${chunk.toString().split(' ')[0]}`);
      if (requests++ === 0) socket.write(reply('{}'));
      else socket.destroy();
    });
  });
  const ask = async (query: string) => {
    await using gateway = await startRestGateway(server, { schema: SCHEMA });
    await gateway.query('web', '{ get(id: 1) }');
    seen.length = 0;
    return (await gateway.query('web', query)).body;
  };
  expect(await ask('{ get(id: 2) }')).toEqual({ data: { get: {} } });
  expect(seen).toHaveLength(2);
  expect(await ask('mutation { put }')).toEqual({ data: { put: {} } });
  expect(seen).toHaveLength(2);
  for (const method of ['post', 'delete']) {
    expect(codeOf(await ask(`mutation { ${method} }`))).toBe('UPSTREAM_UNAVAILABLE');
    expect(seen).toHaveLength(1);
  }
});

test('so is what has waited for a connection', async () => {
  let hangUps = 0;
  await using server = await startTcp((socket) => {
    socket.on('data', (chunk) => {
      if (chunk.toString().includes('id=last') && hangUps++ === 0) socket.destroy();
      else setTimeout(() => socket.write(reply('{}')), 150);
    });
  });
  await using gateway = await startRestGateway(server, { schema: SCHEMA });
  // As many as there are connections.
  const others = Array.from({ length: 128 }, (_, id) => gateway.query('web', `{ get(id: ${id}) }`));
  const { body } = await gateway.query('web', '{ get(id: "last") }');
  expect(body).toEqual({ data: { get: {} } });
  expect(hangUps).toBe(2);
  await Promise.all(others);
});

test('what a backend hangs up on while it works is not sent once more', async () => {
  let calls = 0;
  await using server = await startTcp((socket) => {
    socket.on('data', () => {
      calls++;
      setTimeout(() => socket.destroy(), 500);
    });
  });
  await using gateway = await startRestGateway(server, { schema: SCHEMA });
  for (const query of ['{ get }', 'mutation { put }', 'mutation { delete }']) {
    calls = 0;
    expect(codeOf((await gateway.query('web', query)).body)).toBe('UPSTREAM_UNAVAILABLE');
    expect(calls).toBe(1);
  }
});

test('sending once more takes no more time than sending once', async () => {
  await using server = await startTcp((socket) => {
    socket.on('data', () => setTimeout(() => socket.destroy(), 300));
  });
  await using gateway = await startRestGateway(server, {
    schema: SCHEMA,
    settings: 'timeouts: { connect: 1s, request: 400ms }\n',
  });
  const startedAt = performance.now();
  expect(codeOf((await gateway.query('web', '{ get }')).body)).toMatch(/^UPSTREAM_(TIMEOUT|UNAVAILABLE)$/);
  expect(performance.now() - startedAt).toBeLessThan(580);
});

test.each([
  ['nothing but a hang-up', '', 'UPSTREAM_UNAVAILABLE'],
  ['half of a head', 'HTTP/1.1 200 OK\r\ncontent-', 'UPSTREAM_UNAVAILABLE'],
  ['half of a body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"a":', 'UPSTREAM_UNAVAILABLE'],
  [
    'half of a chunk',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\n{"a":',
    'UPSTREAM_UNAVAILABLE',
  ],
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', 'UPSTREAM_INVALID'],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{} ', 'UPSTREAM_INVALID'],
  [
    'a length and chunks',
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    'UPSTREAM_INVALID',
  ],
  [
    'a chunk without a size',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n',
    'UPSTREAM_INVALID',
  ],
  ['endless headers', `HTTP/1.1 200 OK\r\n${'x-a: 1\r\n'.repeat(20_000)}`, 'UPSTREAM_INVALID'],
])('%s', async (_what, bytes, code) => {
  await using server = await startTcp((socket) => {
    socket.once('data', () => socket.end(bytes));
  });
  await using gateway = await startRestGateway(server, {
    schema: SCHEMA,
    settings: 'timeouts: { request: 2s }\n',
  });
  expect(codeOf((await gateway.query('web', '{ get }')).body)).toBe(code);
});

test('a body that drips costs its timeout and no more', async () => {
  await using server = await startTcp((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n');
    const timer = setInterval(() => socket.write(' '), 20);
    socket.on('close', () => clearInterval(timer));
  });
  await using gateway = await startRestGateway(server, {
    schema: SCHEMA,
    settings: 'timeouts: { request: 300ms }\n',
  });
  const startedAt = performance.now();
  expect(codeOf((await gateway.query('web', '{ get }')).body)).toBe('UPSTREAM_TIMEOUT');
  expect(performance.now() - startedAt).toBeLessThan(2000);
});

test('a body without an end is read as far as the limit', async () => {
  let sent = 0;
  await using server = await startTcp((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n');
    const block = Buffer.alloc(65_536, 0x20);
    const more = () => {
      while (!socket.destroyed && socket.write(block)) sent += block.length;
    };
    socket.on('drain', more);
    more();
  });
  await using gateway = await startRestGateway(server, {
    schema: SCHEMA,
    settings: 'limits: { responseBytes: 1MB }\n',
  });
  expect(codeOf((await gateway.query('web', '{ get }')).body)).toBe('UPSTREAM_INVALID');
  expect(sent).toBeLessThan(20 * 1024 ** 2);
});

test('an informational answer is passed over', async () => {
  await using server = await startTcp((socket) => {
    socket.once('data', () => socket.write(`HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${reply('[1]')}`));
  });
  await using gateway = await startRestGateway(server, { schema: SCHEMA });
  expect((await gateway.query('web', '{ get }')).body).toEqual({ data: { get: [1] } });
});

test('a port that accepts and says nothing, and one that nobody has', async () => {
  await using server = await startTcp(() => {});
  await using silent = await startRestGateway(server, {
    schema: SCHEMA,
    settings: 'timeouts: { request: 300ms }\n',
  });
  expect(codeOf((await silent.query('web', '{ get }')).body)).toBe('UPSTREAM_TIMEOUT');
  await using nobody = await startRestGateway({ url: 'http://127.0.0.1:1' }, { schema: SCHEMA });
  expect(codeOf((await nobody.query('web', '{ get }')).body)).toBe('UPSTREAM_UNAVAILABLE');
  await using unknown = await startRestGateway({ url: 'http://nobody.invalid' }, { schema: SCHEMA });
  expect(codeOf((await unknown.query('web', '{ get }')).body)).toBe('UPSTREAM_UNAVAILABLE');
});

test('numbers keep their digits, and only those that have to become text', () => {
  const numbers = {
    '1': 1,
    '-0': -0,
    '9007199254740991': 9007199254740991,
    '9007199254740992': 9007199254740992,
    '-9007199254740993': '-9007199254740993',
    '1e2': 100,
    '1e400': '1e400',
    '0.1': 0.1,
    '0.10000000000000000001': '0.10000000000000000001',
    '1.50000000000000000000': 1.5,
    '1E-7': 1e-7,
    '123456789012345678': '123456789012345678',
  };
  for (const [text, value] of Object.entries(numbers))
    expect(parseNumbersLosslessly(text), text).toEqual(value);
  expect(parseNumbersLosslessly('{"__proto__":{"a":12345678901234567890}}')).toHaveProperty(['__proto__'], {
    a: '12345678901234567890',
  });
  const among =
    '{"text":"12345678901234567890","at":[53.55108160000001,-0.30000000000000004],"id":1234567890123456789}';
  expect(parseNumbersLosslessly(among)).toEqual({
    text: '12345678901234567890',
    at: [53.55108160000001, -0.30000000000000004],
    id: '1234567890123456789',
  });
  // A pattern for the zeros at the end would begin anew at each of these: a minute.
  const zeros = `1${'0'.repeat(100_000)}1`;
  expect(parseNumbersLosslessly(`[${zeros},"x${zeros}"]`)).toEqual([zeros, `x${zeros}`]);
  expect(sameNumber('1.10', 1.1)).toBe(true);
  expect(sameNumber('0.1000000000000000055', 0.1)).toBe(false);
});
