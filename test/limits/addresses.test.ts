/** Limits by address: of who connected, or of whom a trusted proxy names; IPv6 by network. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EventReader } from '../doors/event-reader.ts';
import { RawSocket } from '../doors/riders.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { answerLibrary, libraryFiles } from './library.ts';
import { readLimits } from './rate-limit.ts';

let backend: JsonBackend;
let trusting: TestGateway;
let direct: TestGateway;

beforeAll(async () => {
  backend = await startJsonBackend(answerLibrary);
  const client = { web: 'batching: { max: 3 }\nquotas: [{ name: address, limit: 100, per: month, by: ip }]' };
  direct = await startGateway({ files: libraryFiles(backend.url, client) });
  trusting = await startGateway({
    files: libraryFiles(backend.url, client, { hem: 'trustedProxies: [127.0.0.1]' }),
  });
});
afterAll(async () => {
  await direct?.[Symbol.asyncDispose]();
  await trusting?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});

async function leftOf(gateway: TestGateway, address: string): Promise<number> {
  const headers = { 'x-forwarded-for': address };
  const answer = await gateway.query('web', '{ plain }', { headers });
  expect(answer.status).toBe(200);
  return readLimits(answer.headers).address!.remaining!;
}

test('what nobody is trusted to say makes no difference', async () => {
  expect(await leftOf(direct, '192.0.2.1')).toBe(99);
  expect(await leftOf(direct, '192.0.2.2')).toBe(98);
});

test('whom a trusted proxy names has a budget of its own', async () => {
  expect(await leftOf(trusting, '192.0.2.1')).toBe(99);
  expect(await leftOf(trusting, '192.0.2.2')).toBe(99);
  expect(await leftOf(trusting, '192.0.2.1')).toBe(98);
});

test('a network of IPv6 is one', async () => {
  expect(await leftOf(trusting, '2001:db8:1:2::1')).toBe(99);
  expect(await leftOf(trusting, '2001:db8:1:2:ffff:ffff:ffff:ffff')).toBe(98);
  expect(await leftOf(trusting, '2001:db8:1:3::1')).toBe(99);
});

test('the same at other doors', async () => {
  const headers = { 'x-forwarded-for': '192.0.2.9', 'content-type': 'application/json' };
  expect(await leftOf(trusting, '192.0.2.9')).toBe(99);
  const batch = await trusting.fetch('/web/graphql', {
    method: 'POST',
    headers,
    body: JSON.stringify([{ query: '{ plain }' }, { query: '{ plain }' }]),
  });
  expect(readLimits(batch.headers).address!.remaining).toBe(97);
  await using socket = await RawSocket.open(trusting, { 'x-forwarded-for': '192.0.2.9' });
  socket.subscribe('1', '{ plain }');
  await socket.until(({ type }) => type === 'complete');
  const events = EventReader.of(
    await trusting.fetch('/web/graphql', {
      method: 'POST',
      headers: { ...headers, accept: 'text/event-stream' },
      body: JSON.stringify({ query: '{ plain }' }),
    }),
  );
  expect(readLimits(events.response.headers).address!.remaining).toBe(95);
  await events.rest();
  expect(await leftOf(trusting, '192.0.2.9')).toBe(94);
});
