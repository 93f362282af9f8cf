/** Bodies however they come: at once, in pieces, before anybody knows whose they are, and not to their end. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientYml, KeyServer, newKey, type SigningKey, sign } from '../auth/issuer.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { open, readAll } from './raw-http.ts';

const BODY_BYTES = 300 * 1024;
/** What one read of a socket brings at most. */
const READ_BYTES = 65_536;

let backend: JsonBackend;
let keys: KeyServer;
let key: SigningKey;
let gateway: TestGateway;
beforeAll(async () => {
  backend = await startJsonBackend(({ body }) => String(body).length);
  key = await newKey('first');
  keys = await KeyServer.start([key]);
  const schema = 'type Query { length(text: String!): Int @rest(post: "/", body: "$text") }';
  const view = 'type Query { length(text: String!): Int }';
  gateway = await startGateway({
    files: {
      'hem.yml': `limits: { bodyBytes: ${BODY_BYTES / 1024}KB }`,
      'connectors/texts/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
      'connectors/texts/schema.graphql': schema,
      'clients/open/client.yml': '{}',
      'schemas/open.graphql': view,
      'clients/known/client.yml': clientYml(
        { url: keys.url, coolDown: '1ms', maxAge: '1ms' },
        { auth: { anonymous: false } },
      ),
      'schemas/known.graphql': view,
    },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await keys[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

/** A request with a body of so many bytes. */
async function request(client: string, bytes: number, framing: 'length' | 'chunked' = 'length') {
  const empty = { query: 'query($text: String!) { length(text: $text) }', variables: { text: '' } };
  const text = 'x'.repeat(bytes - JSON.stringify(empty).length);
  const body = JSON.stringify({ ...empty, variables: { text } });
  // A token of its own, so that nobody knows yet who it is.
  const token = await sign(key, { jti: crypto.randomUUID() });
  const head = [
    `POST /${client}/graphql HTTP/1.1`,
    `Host: ${new URL(gateway.url).host}`,
    'Content-Type: application/json',
    `Authorization: Bearer ${token}`,
    framing === 'length' ? `Content-Length: ${body.length}` : 'Transfer-Encoding: chunked',
  ].join('\r\n');
  const encoded = framing === 'length' ? body : `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  return {
    head: `${head}\r\n\r\n`,
    body: encoded,
    answer: `{"data":{"length":${text.length}}}`,
  };
}

describe.each(['open', 'known'])('of a client that is %s', (client) => {
  const sizes = [300, READ_BYTES - 1, READ_BYTES, READ_BYTES + 1, 200_000, BODY_BYTES];

  test.each(sizes)('%i bytes at once', async (bytes) => {
    const { head, body, answer } = await request(client, bytes);
    const socket = await open(gateway.url);
    socket.write(head + body);
    const { statuses, text } = await readAll(socket, 100);
    expect(statuses).toEqual([200]);
    expect(text).toContain(answer);
    socket.destroy();
  });

  test.each(sizes)('%i bytes, the head first', async (bytes) => {
    const { head, body, answer } = await request(client, bytes, 'chunked');
    const socket = await open(gateway.url);
    socket.write(head);
    await sleep(20);
    for (let at = 0; at < body.length; at += 40_000) {
      socket.write(body.slice(at, at + 40_000));
      await sleep(2);
    }
    const { statuses, text } = await readAll(socket, 100);
    expect(statuses).toEqual([200]);
    expect(text).toContain(answer);
    socket.destroy();
  });

  test('of a caller who waits to be told to go on', async () => {
    const { head, body, answer } = await request(client, 200_000);
    const socket = await open(gateway.url);
    socket.write(head.replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n'));
    const told = await once(socket, 'data');
    expect(String(told[0])).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write(body);
    const { statuses, text } = await readAll(socket, 100);
    expect(statuses).toEqual([200]);
    expect(text).toContain(answer);
    socket.destroy();
  });

  test('one byte too many is refused', async () => {
    const { head, body } = await request(client, BODY_BYTES + 1);
    const socket = await open(gateway.url);
    socket.write(head + body);
    const { statuses, closed } = await readAll(socket, 100);
    expect({ statuses, closed }).toEqual({ statuses: [413], closed: true });
  });

  test('several requests on one connection have each its own', async () => {
    const asked = await Promise.all(
      [300, 100_000, 400, READ_BYTES, 500].map((bytes) => request(client, bytes)),
    );
    const socket = await open(gateway.url);
    socket.write(asked.map(({ head, body }) => head + body).join(''));
    const { statuses, text } = await readAll(socket, 100);
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
    const answers = text.match(/\{"data".*?\}\}/g);
    expect(answers).toEqual(asked.map(({ answer }) => answer));
    socket.destroy();
  });

  test('a caller who leaves in the middle is nobody’s problem', async () => {
    const { head, body } = await request(client, 100_000);
    for (const wait of [0, 20]) {
      const socket = await open(gateway.url);
      socket.write(head + body.slice(0, 50_000));
      await sleep(wait);
      socket.destroy();
    }
    await sleep(50);
    expect((await gateway.query('open', '{ length(text: "abc") }')).body).toEqual({ data: { length: 3 } });
  });
});

test('of a caller who is not let in is not waited for', async () => {
  const { head } = await request('known', 200_000);
  const socket = await open(gateway.url);
  socket.write(head.replace(/Bearer .*/, 'Bearer x'));
  const { statuses } = await readAll(socket, 100);
  expect(statuses).toEqual([401]);
  socket.destroy();
});

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** In bytes, of buffers and of objects. */
async function held(): Promise<number> {
  await sleep(50);
  for (let round = 0; round < 3; round++) collect();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
}

test.each(['length', 'chunked'] as const)(
  'that is answered is not kept with its connection, %s',
  async (framing) => {
    const sockets: Socket[] = [];
    const { head, body } = await request('open', BODY_BYTES, framing);
    const before = await held();
    for (let count = 0; count < 40; count++) {
      const socket = await open(gateway.url);
      sockets.push(socket);
      socket.write(head + body);
      await once(socket, 'data');
    }
    expect(await held()).toBeLessThan(before + (40 * BODY_BYTES) / 4);
    for (const socket of sockets) socket.destroy();
  },
);

test('in chunks of one byte takes a few times its size', async () => {
  const sockets: Socket[] = [];
  const { head } = await request('open', 300, 'chunked');
  const before = await held();
  for (let count = 0; count < 4; count++) {
    const socket = await open(gateway.url);
    sockets.push(socket);
    socket.write(head + '1\r\n \r\n'.repeat(BODY_BYTES - 1));
  }
  await sleep(1000);
  expect(await held()).toBeLessThan(before + 4 * 8 * BODY_BYTES);
  for (const socket of sockets) socket.destroy();
});
