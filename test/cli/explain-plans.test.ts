/** `hem explain` says what usage plans make of an operation. */
import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { runCommand } from '../support/command.ts';
import { writeConfiguration } from '../support/gateway.ts';

const PLANS = {
  plans: {
    free: {
      clients: ['web'],
      fields: { exclude: ['tag:money'] },
      limits: [
        { name: 'per-minute', limit: 10, per: '1m' },
        { name: 'cost-per-hour', unit: 'cost', limit: 100, per: 'hour' },
      ],
    },
    partner: { clients: ['web', 'other'] },
    elsewhere: { clients: ['other'], limits: [{ name: 'none-of-it', limit: 1, per: '1m' }] },
  },
};

test('explain says what each plan denies, and how often its limits are enough', {
  timeout: 60_000,
}, async () => {
  const view = 'type Query { things: [Thing]  money: Int }  type Thing { name: String }';
  const directory = await writeConfiguration({
    'connectors/things/connector.yml': 'kind: rest\nendpoint: http://things.test',
    'connectors/things/schema.graphql': `
      type Query { things: [Thing] @rest(get: "/things") @listSize(assumedSize: 6)  money: Int @rest(get: "/money") @tag(name: "money") }
      type Thing { name: String }`,
    'schemas/web.graphql': view,
    'clients/web/client.yml': 'auth: { keys: {} }',
    'clients/web/operations/all.graphql': 'query Plain { things { name } } query Rich { money }',
    'schemas/other.graphql': view,
    'clients/other/client.yml': 'auth: { keys: {} }',
    'clients/plans.yml': JSON.stringify(PLANS),
  });
  const explain = async (name: string, ...more: string[]) => {
    const command = ['src/main.ts', 'explain', 'web', 'all', '--name', name, '--config', directory, ...more];
    const { output } = await runCommand([process.execPath, ...command], { env: { PATH: process.env.PATH } });
    return output;
  };
  try {
    const plain = await explain('Plain');
    expect(plain).toContain(
      'Under the plan free it draws 1 on per-minute: 10 requests per 60 s by consumer.',
    );
    expect(plain).toContain(
      'Under the plan free it draws 6 on cost-per-hour: 100 cost per hour by consumer, enough for 16 of it.',
    );
    expect(plain).toContain('Under the plan partner it is granted, without limits of the plan.');
    expect(plain).not.toContain('elsewhere');
    expect(await explain('Rich')).toContain('Under the plan free it may not ask for Query.money.');
    const { plans } = JSON.parse(await explain('Rich', '--format', 'json')) as { plans: unknown };
    expect(plans).toMatchObject([
      { plan: 'free', denied: ['Query.money'], limits: [{ name: 'per-minute', amount: 1, times: 10 }] },
      { plan: 'partner', denied: [], limits: [] },
    ]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
