/** How many objects and values an answer has is counted as JSON has them, not what looks like them in texts. */
import { expect, test } from 'vitest';
import { holdsMoreObjects } from '../../src/upstream/many-objects.ts';

const many = (count: number, text: string) => `[${Array(count).fill(text).join(',')}]`;

test.each([
  ['objects', many(100, '{}'), 101],
  ['lists', many(100, '[]'), 101],
  ['objects in objects', many(50, '{"a":{"b":1}}'), 101],
  ['brackets in texts', many(100, '{"a":"[{,"}'), 101],
  ['escaped quotes', many(100, String.raw`{"a":"\"[","b":"\\"}`), 101],
  ['a text without an end', `${many(100, '[]')}"${'{'.repeat(1000)}`, 101],
])('%s', (_what, text, count) => {
  expect(holdsMoreObjects(text, count)).toBe(false);
  expect(holdsMoreObjects(text, count - 1)).toBe(true);
});

test('ten times as many values', () => {
  expect(holdsMoreObjects(many(1000, '1'), 100)).toBe(false);
  expect(holdsMoreObjects(many(1001, '1'), 100)).toBe(true);
  expect(holdsMoreObjects(`{${Array(1001).fill('"a":1').join()}}`, 100)).toBe(true);
});
