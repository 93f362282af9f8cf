import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { sign } from '../auth/issuer.ts';
import { readLimits } from '../limits/rate-limit.ts';
import { ARTICLE, crowd, useUp } from './callers.ts';
import type { Deployment } from './deployment.ts';

/** How much a plan gives: no more than that, wherever and however it is asked for. */
export function limitCases(deployment: () => Deployment): void {
  test('a plan by file, a key by command, and calls until 429', async () => {
    const all = deployment();
    expect(await all.hem('check')).toMatchObject({ code: 0 });
    expect((await all.hem('plans', 'list')).output).toMatch(/^small +1 +operator +web partners/m);
    expect(await all.hemJson('plans', 'show', 'small')).toMatchObject({
      ...{ newest: 1, version: 1, approval: 'operator' },
      content: { title: 'For trying out', limits: [{ name: 'small', limit: 12, per: 'month' }] },
    });
    const { id, key } = await all.createKey('first', 'small');
    const { keys } = await all.hemJson('keys', 'list', '--consumer', 'first');
    expect(keys).toMatchObject([{ id, plan: 'small', planVersion: 1, state: 'active' }]);

    const first = await all.gateway(0).call({ key });
    expect(first.body).toEqual({ data: { item: { name: 'item 1' } } });
    expect(readLimits(first.headers)).toMatchObject({ small: { quota: 12, remaining: 11 } });
    // Another client, and another process: the same budget.
    const second = await all.gateway(1).call({ key, client: 'partners', query: ARTICLE });
    expect(second.body).toEqual({ data: { article: { title: 'item 1' } } });
    expect(readLimits(second.headers)).toMatchObject({ small: { quota: 12, remaining: 10 } });

    const { admitted, refused } = await useUp(all, { key });
    expect(admitted).toBe(10);
    expect(refused).toMatchObject({ status: 429, code: 'LIMIT_EXCEEDED' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(readLimits(refused.headers)).toMatchObject({ small: { quota: 12, remaining: 0 } });
    expect(refused.body.errors![0]!.message).toMatch(/"small".*try again/);
    for (const gateway of all.gateways) {
      expect((await gateway.call({ key })).status).toBe(429);
      expect((await gateway.call({ key, client: 'partners', query: ARTICLE })).status).toBe(429);
    }
    // A new key is no new budget.
    const next = await all.hemJson('keys', 'rotate', id);
    for (const gateway of all.gateways) expect((await gateway.call({ key: next.key })).status).toBe(429);
  });

  test('the next window gives all of it again', async () => {
    const all = deployment();
    const { key } = await all.createKey('windows', 'short');
    for (let window = 0; window < 2; window++) {
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, turn) => all.gateway(turn).call({ key })),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused).toHaveLength(7);
      const waits = refused.map(({ headers }) => Number(headers.get('retry-after')));
      for (const wait of waits) expect(wait).toBeGreaterThan(0);
      // What is told is enough, and no more than the window and its sixtieth in whole seconds.
      const { reset = 0 } = readLimits(refused.at(-1)!.headers).short!;
      expect(reset).toBeLessThanOrEqual(5);
      if (window === 0) await sleep(reset * 1000 + 100);
    }
  });

  test('of 200, twenty who call at once get exactly 200', { timeout: 60_000 }, async () => {
    const all = deployment();
    const { key } = await all.createKey('crowd', 'many');
    const isOver = ({ status }: { readonly status: number }) => status !== 200;
    const statuses = await crowd(all, { callers: 20, call: { key }, isOver });
    expect(statuses).toEqual({ 200: 200, 429: 20 });
  });

  test('who brings a key and a token has the claims of the one and the budget of the other', async () => {
    const all = deployment();
    const { id, key } = await all.createKey('both', 'small');
    const token = await sign(all.issuer, { sub: '7' });
    const call = { key, token, query: '{ mine { id name } }' };
    const answer = await all.gateway(0).call(call);
    expect(answer.body).toEqual({ data: { mine: { id: '7', name: 'item 7' } } });
    expect(readLimits(answer.headers)).toMatchObject({ small: { remaining: 11 } });
    const alone = await all.gateway(1).call({ token, query: call.query });
    expect([alone.status, alone.headers.get('ratelimit')]).toEqual([200, null]);
    await all.hemJson('keys', 'revoke', id);
    await all.untilAll(async (gateway) => (await gateway.call(call)).status === 401);
  });
}
