import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { useUp } from './callers.ts';
import { PLANS } from './configuration.ts';
import type { Deployment } from './deployment.ts';

const CALLERS = 20;
const [{ limit: LIMIT }] = PLANS.sliced.limits;
/** A hundredth of the limit is the most that a process has ahead, for a second. */
const SLICE = LIMIT / 100;
const SLICE_MS = 1000;

/** Where limits are large, busy processes take a slice of them ahead. */
export function sliceCases(deployment: () => Deployment): void {
  test('a process that is killed under load takes no more with it than its slice, and nothing is given twice', {
    timeout: 60_000,
  }, async () => {
    const all = deployment();
    const { key } = await all.createKey('sliced', 'sliced');
    const askedBefore = await scriptsRun(all);
    const [killed] = all.gateways;
    let admitted = 0;
    let unanswered = 0;
    const one = async (_: unknown, turn: number) => {
      const gateway = all.gateway(turn);
      for (;;) {
        const answer = await gateway.call({ key }).catch((error: unknown) => {
          if (gateway !== killed) throw error;
          unanswered++;
        });
        if (answer?.status !== 200) return answer?.status;
        admitted++;
      }
    };
    const calling = Promise.all(Array.from({ length: CALLERS }, one));
    await expect.poll(() => admitted, { timeout: 30_000, interval: 5 }).toBeGreaterThan(LIMIT / 2);
    await all.restart(0, 'SIGKILL');
    expect(new Set(await calling)).toEqual(new Set([undefined, 429]));
    expect(unanswered).toBe(CALLERS / 2);
    // Fewer questions than answers: so there were slices.
    expect((await scriptsRun(all)) - askedBefore).toBeLessThan(0.8 * admitted);
    // What the others had ahead goes back.
    await sleep(SLICE_MS);
    const total = admitted + (await useUp(all, { key })).admitted;
    expect(total).toBeLessThanOrEqual(LIMIT);
    expect(total).toBeGreaterThanOrEqual(LIMIT - SLICE - unanswered);
  });
}

/** How many scripts Redis has run. */
async function scriptsRun({ redis }: Deployment): Promise<number> {
  const text = String(await redis!.command('info', 'commandstats'));
  return Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(text)?.[1] ?? 0);
}
