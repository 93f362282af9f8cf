import { expect, test } from 'vitest';
import { ARTICLE, useUp } from './callers.ts';
import type { Deployment } from './deployment.ts';

/** What consumers do by themselves. A portal may ask another process each time. */
export function portalCases(deployment: () => Deployment): void {
  test('a consumer subscribes, makes a key and uses it; for the other plan an operator says yes', async () => {
    const all = deployment();
    const { token } = await all.hemJson('consumers', 'create', 'shop', '--title', 'A shop');
    let turn = 0;
    const self = (method: string, path: string, body?: object) =>
      all.gateway(turn++).api(token, [method, `/api/self${path}`], body);
    const { body: offers } = await self('GET', '/plans');
    expect(offers.plans.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['trial', 'contract']),
    );

    expect(await self('POST', '/subscriptions', { plan: 'trial' })).toMatchObject({
      status: 201,
      body: { state: 'approved', planVersion: 1 },
    });
    const made = await self('POST', '/keys', { plan: 'trial', label: 'shop window' });
    expect(made).toMatchObject({ status: 201, body: { state: 'active', label: 'shop window' } });
    const { key } = made.body;
    const { admitted, refused } = await useUp(all, { key });
    expect([admitted, refused.status]).toEqual([2, 429]);

    const asked = await self('POST', '/subscriptions', { plan: 'contract' });
    expect(asked).toMatchObject({ status: 201, body: { state: 'pending' } });
    const early = await self('POST', '/keys', { plan: 'contract' });
    expect(early).toMatchObject({ status: 409, body: { title: 'CONFLICT' } });
    await all.hemJson('subscriptions', 'approve', asked.body.id);
    const late = await self('POST', '/keys', { plan: 'contract', clients: ['partners'] });
    expect(late).toMatchObject({ status: 201 });
    const call = { key: late.body.key, client: 'partners', query: ARTICLE };
    for (const gateway of all.gateways) expect((await gateway.call(call)).status).toBe(200);
    expect((await all.gateway(0).call({ key: late.body.key })).status).toBe(401);

    // It sees what it used, and nothing of others.
    const used = async () => (await self('GET', '/usage?field=Article.title')).body.usage;
    const counted = all.gateways.length;
    await expect
      .poll(used, { timeout: 15_000, interval: 200 })
      .toMatchObject([{ consumer: 'shop', client: 'partners', field: 'Article.title', count: counted }]);
    for (const forbidden of ['?consumer=counted', '?unused=1'])
      expect((await self('GET', `/usage${forbidden}`)).status).toBe(400);
    // Nor does it learn which clients and fields there are.
    expect((await self('GET', '/usage?client=nope&field=Nope.nope')).body.usage).toEqual([]);
    const { body: everything } = await self('GET', '/usage');
    expect(new Set(everything.usage.map((row: { consumer: string }) => row.consumer))).toEqual(
      new Set(['shop']),
    );

    // What it made it sees and ends, at any process.
    const { body: mine } = await self('GET', '/keys');
    expect(mine.keys).toHaveLength(2);
    expect((await self('DELETE', `/keys/${made.body.id}`)).status).toBe(200);
    await all.untilAll(async (gateway) => (await gateway.schemaStatus(key)) === 401);
    const stranger = await all.hemJson('consumers', 'create', 'stranger');
    const foreign = await all.gateway(0).api(stranger.token, ['DELETE', `/api/self/keys/${late.body.id}`]);
    expect(foreign.status).toBe(404);
  });
}
