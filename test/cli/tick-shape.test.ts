/** Full collections must not make ticks dear: Node by itself does. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** Prints what a tick costs when it is warm, and after collections that find none. */
const MEASURE = `
  import { setTimeout as sleep } from 'node:timers/promises';
  import { keepTickShape } from './src/cli/tick-shape.ts';
  if (process.argv[1] === 'kept') keepTickShape();
  const TICKS = 10_000;
  async function cost() {
    let least = Infinity;
    for (let round = 0; round < 10; round++) {
      const before = process.cpuUsage();
      await new Promise((resolve) => {
        let left = TICKS;
        const tick = () => (--left === 0 ? resolve() : process.nextTick(tick));
        process.nextTick(tick);
      });
      const { user, system } = process.cpuUsage(before);
      least = Math.min(least, user + system);
      await sleep(2);
    }
    return least;
  }
  await cost();
  const warm = await cost();
  for (let round = 0; round < 8; round++) {
    await sleep(2);
    // Not in a tick: then one would be there.
    await new Promise((resolve) => setTimeout(() => resolve(gc({ type: 'major', execution: 'sync' })), 2));
    await cost();
  }
  console.log(JSON.stringify({ warm, after: await cost() }));
`;

async function timesDearer(what: 'kept' | 'not kept'): Promise<number> {
  const flags = ['--expose-gc', '--input-type=module', '--eval', MEASURE, what];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: ROOT });
  const { warm, after } = JSON.parse(stdout) as { readonly warm: number; readonly after: number };
  return after / warm;
}

// A measurement on a machine that others use as well.
const AGAIN = { retry: 2 };

test('a tick costs the same after full collections', AGAIN, async () => {
  expect(await timesDearer('kept')).toBeLessThan(3);
});

test('which it does not by itself: when it does, tick-shape.ts can go', AGAIN, async () => {
  expect(await timesDearer('not kept')).toBeGreaterThan(3);
});
