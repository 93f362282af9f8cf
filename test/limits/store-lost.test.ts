/** Limits in Redis, and Redis gone: nobody is refused for that, and nobody waits for it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { PrivateRedis } from '../support/private-redis.ts';
import { answerLibrary, libraryFiles } from './library.ts';
import { readLimits } from './rate-limit.ts';

let backend: JsonBackend;
let redis: PrivateRedis;
const gateways: TestGateway[] = [];

beforeAll(async () => {
  backend = await startJsonBackend(answerLibrary);
  redis = await PrivateRedis.start();
  for (let copy = 0; copy < 2; copy++)
    gateways.push(
      await startGateway({
        files: libraryFiles(
          backend.url,
          {
            shared: 'quotas: [{ name: month, limit: 20, per: month, by: client }]',
            many: 'quotas: [{ name: month, limit: 1000, per: month, by: client }, { name: running, unit: concurrent, limit: 50, by: client }]',
          },
          { hem: `store: { kind: redis, url: "${redis.url}" }` },
        ),
      }),
    );
});
afterAll(async () => {
  for (const gateway of gateways) await gateway[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});

test('two copies share a limit', async () => {
  const all = await Promise.all(
    Array.from({ length: 40 }, (_, index) => gateways[index % 2]!.query('shared', '{ author { name } }')),
  );
  expect(all.filter(({ status }) => status === 200)).toHaveLength(20);
  for (const { status, body, headers } of all) {
    if (status === 200) continue;
    expect({ status, code: body.errors?.[0]?.extensions.code }).toEqual({
      status: 429,
      code: 'LIMIT_EXCEEDED',
    });
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  }
});

test('without Redis all go on, with headers, and without a wait', async () => {
  expect((await gateways[0]!.query('many', '{ plain }')).status).toBe(200);
  await redis.kill();
  const times: number[] = [];
  for (let asked = 0; asked < 50; asked++) {
    const before = performance.now();
    const { status, headers } = await gateways[asked % 2]!.query('many', '{ author { name } }');
    times.push(performance.now() - before);
    expect(status).toBe(200);
    expect(readLimits(headers)).toMatchObject({ month: { quota: 1000 }, running: { quota: 50 } });
  }
  // One command may take 50 ms; waiting for a connection would take seconds.
  expect(times.sort((a, b) => a - b)[25]).toBeLessThan(1000);
  await redis.start();
  await expect.poll(async () => (await gateways[0]!.query('many', '{ plain }')).status).toBe(200);
});
