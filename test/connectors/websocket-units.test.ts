/** The parts of the websocket kind that decide without a socket. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Subscriber } from '../../src/connectors/websocket/subscriber.ts';
import { toTopic } from '../../src/connectors/websocket/topic.ts';
import { parseTemplate } from '../../src/mapping/template.ts';

describe('a subscriber', () => {
  function open(events = 3, bytes = 1000) {
    let ends = 0;
    const subscriber = new Subscriber('docks', { events, bytes }, () => ends++);
    return { subscriber, ends: () => ends };
  }

  test('keeps events until they are read, in order', async () => {
    const { subscriber } = open();
    const early = subscriber.next();
    for (const value of [1, 2, 3, 4]) subscriber.push(value, 10);
    expect(await early).toEqual({ done: false, value: 1 });
    for (const value of [2, 3, 4]) expect(await subscriber.next()).toEqual({ done: false, value });
  });

  test.each([
    ['events', 3, 1000],
    ['bytes', 1000, 35],
  ])('that keeps too many %s is ended, and forgets them', async (_what, events, bytes) => {
    const { subscriber, ends } = open(events, bytes);
    for (let value = 0; value < 10; value++) subscriber.push(value, 10);
    await expect(subscriber.next()).rejects.toMatchObject({ code: 'UPSTREAM_LIMITED', connector: 'docks' });
    expect(await subscriber.next()).toEqual({ done: true, value: undefined });
    expect(ends()).toBe(1);
  });

  test('may keep one event that is larger than the bound', async () => {
    const { subscriber } = open(3, 5);
    subscriber.push('large', 10);
    expect(await subscriber.next()).toEqual({ done: false, value: 'large' });
  });

  test('reads what came before an error, then the error, then the end', async () => {
    const { subscriber, ends } = open();
    subscriber.push(1, 1);
    subscriber.fail(Object.assign(new Error('gone')) as never);
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
});

describe('a topic', () => {
  const values = (args: Readonly<Record<string, unknown>>) => ({ args, parent: {}, claims: {} });

  test('is what the template says', () => {
    const topic = toTopic(parseTemplate('docks/{id}/{{raw}}.{n}'));
    expect(topic(values({ id: 'st-1', n: 7 }))).toBe('docks/st-1/{raw}.7');
  });

  test('as a whole may be an argument, but no pattern', () => {
    const topic = toTopic(parseTemplate('{name}'));
    expect(topic(values({ name: 'docks/a.b:c' }))).toBe('docks/a.b:c');
    expect(() => topic(values({ name: 'docks/#' }))).toThrow('wildcard');
  });

  test('has as many parts as its template, whatever the arguments are', () => {
    const topic = toTopic(parseTemplate('docks/{a}.{b}'));
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        let text: string;
        try {
          text = topic(values({ a, b }));
        } catch {
          return;
        }
        expect(text.split(/[/.]/)).toEqual(['docks', a, b]);
        expect(text).not.toMatch(/[*#]|\p{Cc}/u);
      }),
    );
  });

  test('has a bound', () => {
    const topic = toTopic(parseTemplate('docks/{a}'));
    expect(() => topic(values({ a: 'x'.repeat(2000) }))).toThrow('1024');
  });
});
