/** What a caller may not see is not asked for, so it uses up nothing that others share. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KeyMaker } from '../auth/key-maker.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { readLimits } from './rate-limit.ts';

const SHOP = `
type Query {
  scarce: Int @rest(get: "/scarce") @quota(limit: 2, window: "1h", per: CLIENT) @authenticated
  thing: Thing @rest(get: "/thing")
  kept: Int @rest(get: "/kept") @quota(limit: 2, window: "1h", per: CLIENT)
}
type Thing { name: String  dear: Int @rest(get: "/dear") @cost(weight: 40) @authenticated }
`;

let backend: JsonBackend;
let gateway: TestGateway;
let known: TestGateway;
let small: TestGateway;

beforeAll(async () => {
  backend = await startJsonBackend(({ path }) => (path === '/thing' ? { name: 'Lamp' } : 7));
  gateway = await startGateway({
    files: {
      'connectors/shop/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
      'connectors/shop/schema.graphql': SHOP,
      'clients/web/client.yml': JSON.stringify({
        auth: { keys: {}, denied: 'nullify' },
        quotas: [{ name: 'work', unit: 'cost', limit: 100, per: '1h', by: 'client' }],
      }),
      'schemas/web.graphql': SHOP.replace(/ @.*?(?=\n| {2}| \})/g, ''),
      'clients/plans.yml': JSON.stringify({
        plans: {
          whole: { clients: ['web'] },
          small: { clients: ['web'], fields: { exclude: ['Query.kept'] } },
        },
      }),
    },
  });
  const keys = new KeyMaker(gateway);
  known = gateway.as({ 'x-api-key': (await keys.make('whole')).text });
  small = gateway.as({ 'x-api-key': (await keys.make('small')).text });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});

test('a quota is left to those who may ask for the field', async () => {
  for (const [caller, field, code] of [
    [gateway, 'scarce', 'UNAUTHENTICATED'],
    [small, 'kept', 'FORBIDDEN'],
  ] as const) {
    for (let count = 0; count < 5; count++) {
      const { body, headers } = await caller.query('web', `{ a: ${field} b: ${field} }`);
      expect(body.data).toEqual({ a: null, b: null });
      expect(body.errors!.map(({ extensions }) => extensions.code)).toEqual([code, code]);
      expect(Object.keys(readLimits(headers))).toEqual(['work']);
    }
    const { body, headers } = await known.query('web', `{ a: ${field} b: ${field} }`);
    expect(body).toEqual({ data: { a: 7, b: 7 } });
    expect(readLimits(headers)[`Query.${field}`]?.remaining).toBe(0);
  }
});

test('it costs nothing, neither before nor after', async () => {
  const left = async (caller: TestGateway) =>
    readLimits((await caller.query('web', '{ thing { name dear } }')).headers).work!.remaining!;
  const first = await left(gateway);
  expect(first - (await left(gateway))).toBe(1);
  const second = await left(gateway);
  expect(second - (await left(known))).toBe(41);
});
