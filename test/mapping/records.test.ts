/** Reading records through a gateway: functions of mapping.ts, claims, and how plain types read what a double cannot hold. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';

let backend: JsonBackend;
let gateway: TestGateway;

const jwt = {
  issuers: [{ issuer: 'https://id.example', audience: 'web', secret: 'a secret of thirty-two characters' }],
};

beforeAll(async () => {
  backend = await startJsonBackend(
    ({ path }) =>
      path === '/thing' &&
      'raw:{"id":12345678901234567890,"int":2147483648,"float":"1.5","started":10,"ended":25,"__proto__":{"x":1},"constructor":"C"}',
  );
  gateway = await startGateway({
    files: {
      'connectors/things/connector.yml': `kind: rest\nendpoint: ${backend.url}\n`,
      'connectors/things/mapping.ts': `import { minus } from './arithmetic.ts';
export function took(record: unknown): number {
  const { started, ended } = record as { started: number; ended: number };
  return minus(ended, started);
}
export const broken = (): never => { throw new Error('internal words'); };
export function later(): unknown { return Promise.resolve(1); }
`,
      'connectors/things/arithmetic.ts': 'export const minus = (a: number, b: number): number => a - b;\n',
      'connectors/things/schema.graphql': `
        type Query { thing: Thing @rest(get: "/thing") mine(sub: String @is(claim: "sub")): Thing @rest(get: "/thing?of={sub}") }
        type Thing {
          id: ID int: Int float: Float
          took: Int @from(map: "took") broken: Int @from(map: "broken") later: Int @from(map: "later")
          proto: Int @from(path: "__proto__.x") constructor: String hasOwnProperty: String
        }`,
      'schemas/web.graphql':
        'type Query { thing: Thing mine: Thing } type Thing { id: ID int: Int float: Float took: Int broken: Int later: Int proto: Int constructor: String hasOwnProperty: String }',
      'clients/web/client.yml': JSON.stringify({ auth: { jwt } }),
    },
  });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});

async function read(fields: string) {
  const { body } = await gateway.query('web', `{ thing { ${fields} } }`);
  return { thing: body.data.thing, codes: body.errors?.map(({ extensions }) => extensions.code), body };
}

describe('mapping.ts', () => {
  test('computes from the record, with what it imports', async () => {
    expect(await read('took')).toMatchObject({ thing: { took: 15 }, codes: undefined });
  });

  test('an exception fails the field, and its words stay inside', async () => {
    const { thing, codes, body } = await read('took broken');
    expect([thing, codes]).toEqual([{ took: 15, broken: null }, ['UPSTREAM_INVALID']]);
    expect(JSON.stringify(body)).not.toContain('internal words');
  });

  test('a promise is no value', async () => {
    expect(await read('took later')).toMatchObject({
      thing: { took: 15, later: null },
      codes: ['UPSTREAM_INVALID'],
    });
  });
});

test('an ID keeps all digits, an Int that does not fit is an error, a Float reads text', async () => {
  expect(await read('id')).toMatchObject({ thing: { id: '12345678901234567890' } });
  expect(await read('int')).toMatchObject({ thing: { int: null }, codes: ['UPSTREAM_INVALID'] });
  expect(await read('float')).toMatchObject({ thing: { float: 1.5 } });
});

test('names that every object inherits are data', async () => {
  expect((await read('proto constructor hasOwnProperty')).thing).toEqual({
    proto: 1,
    constructor: 'C',
    hasOwnProperty: null,
  });
});

test('an argument from a claim is no argument of the graph, and without the claim nothing is asked', async () => {
  const asked = backend.requests.length;
  const { body } = await gateway.query('web', '{ mine { id } }');
  expect(body.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
  expect(backend.requests.length).toBe(asked);
});
