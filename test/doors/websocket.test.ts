/** graphql-transport-ws on the same path: answers, refusals, limits, and what ends when a caller leaves. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { MOVED, RawSocket, type RidersGateway, startRiders } from './riders.ts';
import { startThings, type ThingsBackend, thingsFiles } from './things.ts';

const MAX = 5;
const HEM = `limits: { subscriptionsPerSocket: ${MAX}, bodyBytes: 4KB }\nlisten: { headersTimeout: 300ms }`;

let riders: RidersGateway;
let things: ThingsBackend;
let gateway: TestGateway;
beforeAll(async () => {
  riders = await startRiders({ hem: HEM });
  things = await startThings();
  gateway = await startGateway(thingsFiles(things.url, { hem: HEM }));
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await things[Symbol.asyncDispose]();
  await riders[Symbol.asyncDispose]();
});

describe('operations', () => {
  it('queries and mutations are answered and completed', async () => {
    await using socket = await RawSocket.open(gateway);
    socket.subscribe('a', '{ thing(id: 1) { name } }');
    expect(await socket.until(({ id, type }) => id === 'a' && type === 'next')).toMatchObject({
      payload: { data: { thing: { name: 'one' } } },
    });
    await socket.until(({ id, type }) => id === 'a' && type === 'complete');
    socket.subscribe('b', 'mutation { touch }');
    expect(await socket.until(({ id }) => id === 'b')).toMatchObject({ payload: { data: { touch: 1 } } });
  });

  it('failures carry code, connector and a request id that belongs to the socket’s', async () => {
    await using socket = await RawSocket.open(gateway, { 'x-request-id': 'mine' });
    expect(socket.requestId).toBe('mine');
    socket.subscribe('a', '{ failing { id } }');
    expect(await socket.until(({ id }) => id === 'a')).toMatchObject({
      type: 'next',
      payload: {
        data: { failing: null },
        errors: [{ extensions: { code: 'UPSTREAM_FAILED', connector: 'things', requestId: 'mine:1' } }],
      },
    });
  });

  it.each([
    ['no GraphQL', '{', 'GRAPHQL_PARSE_FAILED'],
    ['not of this schema', '{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['too deep', `${'{ a '.repeat(200)}`, 'OPERATION_TOO_LARGE'],
    ['several operations', 'query A { __typename } query B { __typename }', 'BAD_REQUEST'],
  ])('%s is refused with a code', async (_what, query, code) => {
    await using socket = await RawSocket.open(gateway);
    socket.subscribe('a', query);
    expect(await socket.until(({ id }) => id === 'a')).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code, requestId: expect.any(String) } }],
    });
    socket.subscribe('a', '{ __typename }');
    await socket.until(({ type }) => type === 'next');
  });

  it('that come at once are looked at one after another, and others are answered in between', async () => {
    await using roomy = await startGateway(thingsFiles(things.url, {}));
    await using socket = await RawSocket.open(roomy);
    const BURST = 40;
    for (let at = 0; at < BURST; at++) {
      const fields = Array.from({ length: 500 }, (_, field) => `a${at}_${field}: name`);
      socket.subscribe(String(at), `{ thing(id: 1) { ${fields.join(' ')} nothing } }`);
    }
    const refused = () => socket.received.filter(({ type }) => type === 'error').length;
    await roomy.query('web', '{ __typename }');
    expect(refused()).toBeLessThan(BURST / 2);
    await expect.poll(refused, { timeout: 5000 }).toBe(BURST);
  });

  it('variables that do not fit are the answer of the operation', async () => {
    await using socket = await RawSocket.open(gateway);
    socket.subscribe('a', 'query ($l: Level) { echo(level: $l) }', { variables: { l: 1 } });
    expect(await socket.until(({ id }) => id === 'a')).toMatchObject({
      payload: { errors: [{ extensions: { code: 'BAD_VARIABLES' } }] },
    });
  });
});

describe('a subscription ends upstream', () => {
  it.each([
    ['completes', (socket: RawSocket) => socket.send({ type: 'complete', id: 'a' })],
    ['closes the socket', (socket: RawSocket) => socket.socket.close()],
    ['is cut off', (socket: RawSocket) => socket.socket.terminate()],
  ])('when the caller %s', async (_how, leave) => {
    await using socket = await RawSocket.open(riders.gateway);
    socket.subscribe('a', MOVED);
    await riders.backend.untilSubscribers(1);
    leave(socket);
    await riders.backend.untilSubscribers(0);
  });

  it('and its id can be used again at once, for another that is not disturbed', async () => {
    await using socket = await RawSocket.open(riders.gateway);
    for (let round = 0; round < 3; round++) {
      socket.subscribe('a', MOVED);
      socket.send({ type: 'complete', id: 'a' });
    }
    socket.subscribe('a', MOVED);
    await sleep(50);
    await riders.backend.untilSubscribers(1);
    riders.backend.move('1', 'Ann');
    expect(await socket.until(({ type }) => type === 'next')).toMatchObject({
      payload: { data: { riderMoved: { name: 'Ann' } } },
    });
  });
});

describe('a query that is completed early', () => {
  it('ends upstream, too', async () => {
    await using socket = await RawSocket.open(gateway);
    socket.subscribe('a', '{ hanging { id } }');
    await expect.poll(() => things.hanging.size).toBe(1);
    socket.send({ type: 'complete', id: 'a' });
    await expect.poll(() => things.hanging.size).toBe(0);
  });
});

describe('a socket is closed', () => {
  it(`at more than ${MAX} operations at a time`, async () => {
    await using socket = await RawSocket.open(gateway);
    for (let index = 0; index <= MAX; index++) socket.subscribe(String(index), '{ hanging { id } }');
    expect(await socket.closed).toMatchObject({ code: 4400, reason: 'Too many operations on one socket' });
    await expect.poll(() => things.hanging.size).toBe(0);
  });

  it('at thousands of subscribes, without asking the backend for each', async () => {
    const before = riders.backend.subscribers;
    await using socket = await RawSocket.open(riders.gateway);
    for (let index = 0; index < 5000; index++) socket.subscribe(String(index), MOVED);
    expect((await socket.closed).code).toBe(4400);
    await riders.backend.untilSubscribers(before);
  });

  it('without connection_init in time', async () => {
    await using socket = new RawSocket(gateway);
    expect(await socket.closed).toMatchObject({ code: 4408 });
  });

  it('without a subprotocol', async () => {
    await using socket = new RawSocket(gateway, []);
    expect(await socket.closed).toMatchObject({ code: 4406 });
  });

  it('at a subscribe before connection_init', async () => {
    await using socket = new RawSocket(gateway);
    await socket.opened();
    socket.subscribe('a', '{ __typename }');
    expect(await socket.closed).toMatchObject({ code: 4401 });
  });

  it('at a second connection_init', async () => {
    await using socket = await RawSocket.open(gateway);
    socket.send({ type: 'connection_init' });
    expect(await socket.closed).toMatchObject({ code: 4429 });
  });

  it('at an id in use, however long', async () => {
    await using socket = await RawSocket.open(gateway);
    const id = 'i'.repeat(3000);
    socket.subscribe(id, '{ hanging { id } }');
    socket.subscribe(id, '{ hanging { id } }');
    expect(await socket.closed).toMatchObject({ code: 4409 });
  });

  it.each([
    ['no JSON', '{'],
    ['no message', '{"type":"nonsense"}'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a message of the server', '{"type":"next","id":"a","payload":{}}'],
    ['another one', '{"type":"connection_ack"}'],
    ['a payload that is a text', '{"type":"subscribe","id":"a","payload":"{}"}'],
    ['a query that is a number', '{"type":"subscribe","id":"a","payload":{"query":1}}'],
    ['variables that are a text', '{"type":"subscribe","id":"a","payload":{"query":"{a}","variables":"x"}}'],
  ])('at %s', async (_what, text) => {
    await using socket = await RawSocket.open(gateway);
    socket.send(text);
    expect(await socket.closed).toMatchObject({ code: 4400 });
  });

  it('at a message that is too large', async () => {
    await using socket = await RawSocket.open(gateway);
    socket.send({ type: 'ping', payload: { x: 'x'.repeat(5000) } });
    expect(await socket.closed).toMatchObject({ code: 1009 });
  });

  it('when it speaks another protocol', async () => {
    await using socket = new RawSocket(gateway, 'graphql-ws');
    await expect(socket.opened()).rejects.toThrow();
  });
});

describe('pings', () => {
  it('are answered, in both ways', async () => {
    await using socket = await RawSocket.open(gateway);
    socket.send({ type: 'ping', payload: { a: 1 } });
    expect(await socket.until(({ type }) => type === 'pong')).toEqual({ type: 'pong', payload: { a: 1 } });
    const pong = new Promise((resolve) => socket.socket.once('pong', (data) => resolve(String(data))));
    socket.socket.ping('x');
    expect(await pong).toBe('x');
  });

  it('of a peer that does not read its answers end the socket', async () => {
    await using socket = await RawSocket.open(gateway);
    socket.socket.pause();
    const payload = { x: 'x'.repeat(3900) };
    const closed = new Promise((resolve) => socket.socket.once('close', resolve));
    for (let round = 0; round < 400 && socket.socket.readyState === socket.socket.OPEN; round++) {
      for (let index = 0; index < 50; index++) socket.send({ type: 'ping', payload });
      await sleep(2);
    }
    socket.socket.resume();
    await closed;
  });
});
