/** What is not a well-behaved client must not hurt the demo's broker, nor those who use it. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startBroker } from '../../demo/broker/broker.ts';
import { FRAME, PROTOCOL_HEADER, toFrame } from '../../demo/broker/frames.ts';
import { LIMITS } from '../../demo/broker/limits.ts';
import { basic, connection as methods } from '../../demo/broker/methods.ts';
import { writeContentHeader } from '../../demo/broker/properties.ts';
import type { DemoServer } from '../../demo/server.ts';

let demo: DemoServer;

beforeAll(async () => {
  demo = await startBroker({ port: 0 });
});

afterAll(() => demo[Symbol.asyncDispose]());

/** Sends bytes and gives what comes back until the broker closes, or has said a certain thing. */
async function send(bytes: Buffer, until?: string): Promise<string> {
  const socket = connectTcp({ port: Number(new URL(demo.url).port), host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.write(bytes);
  let answer = '';
  const done = Promise.withResolvers<void>();
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1');
    if (until !== undefined && answer.includes(until)) done.resolve();
  });
  socket.on('close', () => done.resolve());
  await Promise.race([done.promise, sleep(2000)]);
  socket.destroy();
  return answer;
}

async function expectRefusal(bytes: Buffer, reason: string): Promise<void> {
  expect(await send(Buffer.concat([PROTOCOL_HEADER, bytes]), reason)).toContain(reason);
}

async function stillServes(): Promise<void> {
  const connection = await connect(demo.url, { timeout: 2000 });
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const arrived = Promise.withResolvers<string>();
  await channel.consume(queue, (message) => arrived.resolve(String(message?.content)), { noAck: true });
  channel.sendToQueue(queue, Buffer.from('still here'));
  expect(await arrived.promise).toBe('still here');
  await connection.close();
}

test('another protocol is told which one is spoken here', async () => {
  expect(await send(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toBe(PROTOCOL_HEADER.toString('latin1'));
  expect(await send(Buffer.from('AMQP\x03\x01\x00\x00', 'latin1'))).toBe(PROTOCOL_HEADER.toString('latin1'));
  await stillServes();
});

test('a frame that claims to be huge is refused from its head alone', async () => {
  const head = Buffer.from([FRAME.method, 0, 0, 0xff, 0xff, 0xff, 0xff]);
  await expectRefusal(head, 'FRAME_ERROR');
  await stillServes();
});

test('a frame without its end is refused', async () => {
  const frame = toFrame(FRAME.method, 0, Buffer.from([0, 10, 0, 11]));
  frame[frame.length - 1] = 0;
  await expectRefusal(frame, 'FRAME_ERROR - frame without an end');
});

test('tables nested without end are refused, and so is a method that is cut short', async () => {
  let table = Buffer.alloc(4);
  for (let depth = 0; depth < 5000; depth++) {
    const field = Buffer.concat([Buffer.from([1]), Buffer.from('aF'), table]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(field.length);
    table = Buffer.concat([length, field]);
  }
  const startOk = Buffer.concat([Buffer.from([0, 10, 0, 11]), table]);
  await expectRefusal(toFrame(FRAME.method, 0, startOk), 'SYNTAX_ERROR - table nested too deeply');
  const short = toFrame(FRAME.method, 0, Buffer.from([0, 10, 0, 11, 0, 0, 0, 99]));
  await expectRefusal(short, 'SYNTAX_ERROR - too few bytes');
  await stillServes();
});

test('nothing is served before the login', async () => {
  const channelOpen = toFrame(FRAME.method, 1, Buffer.from([0, 20, 0, 10, 0]));
  await expectRefusal(channelOpen, 'CHANNEL_ERROR - the connection is not open');
  const tuneOk = toFrame(FRAME.method, 0, methods.tuneOk.write({ channelMax: 0, frameMax: 0, heartbeat: 0 }));
  await expectRefusal(tuneOk, 'COMMAND_INVALID');
});

test('names of every object’s prototype are names like others', async () => {
  const connection = await connect(demo.url);
  const channel = await connection.createChannel();
  const headers = JSON.parse('{"__proto__": {"polluted": true}, "constructor": "x"}') as object;
  for (const name of ['__proto__', 'constructor', 'hasOwnProperty', 'toString']) {
    await channel.assertExchange(name, 'topic', { durable: false, autoDelete: true });
    await channel.assertQueue(name, { exclusive: true });
    await channel.bindQueue(name, name, name);
    channel.publish(name, name, Buffer.from(name), { headers });
    await expect.poll(async () => (await channel.checkQueue(name)).messageCount).toBe(1);
  }
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  await connection.close();
});

test('a reader that does not read stops neither the broker nor its memory', async () => {
  const writer = await connect(demo.url);
  const out = await writer.createConfirmChannel();
  const reader = await connect(demo.url);
  const channel = await reader.createChannel();
  const { queue } = await channel.assertQueue('', { autoDelete: true });
  await channel.consume(queue, () => {}, { noAck: true });
  // amqplib has no way to stop reading.
  const { stream } = (channel as unknown as { connection: { stream: Socket } }).connection;
  stream.pause();
  stream.removeAllListeners('readable');
  const before = process.memoryUsage().arrayBuffers;
  const body = Buffer.alloc(1024 ** 2);
  for (let index = 0; index < 200; index++) out.sendToQueue(queue, body);
  await out.waitForConfirms();
  await stillServes();
  const kept = process.memoryUsage().arrayBuffers - before;
  expect(kept).toBeLessThan(LIMITS.queueBytes + LIMITS.unsentBytesAtMost + 64 * 1024 ** 2);
  stream.destroy();
  await writer.close();
});

test('more connections than there may be are turned away, and places become free', async () => {
  const port = Number(new URL(demo.url).port);
  const sockets: Socket[] = [];
  for (let index = 0; index < LIMITS.connections + 20; index++) {
    const socket = connectTcp({ port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.write(PROTOCOL_HEADER);
    sockets.push(socket);
  }
  await expect.poll(() => sockets.filter(({ destroyed }) => destroyed).length).toBeGreaterThanOrEqual(20);
  await Promise.all(
    sockets.map((socket) => {
      socket.destroy();
      return socket.closed ? undefined : once(socket, 'close');
    }),
  );
  await expect.poll(() => stillServes().then(() => 'serves', String)).toBe('serves');
});

test('a client that leaves in the middle of a message leaves nothing behind', async () => {
  const connection = await connect(demo.url);
  connection.on('error', () => {});
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  const { queue } = await channel.assertQueue('', { autoDelete: true });
  const { stream } = (channel as unknown as { connection: { stream: Socket } }).connection;
  const publish = { reserved1: 0, exchange: '', routingKey: queue, mandatory: false, immediate: false };
  stream.write(toFrame(FRAME.method, 1, basic.publish.write(publish)));
  stream.write(toFrame(FRAME.header, 1, writeContentHeader(1000, Buffer.alloc(2))));
  stream.write(toFrame(FRAME.body, 1, Buffer.alloc(10)));
  await once(stream.end(), 'close');
  const later = await connect(demo.url);
  expect(await (await later.createChannel()).checkQueue(queue)).toMatchObject({ messageCount: 0 });
  await later.close();
});
