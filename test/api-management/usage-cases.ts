import { expect, test } from 'vitest';
import { ARTICLE } from './callers.ts';
import type { Deployment } from './deployment.ts';

interface UsageRow {
  readonly consumer: string;
  readonly client: string;
  readonly field: string;
  readonly count: number;
  readonly errors: number;
}

const ofInterest = (rows: readonly UsageRow[]) =>
  rows.map(({ client, field, count, errors }) => [client, field, count, errors]);

/** Who used which field, over all processes. */
export function usageCases(deployment: () => Deployment): void {
  test('usage is told by field and consumer, exactly, also after a restart', {
    timeout: 60_000,
  }, async () => {
    const all = deployment();
    const { key } = await all.createKey('counted', 'open');
    for (let turn = 0; turn < 9; turn++) await all.gateway(turn).call({ key });
    for (let turn = 0; turn < 5; turn++)
      await all.gateway(turn).call({ key, client: 'partners', query: ARTICLE });
    await all.gateway(0).call({ key, query: '{ item(id: "none of ours") { name price } }' });
    const expected = [
      ['partners', 'Article.title', 5, 0],
      ['partners', 'Query.article', 5, 0],
      ['web', 'Item.name', 10, 0],
      ['web', 'Item.price', 1, 0],
      ['web', 'Query.item', 10, 0],
    ];
    const told = async () => ofInterest((await all.hemJson('usage', '--consumer', 'counted')).usage);
    await expect.poll(told, { timeout: 15_000, interval: 200 }).toEqual(expected);
    for (const gateway of all.gateways) {
      const token = await all.operatorToken(gateway);
      const { status, body } = await gateway.api(token, ['GET', '/api/usage?consumer=counted']);
      expect([status, ofInterest(body.usage)]).toEqual([200, expected]);
    }
    const { usage } = await all.hemJson('usage', '--field', 'Item.price');
    expect(usage).toMatchObject([{ consumer: 'counted', client: 'web', count: 1 }]);
    const { unused } = await all.hemJson('usage', '--unused', '--client', 'partners');
    expect(unused).toContainEqual({ client: 'partners', field: 'Article.id', deprecated: false });

    // What was not handed in yet, is when a process stops.
    const last = all.gateways.length - 1;
    await all.gateway(last).call({ key });
    await all.restart(last);
    expected[2]![2] = expected[4]![2] = 11;
    expect(await told()).toEqual(expected);
  });
}
