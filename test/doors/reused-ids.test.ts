/** An operation's id is used for the next as soon as its caller has completed it, in one burst. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerLibrary, libraryFiles } from '../limits/library.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { startJsonBackend } from '../support/json-backend.ts';
import { PrivateRedis } from '../support/private-redis.ts';
import { RawSocket } from './riders.ts';
import { startThings, type ThingsBackend, thingsFiles } from './things.ts';

const SECOND = '{ second: thing(id: 2) { name } }';
const ANSWERED = [
  { id: 'a', type: 'next', payload: { data: { second: { name: 'one' } } } },
  { id: 'a', type: 'complete' },
];

/** What the socket is told of its operations after so many messages, given time for one too many. */
async function told(socket: RawSocket, before = 0): Promise<readonly unknown[]> {
  const messages = () => socket.received.filter(({ id }) => id !== undefined).slice(before);
  await expect.poll(() => messages().some(({ type }) => type === 'complete')).toBe(true);
  await sleep(100);
  return messages();
}

describe('the second operation has its own answer, and no other', () => {
  let things: ThingsBackend;
  let gateway: TestGateway;
  beforeAll(async () => {
    things = await startThings();
    gateway = await startGateway(thingsFiles(things.url));
  });
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await things[Symbol.asyncDispose]();
  });

  it.each([
    '{ thing(id: 1) { name } }',
    '{ hanging { id } }',
    'mutation { touch }',
    '{ thing(id: 1) { id } ... @defer { hanging { id } } }',
  ])('when the first has just been sent: %s', async (first) => {
    await using socket = await RawSocket.open(gateway);
    socket.subscribe('a', first);
    socket.send({ type: 'complete', id: 'a' });
    socket.subscribe('a', SECOND);
    expect(await told(socket)).toEqual(ANSWERED);
  });

  it.each([
    ['{ hanging { id } }', 0],
    ['{ thing(id: 1) { id } ... @defer { hanging { id } } }', 1],
  ])('when the first is under way: %s', async (first, parts) => {
    await using socket = await RawSocket.open(gateway);
    socket.subscribe('a', first);
    await expect.poll(() => [things.hanging.size, socket.received.length]).toEqual([1, 1 + parts]);
    socket.send({ type: 'complete', id: 'a' });
    socket.subscribe('a', SECOND);
    expect(await told(socket, parts)).toEqual(ANSWERED);
    await expect.poll(() => things.hanging.size).toBe(0);
  });
});

describe('also when an answer is still being sent', () => {
  const LARGE = '{ large: thing(id: "large") { name } }';

  /** A gateway, and a socket of it that does not read and for which more waits than anything on the way holds. */
  async function clog(hem: string) {
    await using started = new AsyncDisposableStack();
    const backend = started.use(
      await startJsonBackend(async ({ path }) => {
        if (path === '/things/large') return { id: 'large', name: 'x'.repeat(8_000_000) };
        await sleep(50);
        return { id: '2', name: 'two' };
      }),
    );
    const gateway = started.use(await startGateway(thingsFiles(backend.url, { hem })));
    const socket = started.use(await RawSocket.open(gateway));
    socket.socket.pause();
    socket.subscribe('other', LARGE);
    await expect.poll(() => backend.requests.length).toBe(1);
    await sleep(300);
    const everything = started.move();
    return { socket, [Symbol.asyncDispose]: () => everything.disposeAsync() };
  }

  it.each([
    ['next', LARGE],
    ['error', '{ unknown }'],
  ])('in a message of type %s', async (type, first) => {
    await using clogged = await clog('{}');
    const { socket } = clogged;
    socket.subscribe('a', first);
    await sleep(300);
    socket.send({ type: 'complete', id: 'a' });
    socket.subscribe('a', SECOND);
    socket.socket.resume();
    await socket.until(({ id, type: end }) => id === 'other' && end === 'complete');
    const messages = () => socket.received.filter(({ id }) => id === 'a');
    await expect.poll(() => messages().map((message) => message.type)).toEqual([type, 'next', 'complete']);
    expect(messages()[1]?.payload).toEqual({ data: { second: { name: 'two' } } });
  });

  it('which counts, so that who does not read cannot have more and more answers waiting', async () => {
    await using clogged = await clog('limits: { subscriptionsPerSocket: 2 }');
    const { socket } = clogged;
    socket.subscribe('a', LARGE);
    await sleep(300);
    socket.send({ type: 'complete', id: 'a' });
    socket.subscribe('a', LARGE);
    await sleep(100);
    socket.socket.resume();
    expect(await socket.closed).toMatchObject({ code: 4400, reason: 'Too many operations on one socket' });
  });
});

it('also when the first waits for a limit that Redis keeps', async () => {
  await using redis = await PrivateRedis.start();
  const backend = await startJsonBackend(answerLibrary);
  // So few are left that every operation asks Redis.
  const web = 'quotas: [{ name: running, unit: concurrent, limit: 3, by: client }]';
  const hem = `store: { kind: redis, url: "${redis.url}" }`;
  await using gateway = await startGateway({ files: libraryFiles(backend.url, { web }, { hem }) });
  await gateway.query('web', '{ author { name } }');
  await using socket = await RawSocket.open(gateway);
  redis.pause();
  socket.subscribe('a', '{ first: author { name } }');
  await sleep(20);
  socket.send({ type: 'complete', id: 'a' });
  socket.subscribe('a', '{ second: author { name } }');
  await sleep(20);
  redis.resume();
  expect(await told(socket)).toEqual([
    { id: 'a', type: 'next', payload: { data: { second: { name: 'Ada' } } } },
    { id: 'a', type: 'complete' },
  ]);
  await backend[Symbol.asyncDispose]();
});
