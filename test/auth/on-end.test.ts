/** What waits for the end of a principal is told once, and forgets both its clock and its key. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { KnownKey } from '../../src/consumers/known-key.ts';
import { onEnd } from '../../src/principal/expiry.ts';
import { ANONYMOUS } from '../../src/principal/principal.ts';

/** A table whose keys end when a test says so. */
function tableOf() {
  const waiting = new Set<() => void>();
  return {
    waiting,
    onEnd(_key: KnownKey, ended: () => void) {
      waiting.add(ended);
      return () => waiting.delete(ended);
    },
  };
}

const holder = (expiresAt = Number.POSITIVE_INFINITY) => ({
  ...ANONYMOUS,
  key: { id: 'k', expiresAt } as KnownKey,
  expiresAt,
});

test('by its key, and by the clock no more', async () => {
  const table = tableOf();
  const told: string[] = [];
  onEnd(holder(Date.now() + 50), table, (why) => told.push(why));
  for (const ended of [...table.waiting]) ended();
  await sleep(100);
  expect(told).toEqual([
    'The key was revoked or has expired, or its plan has changed: connect again with a key that counts.',
  ]);
  expect(table.waiting.size).toBe(0);
});

test('by the clock, and by its key no more', async () => {
  const table = tableOf();
  const told: string[] = [];
  onEnd(holder(Date.now() + 10), table, (why) => told.push(why));
  const [ended] = table.waiting;
  await expect.poll(() => told.length).toBe(1);
  ended!();
  expect(told).toHaveLength(1);
  expect(table.waiting.size).toBe(0);
});

test('never, once nobody waits any more', async () => {
  const table = tableOf();
  const told: string[] = [];
  const stop = onEnd(holder(Date.now() + 20), table, (why) => told.push(why));
  const [ended] = table.waiting;
  stop();
  ended!();
  await sleep(60);
  expect(told).toEqual([]);
  expect(table.waiting.size).toBe(0);
});

test('a user’s token that ends before the key', async () => {
  const table = tableOf();
  const told: string[] = [];
  onEnd({ ...holder(), expiresAt: Date.now() + 10 }, table, (why) => told.push(why));
  await expect.poll(() => told).toEqual(['The token has expired: send a new one.']);
});
