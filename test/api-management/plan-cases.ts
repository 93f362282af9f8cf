import { buildSchema, getIntrospectionQuery } from 'graphql';
import { expect, test } from 'vitest';
import { readLimits } from '../limits/rate-limit.ts';
import { useUp } from './callers.ts';
import { PLANS, plansFile } from './configuration.ts';
import type { Deployment } from './deployment.ts';
import type { Answer, GatewayProcess } from './gateway-process.ts';

const INVOICES = '{ invoices { number } }';
/** It grants more, and gives less. */
const CHANGED = {
  ...PLANS,
  changing: { clients: ['web'], limits: [{ name: 'changing', limit: 12, per: 'month' }] },
};

const leftOf = ({ headers }: Answer) => readLimits(headers).changing;

async function fieldsShown(gateway: GatewayProcess, key: string): Promise<readonly string[]> {
  const response = await fetch(`${gateway.url}/web/schema.graphql`, { headers: { 'x-api-key': key } });
  const told = Object.keys(
    buildSchema(await response.text())
      .getQueryType()!
      .getFields(),
  );
  const { body } = await gateway.call({ key, query: getIntrospectionQuery() });
  const { types, queryType } = body.data.__schema;
  const query = types.find(({ name }: { name: string }) => name === queryType.name);
  expect(query.fields.map(({ name }: { name: string }) => name)).toEqual(told);
  return told;
}

/** A plan's versions: what a subscription has does not change under it. */
export function planCases(deployment: () => Deployment): void {
  test('an edited plan is the next version, which old subscriptions are moved to', {
    timeout: 60_000,
  }, async () => {
    const all = deployment();
    const old = await all.createKey('faithful', 'changing');
    expect(old.planVersion).toBe(1);
    const refused = await all.gateway(0).call({ key: old.key, query: INVOICES });
    expect(refused).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    expect(refused.body.errors![0]!.extensions.denied).toEqual([
      { coordinate: 'Query.invoices', plan: 'changing' },
    ]);
    const before = await all.gateway(0).call({ key: old.key });
    expect(leftOf(before)).toMatchObject({ quota: 20, remaining: 19 });
    for (const gateway of all.gateways) expect(await fieldsShown(gateway, old.key)).toEqual(['item', 'mine']);

    await all.write('clients/plans.yml', plansFile(CHANGED));
    for (const index of all.gateways.keys()) await all.restart(index);
    expect(await all.hemJson('plans', 'show', 'changing')).toMatchObject({ newest: 2, version: 2 });
    expect((await all.hemJson('plans', 'show', 'changing@1')).content.fields.exclude).toEqual([
      'tag:billing',
    ]);
    const fresh = await all.createKey('newcomer', 'changing');
    expect(fresh.planVersion).toBe(2);
    // Introspection is an operation as any other, and one of each process has drawn on the limit.
    const used = 1 + all.gateways.length;
    for (const [turn, gateway] of all.gateways.entries()) {
      const answer = await gateway.call({ key: old.key });
      expect(leftOf(answer)).toMatchObject({ quota: 20, remaining: 20 - used - 1 - turn });
      expect((await gateway.call({ key: old.key, query: INVOICES })).status).toBe(403);
      expect((await gateway.call({ key: fresh.key, query: INVOICES })).status).toBe(200);
    }

    const list = await all.hemJson('subscriptions', 'list', '--consumer', 'faithful');
    expect(list.subscriptions).toMatchObject([{ planVersion: 1, newestVersion: 2 }]);
    await all.hemJson('subscriptions', 'move', list.subscriptions[0].id);
    await all.untilAll(
      async (gateway) => (await gateway.call({ key: old.key, query: INVOICES })).status === 200,
    );
    expect(await fieldsShown(all.gateway(1), old.key)).toEqual(['item', 'invoices', 'mine']);
    // The number is another, what was used is the same: by names, by invoices, and by one more introspection.
    const now = used + 2 * all.gateways.length + 1;
    expect(leftOf(await all.gateway(0).call({ key: old.key }))).toMatchObject({
      quota: 12,
      remaining: 11 - now,
    });
    const rest = await useUp(all, { key: old.key });
    expect([rest.admitted, rest.refused.status]).toEqual([11 - now, 429]);
  });
}
