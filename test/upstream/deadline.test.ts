/** The watch over a call's time, which all kinds share. */
import { describe, expect, test } from 'vitest';
import { Cancellation } from '../../src/cancellation.ts';
import { remainingMs, waitFor, watch } from '../../src/upstream/deadline.ts';

const never = new Cancellation();
const gone = new Cancellation();
gone.cancel();

test('what is left is the nearer of the two limits, and nothing once the caller has left', () => {
  expect(remainingMs(50, { cancellation: never, deadlineAt: Infinity })).toBe(50);
  expect(remainingMs(5000, { cancellation: never, deadlineAt: performance.now() + 40 })).toBeLessThanOrEqual(
    40,
  );
  expect(remainingMs(50, { cancellation: never, deadlineAt: performance.now() - 1 })).toBe(0);
  expect(remainingMs(50, { cancellation: gone, deadlineAt: Infinity })).toBe(0);
});

const within = (cancellation: Cancellation) => ({ cancellation, deadlineAt: Infinity });

describe('a watch', () => {
  test('tells of the end of the time once, also when the caller leaves later', async () => {
    let calls = 0;
    const leaving = new Cancellation();
    watch(10, within(leaving), () => calls++);
    await expect.poll(() => calls).toBe(1);
    leaving.cancel();
    expect(calls).toBe(1);
  });

  test('tells of a caller that leaves, also without a limit', () => {
    let calls = 0;
    const leaving = new Cancellation();
    watch(Infinity, within(leaving), () => calls++);
    leaving.cancel();
    expect(calls).toBe(1);
  });

  test('tells nothing once it is stopped', async () => {
    let calls = 0;
    const leaving = new Cancellation();
    watch(10, within(leaving), () => calls++)();
    leaving.cancel();
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(calls).toBe(0);
  });
});

describe('shared work', () => {
  const over = () => new Error('over');

  test('is waited for', async () => {
    expect(await waitFor(Promise.resolve(7), 1000, never, over)).toBe(7);
    await expect(waitFor(Promise.reject(new Error('failed')), 1000, never, over)).rejects.toThrow('failed');
  });

  test('is waited for no longer than one caller may, and goes on for the others', async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    const patient = waitFor(promise, Infinity, never, over);
    await expect(waitFor(promise, 10, never, over)).rejects.toThrow('over');
    await expect(waitFor(promise, 1000, gone, over)).rejects.toThrow('over');
    resolve(7);
    expect(await patient).toBe(7);
  });
});
