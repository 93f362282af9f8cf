/** Two processes under load, and their Redis killed or stopped: nobody is refused wrongly, and what is admitted follows docs/stores.md. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeKey } from '../../src/consumers/key-format.ts';
import { readLimits } from '../limits/rate-limit.ts';
import { useUp } from './callers.ts';
import { PLANS } from './configuration.ts';
import { Deployment } from './deployment.ts';
import type { Answer } from './gateway-process.ts';
import { Load } from './load.ts';

const CALLERS = 20;
const [{ limit: LIMIT }] = PLANS.lost.limits;
/**
 * What was under way when Redis was lost, of which nobody knows whether it counted; and half of what was used between the last questions of
 * the two processes, which is no more than what was under way then.
 */
const SLACK = CALLERS + CALLERS / 2;
const slow = { timeout: 60_000 };

let all: Deployment;
beforeAll(async () => {
  // A machine that is busy with other tests takes its time.
  all = await Deployment.start('redis', { timeout: '250ms' });
});
afterAll(() => all?.[Symbol.asyncDispose]());
beforeEach(async () => {
  if (!all.redis!.isRunning) await all.redis!.start();
});

const remaining = ({ headers }: Answer, limit: string) => readLimits(headers)[limit]?.remaining;

/** Waits until what one process counts the other knows. */
async function untilShared(): Promise<void> {
  const { key } = await all.createKey('shared', 'many');
  const left = async (turn: number) => remaining(await all.gateway(turn).call({ key }), 'many')!;
  await expect.poll(async () => (await left(0)) - (await left(1)), { timeout: 15_000 }).toBe(1);
}

test.each([
  ['killed', () => all.redis!.kill(), () => all.redis!.start()],
  ['stopped', async () => all.redis!.pause(), async () => all.redis!.resume()],
] as const)(
  '%s under load: no wrong answer, and the limit shared out and then shared again',
  slow,
  async (...[what, lose, bringBack]) => {
    const { key } = await all.createKey(`lost-${what}`, 'lost');
    await untilShared();
    // Signs of life come every two seconds: with the next each process knows how many there are.
    await sleep(2300);
    const load = Load.start(all, { callers: CALLERS, call: { key }, pauseMs: 10 });
    await load.until(({ admitted }) => admitted >= LIMIT / 3);
    await lose();
    const atLoss = load.admitted;
    // Each has used up its share of what was left.
    await load.until(({ refusedBy }) => refusedBy.every((times) => times > 0));
    await load.until(({ answered }, since) => answered >= since.answered + 5 * CALLERS);
    const whileLost = load.admitted;
    await bringBack();
    await untilShared();
    const statuses = await load.stop();

    expect(Object.keys(statuses).sort()).toEqual(['200', '429']);
    expect(whileLost).toBeGreaterThan(atLoss);
    expect(whileLost).toBeGreaterThanOrEqual(LIMIT - SLACK);
    expect(whileLost).toBeLessThanOrEqual(LIMIT + SLACK);
    // Redis was told: little is left, and all know it.
    const total = load.admitted + (await useUp(all, { key })).admitted;
    expect(total).toBeGreaterThanOrEqual(LIMIT - SLACK);
    expect(total).toBeLessThanOrEqual(LIMIT + SLACK);
    for (const gateway of all.gateways) {
      const answer = await gateway.call({ key });
      expect([answer.status, remaining(answer, 'lost')]).toEqual([429, 0]);
    }
  },
);

test('who brings a key that nobody knows waits for no Redis that does not answer', slow, async () => {
  const { key } = await all.createKey('patient', 'open');
  await all.gateway(0).call({ key });
  all.redis!.pause();
  try {
    const before = performance.now();
    const unknown = Array.from({ length: 10 }, () => all.gateway(0).call({ key: makeKey('live').text }));
    for (const answer of await Promise.all(unknown))
      expect(answer).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    expect((await all.gateway(0).call({ key })).status).toBe(200);
    // A question to Redis may take two seconds, where nobody waits for it.
    expect(performance.now() - before).toBeLessThan(1900);
  } finally {
    all.redis!.resume();
  }
  await untilShared();
});

test(
  'a gateway that is started without Redis knows the keys, and who wants to change them is told',
  slow,
  async () => {
    const known = await all.createKey('known', 'open');
    const revoked = await all.createKey('known', 'open');
    await all.hemJson('keys', 'revoke', revoked.id);
    await all.untilAll(async (gateway) => (await gateway.call(revoked)).status === 401);
    await all.redis!.kill();
    await all.restart(0);
    for (const gateway of all.gateways) {
      expect((await gateway.call(known)).status).toBe(200);
      expect(await gateway.call(revoked)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
      const { status } = await gateway.api(await all.operatorToken(gateway), [
        'DELETE',
        `/api/keys/${known.id}`,
      ]);
      expect(status).toBe(503);
    }
    const { code, output } = await all.hem('keys', 'revoke', known.id);
    expect([code, output]).toEqual([2, expect.stringContaining('store')]);
    await all.redis!.start();
    await expect
      .poll(async () => (await all.hem('keys', 'revoke', known.id)).code, { timeout: 10_000 })
      .toBe(0);
    await all.untilAll(async (gateway) => (await gateway.call(known)).status === 401);
  },
);
