/** Numbers with more digits than a double holds, wherever they stand: in answers, literals, variables, defaults and views. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';

const NANOSECONDS = '1700000000123000000';
const MAX_INT64 = '9223372036854775807';
const LONG = '0.1000000000000000000001';

let backend: JsonBackend;
let gateway: TestGateway;
let numbers = '[]';

const FIELDS = `
  echo(big: BigInt, bigs: [BigInt!], decimal: Decimal, json: JSON): JSON
  preset(big: BigInt = ${MAX_INT64}, decimal: Decimal = ${LONG}, json: JSON = { a: [${MAX_INT64}, 1.50] }): JSON
  tin(tin: Tin = { big: 2 }): JSON
  ids(id: ID, ids: [ID!], of: Of, decimal: Decimal, json: JSON): JSON
`;
const TIN = `input Of { id: ID of: Of } input Tin { big: BigInt = ${MAX_INT64} decimal: Decimal = ${LONG} bigs: [BigInt!] = [${MAX_INT64}] }`;

beforeAll(async () => {
  backend = await startJsonBackend(({ path, body }) =>
    path === '/numbers' ? `raw:{"bigs":${numbers},"decimals":${numbers}}` : body,
  );
  const body = (fields: string) => `@rest(post: "/echo", body: "${fields}")`;
  const connector = FIELDS.replace(
    /json: JSON\): JSON/,
    (found) => `${found} ${body('{ big: $big, bigs: $bigs, decimal: $decimal, json: $json }')}`,
  )
    .replace(/\] }\): JSON/, (found) => `${found} ${body('{ big: $big, decimal: $decimal, json: $json }')}`)
    .replace(/2 }\): JSON/, (found) => `${found} ${body('$tin')}`)
    .replace(
      /ids\(.*\): JSON/,
      (found) => `${found} ${body('{ id: $id, ids: $ids, of: $of, decimal: $decimal, json: $json }')}`,
    );
  const view = `
    type Query { numbers: Numbers ${FIELDS}
      locked: JSON @from(field: "echo", args: "{ big: ${MAX_INT64}, bigs: [${NANOSECONDS}], decimal: \\"${LONG}\\" }")
      nulled: JSON @from(field: "echo", args: "{ bigs: null }")
    }
    type Numbers { bigs: [BigInt] decimals: [Decimal] } ${TIN}`;
  gateway = await startGateway({
    files: {
      'connectors/numbers/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
      'connectors/numbers/schema.graphql': `
        type Query { numbers: Numbers @rest(get: "/numbers") ${connector} }
        type Numbers { bigs: [BigInt] decimals: [Decimal] } ${TIN}`,
      'clients/compiled/client.yml': '{}',
      'schemas/compiled.graphql': view,
      'clients/reference/client.yml': 'engine: reference',
      'schemas/reference.graphql': view,
    },
  });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});

describe.each(['compiled', 'reference'])('%s', (client) => {
  const ask = async (query: string, variables?: Record<string, unknown>) =>
    (await gateway.query(client, query, variables && { variables })).body;

  test('integers that a double writes exactly are integers, however large', async () => {
    numbers = `[9007199254740992, 10000000000000000, 1e20, 1e21, -1E+22, 3.0, ${MAX_INT64}]`;
    expect(await ask('{ numbers { bigs decimals } }')).toEqual({
      data: {
        numbers: {
          bigs: [
            '9007199254740992',
            '10000000000000000',
            '100000000000000000000',
            '1000000000000000000000',
            '-10000000000000000000000',
            '3',
            MAX_INT64,
          ],
          decimals: [
            '9007199254740992',
            '10000000000000000',
            '100000000000000000000',
            '1e+21',
            '-1e+22',
            '3',
            MAX_INT64,
          ],
        },
      },
    });
    numbers = '[1.5, 1e400]';
    const { data, errors } = await ask('{ numbers { bigs } }');
    expect(data).toEqual({ numbers: { bigs: [null, null] } });
    expect(errors).toHaveLength(2);
  });

  test('literals keep their digits', async () => {
    const { data } = await ask(
      `{ echo(big: ${NANOSECONDS}, bigs: [-9007199254740992, 0], decimal: 1.50, json: { a: [${MAX_INT64}, 1.50, 1e400, 7] }) }`,
    );
    expect(data).toEqual({
      echo: {
        big: NANOSECONDS,
        bigs: ['-9007199254740992', '0'],
        decimal: '1.50',
        json: { a: [MAX_INT64, 1.5, '1e400', 7] },
      },
    });
  });

  test('numbers of variables may have lost digits before, so large ones are refused', async () => {
    const query = 'query ($big: BigInt) { echo(big: $big) }';
    expect((await ask(query, { big: NANOSECONDS })).data).toEqual({ echo: { big: NANOSECONDS } });
    expect((await ask(query, { big: 2 ** 53 - 1 })).data).toEqual({ echo: { big: '9007199254740991' } });
    const { errors } = await ask(query, { big: 2 ** 53 });
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_VARIABLES' } }]);
  });

  test.each([
    ['$id: ID', 'id: $id', '{ "id": 9007199254740993 }'],
    ['$ids: [ID!]', 'ids: $ids', '{ "ids": [1, 9007199254740993] }'],
    ['$ids: [ID!]', 'ids: $ids', '{ "ids": 9007199254740993 }'],
    ['$of: Of', 'of: $of', '{ "of": { "of": { "id": 9007199254740993 } } }'],
    ['$decimal: Decimal', 'decimal: $decimal', '{ "decimal": 9007199254740993 }'],
    ['$json: JSON', 'json: $json', '{ "json": { "a": [1e400] } }', 'beyond all that JSON numbers hold'],
  ])(
    'an id or a decimal that may have been rounded is refused, and what no double is: %s',
    async (definition, given, variables, why = 'send it as a text') => {
      const body = `{ "query": "query (${definition}) { ids(${given}) }", "variables": ${variables} }`;
      const headers = { 'content-type': 'application/json' };
      const before = backend.requests.length;
      const response = await gateway.fetch(`/${client}/graphql`, { method: 'POST', headers, body });
      expect((await response.json()).errors).toMatchObject([
        { message: expect.stringContaining(why), extensions: { code: 'BAD_VARIABLES' } },
      ]);
      expect(backend.requests).toHaveLength(before);
    },
  );

  test('other numbers are as large as they are', async () => {
    const query = 'query ($id: ID, $json: JSON) { ids(id: $id, json: $json) }';
    const { data } = await ask(query, { id: 2 ** 53 - 1, json: [1e20, 1.5] });
    expect(data).toEqual({ ids: { id: '9007199254740991', json: [1e20, 1.5] } });
  });

  test('defaults of connectors keep their digits', async () => {
    expect(await ask('{ preset tin }')).toEqual({
      data: {
        preset: { big: MAX_INT64, decimal: LONG, json: { a: [MAX_INT64, 1.5] } },
        tin: { big: '2', decimal: LONG, bigs: [MAX_INT64] },
      },
    });
  });

  test('what a view locks keeps its digits; a list may be null', async () => {
    expect(await ask('{ locked nulled }')).toEqual({
      data: {
        locked: { big: MAX_INT64, bigs: [NANOSECONDS], decimal: LONG },
        nulled: { bigs: null },
      },
    });
  });
});

test('a default or a locked value that is none of its scalar does not load', async () => {
  const load = (preset: string, args: string) =>
    startGateway({
      files: {
        'connectors/numbers/connector.yml': 'kind: rest\nendpoint: http://numbers.test',
        'connectors/numbers/schema.graphql': `type Query { on(day: Date${preset}, price: Decimal, share: Float): String @rest(get: "/on?day={day}&price={price}&share={share}") }`,
        'clients/web/client.yml': '{}',
        'schemas/web.graphql': `type Query { on: String @from(args: "${args}") }`,
      },
    });
  await expect(load(' = "tomorrow"', '{ }')).rejects.toThrow(/Date cannot represent this value/);
  await expect(load('', '{ day: \\"tomorrow\\" }')).rejects.toThrow(/Date cannot represent this value/);
  await expect(load('', `{ price: ${LONG} }`)).rejects.toThrow(/more digits than a double holds/);
  await expect(load('', '{ share: 1e400 }')).rejects.toThrow(/1e400/);
});
