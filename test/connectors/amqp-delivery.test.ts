/** What the AMQP kind drops, acknowledges, shares and holds back, on a real RabbitMQ. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsumeMessage } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cancellation } from '../../src/cancellation.ts';
import { StreamGap } from '../../src/connectors/kind.ts';
import { UpstreamError } from '../../src/errors.ts';
import { DirectAmqp } from '../support/backends/amqp/direct.ts';
import { AmqpService } from '../support/backends/amqp/service.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const url = () => process.env.HEM_TEST_AMQP_URL ?? '';
let service: AmqpService;

beforeAll(async () => {
  service = await AmqpService.connect(url());
});

afterAll(() => service?.[Symbol.asyncDispose]());

describe('replies', () => {
  test('late, repeated and foreign ones are dropped and counted; every call has one answer', async () => {
    await using amqp = new DirectAmqp({ url: url(), common: { timeouts: { request: '1s' } } });
    const asked: ConsumeMessage[] = [];
    const queue = await service.take('hand', (message) => void asked.push(message));
    const { drops } = amqp.connection;

    const answered = amqp.request(queue, 1);
    await expect.poll(() => asked.length).toBe(1);
    const { replyTo, correlationId } = asked[0]!.properties;
    service.reply(replyTo, { body: 'stranger', options: { correlationId: 'another' } });
    service.reply(replyTo, { body: 'nameless' });
    for (const body of ['"first"', '"second"', '"third"'])
      service.reply(replyTo, { body, options: { correlationId } });
    expect(await answered).toBe('first');
    await expect.poll(() => drops.of('reply-unexpected')).toBe(4);

    expect(await amqp.request(queue, 2)).toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    const late = asked[1]!.properties;
    service.reply(late.replyTo, { body: '"late"', options: { correlationId: late.correlationId } });
    await expect.poll(() => drops.of('reply-unexpected')).toBe(5);
    // The late one did not become the answer of the next.
    const next = amqp.request(queue, 3);
    await expect.poll(() => asked.length).toBe(3);
    service.reply(asked[2]!.properties.replyTo, {
      body: '"right"',
      options: { correlationId: asked[2]!.properties.correlationId },
    });
    expect(await next).toBe('right');
  });

  test('the caller’s signal and deadline end a call, before it is sent too', async () => {
    await using amqp = new DirectAmqp({ url: url() });
    const queue = await service.queue('nobody-reads');
    const leaving = new AbortController();
    const left = amqp.request(queue, 1, { cancellation: Cancellation.of(leaving.signal) });
    await sleep(100);
    leaving.abort();
    expect(await left).toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    const startedAt = performance.now();
    expect(await amqp.request(queue, 2, { deadlineAt: performance.now() + 120 })).toMatchObject({
      code: 'UPSTREAM_TIMEOUT',
    });
    expect(performance.now() - startedAt).toBeLessThan(1000);
    await service.channel.purgeQueue(queue);
    expect(await amqp.request(queue, 3, { cancellation: Cancellation.of(leaving.signal) })).toMatchObject({
      code: 'UPSTREAM_TIMEOUT',
    });
    expect(await amqp.request(queue, 4, { deadlineAt: performance.now() - 1 })).toMatchObject({
      code: 'UPSTREAM_TIMEOUT',
    });
    await sleep(100);
    expect(await service.channel.get(queue)).toBe(false);
  });

  test('headers that are too large to encode are the caller’s fault and end nothing else', async () => {
    await using amqp = new DirectAmqp({
      url: url(),
      common: { headers: { set: { 'x-large': 'x'.repeat(70_000) } } },
    });
    expect(await amqp.request('anything', 1)).toMatchObject({ code: 'BAD_ARGUMENT' });
  });
});

describe('events', () => {
  test('one queue per binding, however many subscribe to it', async () => {
    await using proxy = await TcpProxy.before(url());
    await using amqp = new DirectAmqp({ url: proxy.url });
    const exchange = await service.exchange('shared');
    const streams = Array.from({ length: 10 }, () => amqp.subscribe(exchange, 'a.*'));
    const firsts = streams.map((stream) => stream.next());
    await service.publishOnceHeard(exchange, 'a.b', '"begin"');
    await Promise.all(firsts);
    await sleep(100);
    const before = proxy.received;
    const seconds = streams.map((stream) => next(stream, 'begin'));
    await service.publish(exchange, 'a.b', JSON.stringify('x'.repeat(100_000)));
    const events = await Promise.all(seconds);
    expect(new Set(events).size).toBe(1);
    expect(proxy.received - before).toBeLessThan(150_000);
    expect(proxy.accepted).toBe(1);
  });

  test('who does not read holds nobody up, and is cut off where the others are too far ahead', async () => {
    const own = { prefetch: 4, subscriber: { buffer: 3, patience: '20s' } };
    await using amqp = new DirectAmqp({ url: url(), own });
    const { exchange, streams } = await subscribed(amqp, 'slow', 2);
    const [quick, slow] = streams as [AsyncIterator<unknown>, AsyncIterator<unknown>];
    for (let index = 0; index < 20; index++) await service.publish(exchange, 'x', index);
    for (let index = 0; index < 20; index++) expect(await next(quick, 'begin')).toBe(index);
    for (let index = 0; index < 3; index++) expect(await next(slow, 'begin')).toBe(index);
    await expect(drain(slow)).resolves.toMatchObject({ code: 'UPSTREAM_LIMITED' });
    expect(await slow.next()).toEqual({ done: true, value: undefined });
  });

  test('where nobody has room, who reads first does not end the others', async () => {
    const own = { prefetch: 4, subscriber: { buffer: 3, patience: '20s' } };
    await using amqp = new DirectAmqp({ url: url(), own });
    const { exchange, streams } = await subscribed(amqp, 'burst', 2);
    const [first, other] = streams as [AsyncIterator<unknown>, AsyncIterator<unknown>];
    for (let index = 0; index < 20; index++) await service.publish(exchange, 'x', index);
    await sleep(200);
    for (let index = 0; index < 3; index++) {
      expect(await next(first, 'begin')).toBe(index);
      // The broker sends the next one meanwhile.
      await sleep(50);
    }
    for (let index = 0; index < 3; index++) expect(await next(other, 'begin')).toBe(index);
    for (let index = 3; index < 20; index++)
      for (const stream of streams) expect(await next(stream, 'begin')).toBe(index);
  });

  test('who is not so far behind is cut off after its patience', async () => {
    const own = { prefetch: 4, subscriber: { buffer: 3, patience: '600ms' } };
    await using amqp = new DirectAmqp({ url: url(), own });
    const { exchange, streams } = await subscribed(amqp, 'patience', 2);
    const [quick, slow] = streams as [AsyncIterator<unknown>, AsyncIterator<unknown>];
    for (let index = 0; index < 6; index++) {
      await service.publish(exchange, 'x', index);
      expect(await next(quick, 'begin')).toBe(index);
    }
    await sleep(1000);
    await expect(drain(slow)).resolves.toMatchObject({ code: 'UPSTREAM_LIMITED' });
    await service.publish(exchange, 'x', 'true');
    expect(await next(quick, 'begin')).toBe(true);
  });

  test('where nobody has room the broker waits, also when one of them leaves', async () => {
    await using proxy = await TcpProxy.before(url());
    const own = { prefetch: 4, subscriber: { buffer: 3, patience: '20s' } };
    await using amqp = new DirectAmqp({ url: proxy.url, own });
    const { exchange, streams } = await subscribed(amqp, 'all-slow', 3);
    const before = proxy.received;
    const text = 'x'.repeat(10_000);
    for (let index = 0; index < 30; index++)
      await service.publish(exchange, 'x', JSON.stringify([index, text]));
    await sleep(200);
    await streams.pop()?.return?.();
    await sleep(200);
    // Three in the buffers and four that are not acknowledged.
    expect(proxy.received - before).toBeLessThan(90_000);
    for (let index = 0; index < 30; index++)
      for (const stream of streams) expect(await next(stream, 'begin')).toEqual([index, text]);
  });

  test('what a subscriber buffers is still there when it is slow within its patience', async () => {
    await using amqp = new DirectAmqp({
      url: url(),
      own: { prefetch: 2, subscriber: { buffer: 2, patience: '5s' } },
    });
    const exchange = await service.exchange('patient');
    const stream = amqp.subscribe(exchange, '#');
    const first = stream.next();
    await service.publishOnceHeard(exchange, 'x', '"begin"');
    await first;
    for (let index = 0; index < 50; index++) await service.publish(exchange, 'x', index);
    await sleep(300);
    const seen: unknown[] = [];
    while (seen.length < 50) seen.push(await next(stream, 'begin'));
    expect(seen).toEqual(Array.from({ length: 50 }, (_, index) => index));
  });

  test('large events fill a buffer sooner, and one always fits', async () => {
    await using amqp = new DirectAmqp({
      url: url(),
      common: { limits: { responseBytes: '10KB' } },
      own: { prefetch: 1, subscriber: { buffer: 1000, patience: '300ms' } },
    });
    const exchange = await service.exchange('large');
    const stream = amqp.subscribe(exchange, '#');
    const first = stream.next();
    await service.publishOnceHeard(exchange, 'x', '"begin"');
    await first;
    for (const letter of 'abc') await service.publish(exchange, 'x', JSON.stringify(letter.repeat(9000)));
    await sleep(100);
    expect(String(await next(stream, 'begin'))[0]).toBe('a');
    expect(String(await next(stream, 'begin'))[0]).toBe('b');
    expect(String(await next(stream, 'begin'))[0]).toBe('c');
    for (const letter of 'defg') await service.publish(exchange, 'x', JSON.stringify(letter.repeat(9000)));
    await sleep(500);
    await expect(drain(stream)).resolves.toMatchObject({ code: 'UPSTREAM_LIMITED' });
  });

  test('unreadable ones are dead-lettered, and dropped when they keep coming back', async () => {
    const [exchange, dead] = [await service.exchange('poison'), await service.exchange('dead')];
    // The usual circle: what is rejected waits in another queue and then goes back to where it came from.
    const waiting = await service.queue('waiting', { messageTtl: 20, deadLetterExchange: exchange });
    await service.channel.bindQueue(waiting, dead, '#');
    const letters: ConsumeMessage[] = [];
    const morgue = await service.take('morgue', (message) => void letters.push(message));
    await service.channel.bindQueue(morgue, dead, '#');
    await using amqp = new DirectAmqp({
      url: url(),
      own: { queues: { deadLetterExchange: dead, returns: 3 } },
    });
    const stream = amqp.subscribe(exchange, '#');
    const first = stream.next();
    await service.publishOnceHeard(exchange, 'x', '"begin"');
    await first;
    await service.publish(exchange, 'x', 'not JSON at all');
    const { drops } = amqp.connection;
    await expect.poll(() => drops.of('event-returned'), { timeout: 5000 }).toBe(1);
    await sleep(200);
    expect(drops.of('event-unreadable')).toBe(3);
    expect(letters).toHaveLength(3);
    expect(letters[0]?.content.toString()).toBe('not JSON at all');
    expect(letters[0]?.properties.headers?.['x-first-death-reason']).toBe('rejected');
    await service.publish(exchange, 'x', '"after"');
    expect(await next(stream, 'begin')).toBe('after');
  });

  test('as many bindings as configured', async () => {
    await using amqp = new DirectAmqp({ url: url(), own: { queues: { max: 2 } } });
    const exchange = await service.exchange('many');
    const streams = ['a', 'b', 'a'].map((key) => amqp.subscribe(exchange, key));
    const waiting = streams.map((stream) => stream.next());
    await expect(amqp.subscribe(exchange, 'c').next()).rejects.toMatchObject({ code: 'UPSTREAM_LIMITED' });
    await streams[1]!.return?.();
    expect(await waiting[1]).toEqual({ done: true, value: undefined });
    const another = amqp.subscribe(exchange, 'c');
    const event = another.next();
    await service.publishOnceHeard(exchange, 'c', '"there is room again"');
    expect(await event).toEqual({ done: false, value: 'there is room again' });
  });

  test('a stream ends with its signal, while it waits and before it begins', async () => {
    await using amqp = new DirectAmqp({ url: url() });
    const exchange = await service.exchange('left');
    const leaving = new AbortController();
    const stream = amqp.subscribe(exchange, '#', leaving.signal);
    const waiting = stream.next();
    await sleep(100);
    leaving.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(await amqp.subscribe(exchange, '#', leaving.signal).next()).toEqual({
      done: true,
      value: undefined,
    });
    await expect.poll(() => service.publish(exchange, 'x', 1)).toBe(false);
  });

  test('closing the connection ends streams and fails calls', async () => {
    const amqp = new DirectAmqp({ url: url() });
    const exchange = await service.exchange('closing');
    const queue = await service.queue('closing-queue');
    const stream = amqp.subscribe(exchange, '#');
    const waiting = stream.next();
    await service.publishOnceHeard(exchange, 'x', 1);
    await waiting;
    const ending = drain(stream);
    const call = amqp.request(queue, 1);
    await sleep(100);
    await amqp[Symbol.asyncDispose]();
    expect(await ending).toBeUndefined();
    expect(await call).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
    expect(await amqp.request(queue, 2)).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
  });
});

describe('events after an interruption', () => {
  test('come after the gap that is told of it', async () => {
    await using proxy = await TcpProxy.before(url());
    await using amqp = new DirectAmqp({ url: proxy.url, own: { reconnect: { min: '20ms', max: '100ms' } } });
    const exchange = await service.exchange('resumed');
    const stream = amqp.subscribe(exchange, '#');
    const first = stream.next();
    await service.publishOnceHeard(exchange, 'x', 0);
    expect(await first).toEqual({ done: false, value: 0 });
    using _flow = publishNumbers(exchange);
    // The queue has events by the time that it is consumed.
    proxy.delay(20);
    let last: unknown = 0;
    for (let cuts = 0; cuts < 3; cuts++) {
      proxy.cut();
      const seen = await untilAfterGap(stream, last);
      expect(seen.holes).toEqual([]);
      last = seen.last;
    }
  });

  test('do not come from a queue that took the broker too long', async () => {
    await using proxy = await TcpProxy.before(url());
    await using amqp = new DirectAmqp({
      url: proxy.url,
      common: { timeouts: { connect: '5s', request: '300ms' } },
      own: { reconnect: { min: '20ms', max: '100ms', attempts: 100 } },
    });
    const exchange = await service.exchange('late');
    const stream = amqp.subscribe(exchange, '#');
    const first = stream.next();
    await service.publishOnceHeard(exchange, 'x', 0);
    await first;
    // A queue takes five round trips, which is more.
    proxy.delay(40);
    proxy.cut();
    using _flow = publishNumbers(exchange);
    const next = stream.next();
    expect(await Promise.race([next, sleep(1500, 'nothing')])).toBe('nothing');
    proxy.cut();
    proxy.delay(0);
    expect((await next).value).toBeInstanceOf(StreamGap);
    const { value } = await stream.next();
    expect((await stream.next()).value).toBe((value as number) + 1);
  });

  test('leave no queue behind, however early who subscribed has left', async () => {
    await using proxy = await TcpProxy.before(url());
    await using amqp = new DirectAmqp({ url: proxy.url });
    const exchange = await service.exchange('hasty');
    const staying = amqp.subscribe(exchange, 'other');
    const event = staying.next();
    await service.publishOnceHeard(exchange, 'other', 0);
    await event;
    proxy.delay(20);
    for (let waitMs = 30; waitMs < 240; waitMs += 30) {
      const leaving = new AbortController();
      void amqp.subscribe(exchange, 'x', leaving.signal);
      await sleep(waitMs);
      leaving.abort();
    }
    await expect.poll(() => service.publish(exchange, 'x', 1), { timeout: 5000 }).toBe(false);
  });

  test('are waited for by who was there before, while who joins is told that there is no exchange', async () => {
    await using proxy = await TcpProxy.before(url());
    await using amqp = new DirectAmqp({ url: proxy.url, own: { reconnect: { min: '200ms', max: '400ms' } } });
    const exchange = await service.exchange('deleted');
    const stream = amqp.subscribe(exchange, '#');
    const first = stream.next();
    await service.publishOnceHeard(exchange, 'x', 0);
    await first;
    await service.channel.deleteExchange(exchange);
    const { accepted } = proxy;
    proxy.cut();
    const next = stream.next();
    await expect.poll(() => proxy.accepted).toBeGreaterThan(accepted);
    // More of them than there are attempts.
    for (let count = 0; count < 15; count++)
      await expect(amqp.subscribe(exchange, '#').next()).rejects.toMatchObject({
        code: 'UPSTREAM_UNAVAILABLE',
        status: '404',
      });
    await service.channel.assertExchange(exchange, 'topic', { durable: false });
    expect((await next).value).toBeInstanceOf(StreamGap);
    const event = stream.next();
    await service.publishOnceHeard(exchange, 'x', 1);
    expect(await event).toEqual({ done: false, value: 1 });
  });

  test('come again although the exchange was missing once, since the loss of the connection is another’s count', async () => {
    await using proxy = await TcpProxy.before(url());
    await using amqp = new DirectAmqp({
      url: proxy.url,
      own: { reconnect: { min: '300ms', max: '600ms', attempts: 2 } },
    });
    const exchange = await service.exchange('missing');
    const stream = amqp.subscribe(exchange, '#');
    const first = stream.next();
    await service.publishOnceHeard(exchange, 'x', 0);
    await first;
    proxy.cut();
    expect((await stream.next()).value).toBeInstanceOf(StreamGap);
    await service.channel.deleteExchange(exchange);
    const { accepted } = proxy;
    proxy.cut();
    const next = stream.next();
    await expect.poll(() => proxy.accepted, { interval: 10 }).toBeGreaterThan(accepted);
    await expect(amqp.subscribe(exchange, '#').next()).rejects.toMatchObject({ status: '404' });
    await service.channel.assertExchange(exchange, 'topic', { durable: false });
    expect((await next).value).toBeInstanceOf(StreamGap);
  });

  /** 1, 2, 3, … in quick succession. */
  function publishNumbers(exchange: string): Disposable {
    let number = 0;
    const timer = setInterval(() => {
      number++;
      service.channel.publish(exchange, 'x', Buffer.from(String(number)));
    }, 2);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  /** Reads numbers up to the first after a gap, and gives those on the way that did not follow on the one before them. */
  async function untilAfterGap(stream: AsyncIterator<unknown>, before: unknown) {
    const holes: unknown[] = [];
    for (let last = before, gap = false; ; ) {
      const { value } = await stream.next();
      if (value instanceof StreamGap) {
        gap = true;
      } else {
        if (gap) return { last: value, holes };
        if (value !== (last as number) + 1) holes.push([last, value]);
        last = value;
      }
    }
  }
});

/** Streams of one binding, all of which have had their first event: "begin", perhaps more than once. */
async function subscribed(amqp: DirectAmqp, what: string, count: number) {
  const exchange = await service.exchange(what);
  const streams = Array.from({ length: count }, () => amqp.subscribe(exchange, '#'));
  const firsts = streams.map((stream) => stream.next());
  await service.publishOnceHeard(exchange, 'x', '"begin"');
  await Promise.all(firsts);
  return { exchange, streams };
}

/** The next event that is not the one by which the beginning was found out. */
async function next(stream: AsyncIterator<unknown>, begin: unknown): Promise<unknown> {
  for (;;) {
    const { done, value } = await stream.next();
    if (done === true) throw new Error('the stream has ended');
    if (value !== begin) return value;
  }
}

/** Reads to the end, and gives the error it ended with. */
async function drain(stream: AsyncIterator<unknown>): Promise<UpstreamError | undefined> {
  try {
    while ((await stream.next()).done !== true);
    return undefined;
  } catch (error) {
    if (error instanceof UpstreamError) return error;
    throw error;
  }
}
