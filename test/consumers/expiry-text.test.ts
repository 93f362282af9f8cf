/** When a key ends, as it is written. */
import { expect, test } from 'vitest';
import { parseExpiry } from '../../src/consumers/expiry-text.ts';

const NOW = Date.parse('2026-12-01');

test.each([
  ['90d', '2027-03-01T00:00:00.000Z'],
  ['2028-02-29', '2028-02-29T00:00:00.000Z'],
  ['2027-01-31T12:00+02:00', '2027-01-31T10:00:00.000Z'],
])('%s', (text, at) => {
  expect(new Date(parseExpiry(text, NOW)!).toISOString()).toBe(at);
});

test.each(['soon', '2027-02-30', '2027-02-29', '2027-04-31T10:00Z', '2027-13-01', '2027-01-31T25:00Z'])(
  '%s is no time',
  (text) => {
    expect(() => parseExpiry(text, NOW)).toThrow(
      expect.objectContaining({ publicText: expect.stringContaining('is neither') }),
    );
  },
);

test.each(['0s', '99999999d', '2026-11-30', '2050-01-01'])('%s is none that a key may end at', (text) => {
  expect(() => parseExpiry(text, NOW)).toThrow(
    expect.objectContaining({ publicText: expect.stringContaining('within 20 years') }),
  );
});
