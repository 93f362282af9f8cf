/** What a backend says for a scalar, right or wrong, comes out as it does where graphql-js judges each value itself. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';

const SCALARS = [
  ...['Int', 'Float', 'Boolean', 'ID', 'String'],
  ...['BigInt', 'Decimal', 'Bytes', 'DateTime', 'Date', 'Time', 'Duration', 'Anything'],
  ...['constructor', 'toString', 'valueOf'],
];
const VALUES: readonly unknown[] = [
  ...[true, false, 0, -1, 1.5, 1e3, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 53, 1e300],
  ...[
    '',
    ' ',
    '7',
    ' 7 ',
    '1.5',
    '1e3',
    '0x10',
    '-0',
    'NaN',
    'Infinity',
    '1e999',
    '2147483648',
    'true',
    'no',
  ],
  ...[
    '2026-11-28',
    '2026-02-30',
    '2026-11-28T08:00:00Z',
    '08:00:00',
    'PT1M',
    '90s',
    'aGVt',
    'a'.repeat(1001),
  ],
  ...[[], [1], {}, { valueOf: 1 }, { toJSON: 'x' }],
];

const SCHEMA = `
  scalar BigInt scalar Decimal scalar Bytes scalar DateTime scalar Date scalar Time scalar Duration scalar Anything
  scalar constructor scalar toString scalar valueOf
  type Query { values: [Value!]! BIND }
  type Value { ${SCALARS.map((name) => `as${name}: ${name} FROM  many${name}: [${name}] LIST`).join('  ')} }`;
const bound = SCHEMA.replace('BIND', '@rest(get: "/values")')
  .replaceAll('FROM', '@from(path: "value")')
  .replaceAll('LIST', '@from(path: "list")');
const plain = SCHEMA.replace(/ (BIND|FROM|LIST)/g, '');

let backend: JsonBackend;
let gateway: TestGateway;

beforeAll(async () => {
  backend = await startJsonBackend(() => VALUES.map((value) => ({ value, list: [value, null, value] })));
  gateway = await startGateway({
    files: {
      'connectors/values/connector.yml': `kind: rest\nendpoint: ${backend.url}\n`,
      'connectors/values/schema.graphql': bound,
      'clients/compiled/client.yml': 'engine: compiled\n',
      'schemas/compiled.graphql': plain,
      'clients/reference/client.yml': 'engine: reference\n',
      'schemas/reference.graphql': plain,
    },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

test.each(SCALARS)('%s', async (name) => {
  const ask = async (client: string) => {
    const { body } = await gateway.query(client, `{ values { one: as${name} many: many${name} } }`);
    const errors = body.errors?.map(({ path, extensions }) => `${path} ${extensions.code}`);
    return { data: body.data, errors: errors?.sort() };
  };
  const compiled = await ask('compiled');
  expect(compiled).toEqual(await ask('reference'));
  expect(compiled.data?.values).toHaveLength(VALUES.length);
});
