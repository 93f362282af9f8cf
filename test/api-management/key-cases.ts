import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Deployment } from './deployment.ts';
import { followAll } from './followers.ts';
import type { Answer, GatewayProcess } from './gateway-process.ts';

const OVERLAP = '3s';
/** Of the cut-off, by the clock: requests that were sent so long after it are refused, those answered so long before it are not. */
const TOLERANCE_MS = 50;
/** Streams end by a timer, on a machine that is busy with other tests. */
const STREAM_TOLERANCE_MS = 2000;

interface Timed extends Answer {
  readonly sentAt: number;
  readonly answeredAt: number;
}

async function timed(gateway: GatewayProcess, key: string): Promise<Timed> {
  const sentAt = Date.now();
  const answer = await gateway.call({ key });
  return { ...answer, sentAt, answeredAt: Date.now() };
}

/** Calls until it is refused. */
async function callUntilRefused(gateway: GatewayProcess, key: string): Promise<readonly Timed[]> {
  const answers: Timed[] = [];
  do {
    answers.push(await timed(gateway, key));
    await sleep(10);
  } while (answers.at(-1)!.status === 200);
  return answers;
}

/** Keys end when they are to, everywhere, and whatever is open by them. */
export function keyCases(deployment: () => Deployment): void {
  test('of a rotated key both count until the cut-off, then the new one alone', {
    timeout: 60_000,
  }, async () => {
    const all = deployment();
    const { id, key } = await all.createKey('rotating', 'open');
    const followers = await followAll(all, key);
    const next = await all.hemJson('keys', 'rotate', id, '--overlap', OVERLAP);
    const { keys } = await all.hemJson('keys', 'list', '--consumer', 'rotating');
    const old = keys.find((listed: { id: string }) => listed.id === id);
    expect(old).toMatchObject({ state: 'active', replacedBy: next.id });
    const cutOff = Date.parse(old.expiresAt);
    expect(cutOff - Date.now()).toBeGreaterThan(0);
    for (const gateway of all.gateways) expect((await gateway.call({ key: next.key })).status).toBe(200);

    const calls = await Promise.all(all.gateways.map((gateway) => callUntilRefused(gateway, key)));
    for (const answers of calls) {
      for (const { status, sentAt, answeredAt } of answers) {
        if (answeredAt < cutOff - TOLERANCE_MS) expect(status).toBe(200);
        if (sentAt > cutOff + TOLERANCE_MS) expect(status).toBe(401);
      }
      expect(answers.length).toBeGreaterThan(1);
      expect(answers.at(-1)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
      expect(answers.at(-1)!.body.errors![0]!.message).toContain('rotated');
    }
    for (const { events, ended } of followers) {
      const { code, at } = await ended;
      expect(events.length).toBeGreaterThan(0);
      expect(code).toBe('UNAUTHENTICATED');
      expect(at).toBeGreaterThanOrEqual(cutOff - TOLERANCE_MS);
      expect(at).toBeLessThan(cutOff + STREAM_TOLERANCE_MS);
    }
    await all.riders.untilSubscribers(0);
    for (const gateway of all.gateways) expect((await gateway.call({ key: next.key })).status).toBe(200);
  });

  test('what is revoked, and whose consumer is suspended, counts nowhere within a second', {
    timeout: 60_000,
  }, async () => {
    const all = deployment();
    const { id, key } = await all.createKey('leaving', 'open');
    const delays: number[] = [];
    const untilRefused = async (text: string, reason: string) => {
      const endedAt = performance.now();
      const answers = await Promise.all(all.gateways.map((gateway) => callUntilRefused(gateway, text)));
      delays.push(performance.now() - endedAt);
      for (const all of answers) {
        expect(all.at(-1)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
        expect(all.at(-1)!.body.errors![0]!.message).toContain(reason);
        expect(all.at(-1)!.headers.get('www-authenticate')).toContain('ApiKey');
      }
    };
    const followers = await followAll(all, key);
    await all.hemJson('keys', 'revoke', id);
    await untilRefused(key, 'revoked');
    for (const { ended } of followers) expect(await ended).toMatchObject({ code: 'UNAUTHENTICATED' });
    await all.riders.untilSubscribers(0);

    const other = await all.createKey('leaving', 'open');
    await all.hemJson('consumers', 'suspend', 'leaving');
    await untilRefused(other.key, 'suspended');
    // The machine may be busy with something else once, but not each time.
    expect(Math.min(...delays)).toBeLessThan(1000);
    await all.hemJson('consumers', 'resume', 'leaving');
    await all.untilAll(async (gateway) => (await gateway.call({ key: other.key })).status === 200);
    for (const gateway of all.gateways) expect((await gateway.call({ key })).status).toBe(401);
  });
}
