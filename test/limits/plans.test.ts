/** Limits of plans: one key and one budget, in all clients. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KeyMaker } from '../auth/key-maker.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { answerLibrary, libraryFiles } from './library.ts';
import { readLimits } from './rate-limit.ts';

const PLANS = {
  plans: {
    shared: { clients: ['web', 'mobile'], limits: [{ name: 'hourly', limit: 4, per: '1h' }] },
    single: {
      clients: ['web'],
      limits: [
        { name: 'each-key', limit: 2, per: '1h', by: 'key' },
        { name: 'work', unit: 'cost', limit: 20, per: 'month' },
      ],
    },
    free: { clients: ['web', 'open'], limits: [{ name: 'trial', limit: 3, per: 'day', by: 'ip' }] },
    none: { clients: ['web'] },
    alike: { clients: ['alike'], limits: [{ name: 'hourly', limit: 10, per: '1h' }] },
  },
};

let backend: JsonBackend;
let gateway: TestGateway;
let keys: KeyMaker;

beforeAll(async () => {
  backend = await startJsonBackend(answerLibrary);
  gateway = await startGateway({
    files: {
      ...libraryFiles(backend.url, {
        web: 'auth: { keys: {} }',
        mobile: 'auth: { keys: {} }\nquotas: [{ name: phones, limit: 100, per: 1h, by: client }]',
        open: 'auth: { keys: {}, plan: free }',
        alike:
          'auth: { keys: {} }\nbatching: { max: 5 }\nquotas: [{ name: hourly, limit: 10, per: 1h, by: client }]',
      }),
      // A shadow: no caller knows of it.
      'hem.yml': 'quotas: [{ name: hourly, limit: 1000, per: 1h, by: client, shadow: true }]',
      'clients/plans.yml': JSON.stringify(PLANS),
    },
  });
  keys = new KeyMaker(gateway);
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});

async function ask(client: string, key: string | undefined, query = '{ author { name } }') {
  const headers: Record<string, string> = key === undefined ? {} : { 'x-api-key': key };
  const { status, headers: answered, body } = await gateway.query(client, query, { headers });
  const left = Object.entries(readLimits(answered)).map(([name, { remaining }]) => [name, remaining]);
  return { status, left: Object.fromEntries(left), code: body.errors?.[0]?.extensions.code };
}

describe('a plan’s limit', () => {
  test('is the consumer’s, whichever key, in whichever client', async () => {
    const [one, other] = [(await keys.make('shared')).text, (await keys.make('shared')).text];
    expect(await ask('web', one)).toMatchObject({ status: 200, left: { hourly: 3 } });
    expect(await ask('mobile', one)).toMatchObject({ status: 200, left: { hourly: 2, phones: 99 } });
    expect(await ask('web', other)).toMatchObject({ status: 200, left: { hourly: 1 } });
    expect(await ask('mobile', other)).toMatchObject({ status: 200, left: { hourly: 0, phones: 98 } });
    expect(await ask('web', one)).toMatchObject({ status: 429, code: 'LIMIT_EXCEEDED' });
    // What is refused draws on no other limit.
    expect(await ask('mobile', other)).toMatchObject({ status: 429, left: { hourly: 0, phones: 98 } });
  });

  test('has a name of its own where the client has one of the same, also in a batch', async () => {
    const { text } = await keys.make('alike');
    expect((await ask('alike', undefined)).left).toEqual({ hourly: 9 });
    const operation = { query: '{ author { name } }' };
    const response = await gateway.fetch('/alike/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': text },
      body: JSON.stringify([operation, operation]),
    });
    expect(readLimits(response.headers)).toMatchObject({
      'client/hourly': { quota: 10, remaining: 7 },
      'plan/hourly': { quota: 10, remaining: 8 },
    });
  });

  test('may be each key’s', async () => {
    const [one, other] = [(await keys.make('single')).text, (await keys.make('single')).text];
    expect((await ask('web', one)).left).toEqual({ 'each-key': 1, work: 19 });
    expect((await ask('web', one)).left).toEqual({ 'each-key': 0, work: 18 });
    expect((await ask('web', one)).status).toBe(429);
    expect((await ask('web', other)).left).toEqual({ 'each-key': 1, work: 17 });
  });

  test('holds for callers without a key where a client says so', async () => {
    expect((await ask('open', undefined)).left).toEqual({ trial: 2 });
    expect((await ask('open', undefined)).left).toEqual({ trial: 1 });
    // An address is one, with a key or without.
    const { text } = await keys.make('free');
    expect((await ask('open', text)).left).toEqual({ trial: 0 });
    expect((await ask('web', text)).status).toBe(429);
  });

  test('is not there for plans without, nor for those who have none', async () => {
    const { text } = await keys.make('none');
    expect(await ask('web', text)).toMatchObject({ status: 200, left: {} });
    expect(await ask('web', undefined)).toMatchObject({ status: 200, left: {} });
  });
});
