/** The parts of the websocket kind that decide without a socket. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toTopic } from '../../src/connectors/websocket/topic.ts';
import { parseTemplate } from '../../src/mapping/template.ts';

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
