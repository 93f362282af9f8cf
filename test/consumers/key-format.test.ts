/** What is a key by its format alone. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeKey, parseKey } from '../../src/consumers/key-format.ts';
import { openRegistries } from './registries.ts';

const seed = Number(process.env.HEM_TEST_SEED ?? Date.now() % 2 ** 31);

test('what was made is read, and says its kind and its public part', () => {
  for (const kind of ['live', 'test', 'portal'] as const) {
    const { id, text } = makeKey(kind);
    expect(parseKey(text)).toEqual({ kind, id });
    expect(text).toMatch(/^hem_(live|test|portal)_[0-9A-Za-z]{12}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$/);
  }
});

test('no two are the same, and their secrets use the whole alphabet', () => {
  const keys = Array.from({ length: 2000 }, () => makeKey('live'));
  expect(new Set(keys.map(({ id }) => id)).size).toBe(2000);
  expect(new Set(keys.map(({ text }) => text.split('_')[3])).size).toBe(2000);
  expect(new Set(keys.flatMap(({ text }) => [...text.split('_')[3]!])).size).toBe(62);
});

test('the checksum is CRC-32 of what stands before it, as documented', () => {
  const known = 'hem_live_000000000000_00000000000000000000000000000000_1OrPyU';
  expect(parseKey(known)).toEqual({ kind: 'live', id: '000000000000' });
});

test('a key with one other character, one less or one more is none', () => {
  const { text } = makeKey('live');
  const character = fc.constantFrom(...'0Az_- \u0000é😀');
  const position = fc.nat(text.length - 1);
  fc.assert(
    fc.property(position, character, (at, other) => {
      fc.pre(text[at] !== other);
      expect(parseKey(text.slice(0, at) + other + text.slice(at + 1))).toBeUndefined();
      expect(parseKey(text.slice(0, at) + text.slice(at + 1))).toBeUndefined();
      expect(parseKey(text.slice(0, at) + other + text.slice(at))).toBeUndefined();
    }),
    { seed, numRuns: 300 },
  );
});

test('a million texts that are none are refused without a look-up', { timeout: 60_000 }, async () => {
  await using registries = await openRegistries();
  const registry = await registries.open();
  const { text } = makeKey('live');
  const long = 'x'.repeat(1_000_000);
  const texts = [
    ...[
      '',
      'hem_',
      'hem_live_',
      'Bearer',
      '__proto__',
      'constructor',
      long,
      `hem_live_${long}`,
      `${text}\n`,
      ` ${text}`,
    ],
    ...[
      text.toLowerCase(),
      text.replace('live', 'prod'),
      text.replaceAll('_', '-'),
      text.slice(0, -1),
      `${text}0`,
    ],
    ...Array.from({ length: 85 }, (_, index) => text.slice(0, index % text.length)),
  ];
  let lookedUp = 0;
  const get = Map.prototype.get;
  const startedAt = performance.now();
  try {
    Map.prototype.get = function (this: Map<unknown, unknown>, key: unknown) {
      lookedUp++;
      return get.call(this, key);
    };
    for (let round = 0; round < 10_000; round++)
      for (const candidate of texts)
        if (registry.table.find(candidate) !== undefined) throw new Error(candidate);
  } finally {
    Map.prototype.get = get;
  }
  expect(lookedUp).toBe(0);
  // A bound that only something of another order would miss: they take a tenth of a second.
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  expect(registry.table.whyNot(long)).toBe('malformed');
});

test('random keys of the right format are unknown, a hundred thousand of them', {
  timeout: 60_000,
}, async () => {
  await using registries = await openRegistries();
  const registry = await registries.open();
  for (let index = 0; index < 10_000; index++) {
    const { text } = makeKey(index % 2 === 0 ? 'live' : 'test');
    for (let round = 0; round < 10; round++) expect(registry.table.find(text)).toBeUndefined();
    if (index % 1000 === 0) expect(registry.table.whyNot(text)).toBe('unknown');
  }
});
