/** Timeouts of one length that share a timer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { timeoutsOf } from '../src/timeouts.ts';

test('come in the order in which they began, each not before its time', async () => {
  const startedAt = performance.now();
  const over: Array<readonly [number, number]> = [];
  const start = (number: number) =>
    timeoutsOf(60).start(() => over.push([number, performance.now() - startedAt]));
  start(1);
  await sleep(20);
  start(2);
  start(3);
  await expect.poll(() => over.length).toBe(3);
  expect(over.map(([number]) => number)).toEqual([1, 2, 3]);
  expect(over[0]![1]).toBeGreaterThanOrEqual(60);
  expect(over[1]![1]).toBeGreaterThanOrEqual(79);
});

test('that are stopped do not come, wherever they stand, and stopping them again does no harm', async () => {
  const over: number[] = [];
  const all = [0, 1, 2, 3, 4].map((number) => timeoutsOf(40).start(() => over.push(number)));
  for (const number of [0, 2, 4, 2]) all[number]!.stop();
  await sleep(120);
  expect(over).toEqual([1, 3]);
  for (const one of all) one.stop();
  timeoutsOf(40).start(() => over.push(5));
  await expect.poll(() => over).toEqual([1, 3, 5]);
});

test('may begin others and stop each other when they come', async () => {
  const over: string[] = [];
  const list = timeoutsOf(30);
  list.start(() => {
    over.push('first');
    second.stop();
    list.start(() => over.push('third'));
  });
  const second = list.start(() => over.push('second'));
  await expect.poll(() => over).toEqual(['first', 'third']);
});

test('that have left hold nothing of those that came after them', () => {
  const [first, second] = [timeoutsOf(50).start(() => {}), timeoutsOf(50).start(() => {})];
  first.stop();
  expect(first).toMatchObject({ list: undefined, previous: undefined, next: undefined });
  second.stop();
});
