/** Limits at every door: the same decision, told in the door's own way. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DOORS } from '../auth/doors.ts';
import { atBothDoors } from '../doors/doors.ts';
import { CURRENT, PartReader } from '../doors/part-reader.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { answerLibrary, libraryFiles } from './library.ts';
import { readLimits } from './rate-limit.ts';

let backend: JsonBackend;
let gateway: TestGateway;

const clientOf = (door: string) => door.replaceAll(' ', '-');
const QUERY = '{ author { name } }';

beforeAll(async () => {
  backend = await startJsonBackend(answerLibrary);
  const client = (limits: string) => `batching: { max: 5 }\nuploads: {}\nquotas:\n${limits}`;
  const clients = Object.keys(DOORS).map((door) => [
    clientOf(door),
    // A batch has a second operation.
    client(`  - { name: few, limit: ${door === 'batch' ? 4 : 2}, per: 1h, by: client }`),
  ]);
  gateway = await startGateway({
    files: libraryFiles(backend.url, {
      ...Object.fromEntries(clients),
      twice: client(
        '  - { name: burst, limit: 600, per: 1m, burst: 100, by: client }\n  - { name: month, limit: 10000, per: month, by: ip }',
      ),
      tight: client('  - { name: three, limit: 3, per: 1h, by: client }'),
      later: client('  - { name: five, limit: 5, per: 1h, by: client, unit: cost }'),
      settled: client('  - { name: hundred, limit: 100, per: 1h, by: client, unit: cost }'),
      shown: client('  - { name: one, limit: 1, per: 1h, by: client }'),
    }),
  });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});

describe.each(Object.entries(DOORS))('%s', (name, door) => {
  test('lets two in and refuses the third', async () => {
    const asked = { gateway, client: clientOf(name), query: QUERY, variables: undefined, token: undefined };
    for (const left of [1, 0]) {
      const { status, headers, body } = await door(asked);
      expect(body.data).toEqual({ author: { name: 'Ada' } });
      expect([200, undefined]).toContain(status);
      if (headers !== undefined)
        expect(readLimits(headers)).toMatchObject({ few: { remaining: name === 'batch' ? left * 2 : left } });
    }
    const before = backend.requests.length;
    const { status, headers, body } = await door(asked);
    expect(body).not.toHaveProperty('data');
    const [error] = body.errors ?? [];
    expect(error).toMatchObject({
      message: expect.stringMatching(/^Nothing is left of the limit "few" \(\d requests per 3600 s\)/),
      extensions: {
        code: 'LIMIT_EXCEEDED',
        requestId: expect.any(String),
        type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
        'violated-policies': ['few'],
        limit: {
          name: 'few',
          unit: 'requests',
          by: 'client',
          remaining: 0,
          retryAfterMs: expect.any(Number),
        },
      },
    });
    expect(backend.requests.length).toBe(before);
    if (headers === undefined) return;
    expect([429, undefined]).toContain(status);
    const retryAfter = Number(headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThan(800);
    expect(retryAfter).toBeLessThanOrEqual(1800);
    const { few } = readLimits(headers);
    expect(few).toMatchObject({ window: 3600, remaining: 0 });
    expect(few!.reset).toBeGreaterThanOrEqual(retryAfter);
  });
});

test('both headers name all limits', async () => {
  const { headers } = await gateway.query('twice', QUERY);
  expect(headers.get('ratelimit-policy')).toBe('"burst";q=600;w=60, "month";q=10000;w=2592000');
  const { burst, month } = readLimits(headers);
  expect(burst).toMatchObject({ quota: 600, window: 60, remaining: 99, reset: 1 });
  expect(month).toMatchObject({ quota: 10000, window: 2592000, remaining: 9999 });
  expect(month!.reset).toBeLessThanOrEqual(31 * 86_400);
  expect(headers.get('retry-after')).toBeNull();
});

test('each operation of a batch is decided by itself, and the headers tell of the least that is left', async () => {
  const ask = async (queries: readonly string[]) => {
    const response = await gateway.fetch('/tight/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(queries.map((query) => ({ query }))),
    });
    return { response, body: (await response.json()) as Array<{ data?: unknown; errors?: unknown }> };
  };
  const first = await ask(['{ plain }', '{ a: plain }']);
  expect(readLimits(first.response.headers).three!.remaining).toBe(1);
  const second = await ask(['{ plain }', '{ a: plain }', '{ nothing }']);
  expect(second.response.status).toBe(200);
  expect(second.body.filter(({ data }) => data !== undefined)).toHaveLength(1);
  expect(JSON.stringify(second.body)).toContain('LIMIT_EXCEEDED');
  expect(JSON.stringify(second.body)).toContain('GRAPHQL_VALIDATION_FAILED');
  expect(readLimits(second.response.headers).three!.remaining).toBe(0);
  expect(Number(second.response.headers.get('retry-after'))).toBeGreaterThan(0);
});

test('an answer in parts is one operation, with its whole cost', async () => {
  const query = '{ author { name ... @defer { best { title } } } }';
  const first = await PartReader.open(gateway, query, { client: 'later', accept: CURRENT });
  expect(readLimits(first.response.headers)).toMatchObject({
    five: { quota: 5, unit: 'cost', remaining: 1 },
  });
  expect((await first.rest()).length).toBeGreaterThan(1);
  const second = await PartReader.open(gateway, query, { client: 'later', accept: CURRENT });
  expect(second.response.status).toBe(429);
  expect(JSON.stringify(await second.rest())).toContain('LIMIT_EXCEEDED');
});

test.each([
  ['deferred', '{ plain ... @defer { many { name } } }'],
  ['streamed', '{ many @stream { name } }'],
])('an answer in parts is settled with its last one: %s', async (_name, query) => {
  const remaining = async () => {
    const { headers } = await gateway.query('settled', '{ plain }');
    return readLimits(headers).hundred!.remaining!;
  };
  const before = await remaining();
  const parts = await PartReader.open(gateway, query, { client: 'settled', accept: CURRENT });
  expect(readLimits(parts.response.headers).hundred!.remaining).toBe(before - 30);
  expect((await parts.rest()).length).toBeGreaterThan(1);
  // There were two, of thirty that there could have been.
  await expect.poll(remaining).toBe(before - 2);
});

test('the two doors over HTTP say the same', async () => {
  await gateway.query('shown', '{ plain }');
  const { short, broad } = await atBothDoors(gateway, '/shown/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ plain }' }),
  });
  const plain = (seen: typeof short) => ({
    ...seen,
    headers: Object.keys(seen.headers).sort(),
    text: seen.text.replace(/\d{4,}|in \d+/g, '…'),
  });
  expect(short.status).toBe(429);
  expect(plain(broad)).toEqual(plain(short));
});

test('what is no operation draws on nothing', async () => {
  const before = await gateway.query('twice', QUERY);
  await gateway.query('twice', '{ nothing }');
  await gateway.query('twice', '{');
  await gateway.fetch('/twice/schema.graphql');
  const after = await gateway.query('twice', QUERY);
  const left = ({ headers }: { headers: Headers }) => readLimits(headers).month!.remaining!;
  expect(left(before) - left(after)).toBe(1);
});
