/** The repository's own configuration, as who has just cloned it meets it: refused without a key, and let in with the one of the free plan. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startDemo } from '../../demo/start.ts';
import { REPOSITORY } from '../demo/bike-share.ts';
import { readLimits } from '../limits/rate-limit.ts';
import { GatewayProcess, hem } from './gateway-process.ts';

const everything = new AsyncDisposableStack();
const STATION = '{ station(id: "st-01") { name } }';
let gateway: GatewayProcess;
let key: string;

beforeAll(async () => {
  const demo = everything.use(
    await startDemo({
      ports: { stations: 0, fleet: 0, billing: 0, docks: 0, rides: 0, riders: 0, identity: 0 },
      ...{ amqpUrl: false, live: false },
    }),
  );
  const folder = await mkdtemp(join(tmpdir(), 'hem-bike-share-'));
  everything.defer(() => rm(folder, { recursive: true, force: true }));
  const environment = { ...demo.env, HEM_STORE: join(folder, 'store.sqlite') };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  gateway = everything.use(await GatewayProcess.start(REPOSITORY));
  const { code, output } = await hem(REPOSITORY, ...'keys create --consumer acme --plan free'.split(' '));
  expect(code).toBe(0);
  key = /^hem_live_\w+$/m.exec(output)![0];
});
afterAll(async () => {
  await everything.disposeAsync();
  vi.unstubAllEnvs();
});

test.each(['web', 'mobile', 'iot'])('%s answers nobody unknown, and says what to bring', async (client) => {
  const { status, code, body, headers } = await gateway.call({ client, query: STATION });
  expect([status, code]).toEqual([401, 'UNAUTHENTICATED']);
  expect(body.errors![0]!.message).toContain('a key as "x-api-key: …"');
  expect(headers.get('www-authenticate')).toContain('ApiKey header="x-api-key"');
  expect((await fetch(`${gateway.url}/${client}/schema.graphql`)).status).toBe(401);
});

test('the free plan is without money, and without the displays', async () => {
  const query = '{ station(id: "st-01") { rides(first: 1) { rider { balance { amount } } } } }';
  const { status, code, body } = await gateway.call({ key, query });
  expect([status, code]).toEqual([403, 'FORBIDDEN']);
  expect(body.errors![0]!.extensions.denied).toEqual([{ coordinate: 'Rider.balance', plan: 'free' }]);
  const sdl = await fetch(`${gateway.url}/web/schema.graphql`, { headers: { 'x-api-key': key } });
  expect(await sdl.text()).not.toMatch(/balance|invoice/i);
  expect(await gateway.call({ key, client: 'iot' })).toMatchObject({ status: 403, code: 'FORBIDDEN' });
});

test('the free plan gives ten a minute', async () => {
  for (let left = 9; left >= 0; left--) {
    const { status, headers } = await gateway.call({ key, query: STATION });
    expect([status, readLimits(headers)['per-minute']?.remaining]).toEqual([200, left]);
  }
  const { status, code, headers } = await gateway.call({ key, query: STATION });
  expect([status, code]).toEqual([429, 'LIMIT_EXCEEDED']);
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
});
