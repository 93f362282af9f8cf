/** The buffer between a backend that pushes events and a reader that takes them. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { UpstreamError } from '../../src/errors.ts';
import { Subscriber, type SubscriberOptions } from '../../src/upstream/subscriber.ts';

describe('a subscriber', () => {
  afterEach(() => void vi.useRealTimers());

  function open({ events = 3, bytes = 10_000, patienceMs, signal }: Partial<SubscriberOptions> = {}) {
    let ends = 0;
    const subscriber = new Subscriber({
      connector: 'docks',
      events,
      bytes,
      patienceMs,
      signal,
      onEnd: () => void ends++,
    });
    return { subscriber, ends: () => ends };
  }

  test('keeps events until they are read, in order', async () => {
    const { subscriber } = open();
    const early = subscriber.next();
    for (const value of [1, 2, 3, 4]) subscriber.push(value, 10);
    expect(await early).toEqual({ done: false, value: 1 });
    for (const value of [2, 3, 4]) expect(await subscriber.next()).toEqual({ done: false, value });
  });

  test('that keeps too many bytes is ended at once, and forgets them', async () => {
    const { subscriber, ends } = open({ events: 1000, bytes: 350 });
    for (let value = 0; value < 10; value++) subscriber.push(value, 10);
    await expect(subscriber.next()).rejects.toMatchObject({ code: 'UPSTREAM_LIMITED', connector: 'docks' });
    expect(await subscriber.next()).toEqual({ done: true, value: undefined });
    expect(ends()).toBe(1);
  });

  test('that keeps too many of the smallest events, or gaps, is ended too', async () => {
    for (const wireBytes of [2, 0]) {
      const { subscriber, ends } = open({ events: 3, bytes: 10_000 });
      for (let value = 0; value < 50; value++) subscriber.push(value, wireBytes);
      expect(ends()).toBe(0);
      for (let value = 0; value < 100; value++) subscriber.push(value, wireBytes);
      expect(ends()).toBe(1);
      await expect(subscriber.next()).rejects.toMatchObject({ code: 'UPSTREAM_LIMITED' });
    }
  });

  test('given too many events at once reads them all', async () => {
    vi.useFakeTimers();
    const { subscriber, ends } = open({ events: 3 });
    for (let value = 0; value < 10; value++) subscriber.push(value, 10);
    for (let value = 0; value < 10; value++) expect((await subscriber.next()).value).toBe(value);
    vi.advanceTimersByTime(60_000);
    expect(ends()).toBe(0);
  });

  test('that has not caught up with too many events after a while is ended, however it moves', async () => {
    vi.useFakeTimers();
    const { subscriber, ends } = open({ events: 3 });
    for (let value = 0; value < 10; value++) subscriber.push(value, 10);
    for (let second = 0; second < 10; second++) {
      vi.advanceTimersByTime(1000);
      if (ends() > 0) break;
      await subscriber.next();
      subscriber.push('more', 10);
    }
    await expect(subscriber.next()).rejects.toMatchObject({ code: 'UPSTREAM_LIMITED' });
    expect(ends()).toBe(1);
  });

  test('may keep one event that is larger than the bound', async () => {
    const { subscriber } = open({ bytes: 5 });
    subscriber.push('large', 10);
    expect(await subscriber.next()).toEqual({ done: false, value: 'large' });
  });

  test('reads what came before an error, then the error, then the end', async () => {
    const { subscriber, ends } = open();
    subscriber.push(1, 1);
    subscriber.fail(new UpstreamError('UPSTREAM_UNAVAILABLE', 'docks', { internal: 'gone' }));
    subscriber.push(2, 1);
    expect(await subscriber.next()).toEqual({ done: false, value: 1 });
    await expect(subscriber.next()).rejects.toThrow('gone');
    expect((await subscriber.next()).done).toBe(true);
    expect(ends()).toBe(1);
  });

  test('that leaves gets nothing more, also where it is waiting', async () => {
    const { subscriber, ends } = open();
    const waiting = [subscriber.next(), subscriber.next()];
    await subscriber.return();
    subscriber.push(1, 1);
    for (const result of await Promise.all(waiting)) expect(result.done).toBe(true);
    expect((await subscriber.next()).done).toBe(true);
    await subscriber.return();
    expect(ends()).toBe(1);
  });

  test('that waits is given the error', async () => {
    const { subscriber } = open();
    const [first, second] = [subscriber.next(), subscriber.next()];
    subscriber.fail(new UpstreamError('UPSTREAM_UNAVAILABLE', 'docks'));
    await expect(first).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
    expect((await second).done).toBe(true);
  });

  test('leaves when its signal aborts', async () => {
    const leaving = new AbortController();
    const { subscriber, ends } = open({ signal: leaving.signal });
    subscriber.push(1, 1);
    leaving.abort();
    expect((await subscriber.next()).done).toBe(true);
    expect(ends()).toBe(1);
  });

  test('with patience holds back what has no place, until it has', async () => {
    const { subscriber } = open({ events: 2, patienceMs: 10_000 });
    const accepted: number[] = [];
    const push = (value: number) => subscriber.push(value, 1, () => accepted.push(value));
    expect([1, 2, 3, 4].map(push)).toEqual([true, true, false, false]);
    expect((await subscriber.next()).value).toBe(1);
    expect(accepted).toEqual([3]);
    subscriber.end();
    expect(accepted).toEqual([3, 4]);
    for (const value of [2, 3, 4]) expect(await subscriber.next()).toEqual({ done: false, value });
    expect((await subscriber.next()).done).toBe(true);
  });

  test('with patience is not late while it takes one event after another, though more always wait', async () => {
    vi.useFakeTimers();
    const { subscriber, ends } = open({ events: 1, patienceMs: 1000 });
    for (const value of [0, 1, 2]) subscriber.push(value, 1);
    for (let value = 0; value < 20; value++) {
      vi.advanceTimersByTime(900);
      expect((await subscriber.next()).value).toBe(value);
      subscriber.push(value + 3, 1);
    }
    expect(ends()).toBe(0);
    vi.advanceTimersByTime(1000);
    expect(ends()).toBe(1);
  });

  test('that is slow beyond its patience is cut off, and holds nothing back', async () => {
    const { subscriber, ends } = open({ events: 1, patienceMs: 20 });
    const accepted: number[] = [];
    for (const value of [1, 2]) subscriber.push(value, 1, () => accepted.push(value));
    await expect.poll(ends).toBe(1);
    expect(accepted).toEqual([2]);
    await expect(subscriber.next()).rejects.toMatchObject({ code: 'UPSTREAM_LIMITED' });
    expect((await subscriber.next()).done).toBe(true);
  });
});
