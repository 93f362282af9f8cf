/** What plans grant: by coordinate and by tag, and what callers read of the schema under each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema, getIntrospectionQuery, printType, validateSchema } from 'graphql';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { plansSettings } from '../../src/load/settings/plan-settings.ts';
import { type GraphQLBody, startGateway, type TestGateway } from '../support/gateway.ts';
import { ROOT } from '../support/imports.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { clientYml, newKey, type SigningKey, sign } from './issuer.ts';
import { KeyMaker } from './key-maker.ts';

const SHOP = `
type Query {
  item(id: ID!): Item @lookup @rest(get: "/items/{id}")
  prices: [Int!] @rest(get: "/prices") @tag(name: "billing") @tag(name: "slow")
  things: [Thing] @rest(get: "/things")
  found: [Found] @rest(get: "/things")
  filter(by: Filter): Int @rest(get: "/filter?text={by.text}")
}
type Mutation { buy(id: ID!): Item @rest(post: "/buy/{id}") @tag(name: "billing") }
type Item @key(fields: "id") { id: ID!  name: String  bill: Bill }
type Bill @tag(name: "billing") { total: Int  payer: Payer }
type Payer { name: String }
interface Thing { id: ID!  label: String @tag(name: "labels")  rare: Boolean }
type Stone implements Thing { id: ID!  label: String  rare: Boolean  weight: Int }
type Feather implements Thing @tag(name: "light") { id: ID!  label: String  rare: Boolean @requiresScopes(scopes: [["birds"]])  colour: String }
union Found = Stone | Feather
input Filter { text: String  kind: Kind }
enum Kind { HEAVY LIGHT }
`;
const STOCK = `
extend type Item @key(fields: "id") { id: ID!  stock: Int @rest(get: "/stock/{parent.id}") @tag(name: "stock") }
`;
const VIEW = `
type Query {
  item(id: ID!): Item
  costs: [Int!] @from(field: "prices")
  things: [Thing]
  found: [Found]
  filter(by: Filter): Int
}
type Mutation { buy(id: ID!): Item }
type Item {
  id: ID!
  title: String @from(field: "name") @tag(name: "texts")
  bill: Bill
  payerName: String @from(path: "bill.payer.name")
  stock: Int
}
type Bill { total: Int  payer: Payer }
type Payer { name: String }
interface Thing { id: ID!  label: String  rare: Boolean }
type Stone implements Thing { id: ID!  label: String  rare: Boolean  weight: Int }
type Feather implements Thing { id: ID!  label: String  rare: Boolean  colour: String }
union Found = Stone | Feather
input Filter { text: String  kind: Kind }
enum Kind { HEAVY LIGHT }
`;
/** More than schemas are kept for. */
const MANY = Array.from({ length: 25 }, (_, index) => `many-${index}`);
const PLANS = {
  ...Object.fromEntries(
    MANY.map((name) => [name, { clients: ['web'], fields: { exclude: ['Item.stock'] } }]),
  ),
  everything: { clients: ['web', 'nulls', 'reference', 'free'] },
  'no-bills': { clients: ['web', 'nulls', 'reference'], fields: { exclude: ['tag:billing'] } },
  'no-stock': { clients: ['web', 'nulls'], fields: { exclude: ['tag:stock', 'tag:texts'] } },
  'by-name': { clients: ['web', 'nulls'], fields: { exclude: ['Query.filter', 'Item.stock', 'Payer.*'] } },
  some: {
    clients: ['web', 'nulls'],
    fields: { include: ['Query.item', 'Item.*', 'tag:billing'], exclude: ['Item.stock'] },
  },
  'no-labels': { clients: ['web', 'nulls'], fields: { exclude: ['tag:labels'] } },
  'one-label': { clients: ['web', 'nulls'], fields: { exclude: ['Stone.label'] } },
  'no-feathers': { clients: ['web', 'nulls', 'reference'], fields: { exclude: ['tag:light'] } },
  'no-birds': { clients: ['web'] },
  'no-things': { clients: ['web'], fields: { exclude: ['Thing.*', 'Stone.*', 'Feather.*'] } },
  free: { clients: ['free'], fields: { include: ['Query.things', 'Thing.id'] } },
};
/** Of those whose keys are to see all that they are granted. */
const WITHOUT_SCOPES = ['no-feathers', 'no-birds'];
const withScopes = (plans: Readonly<Record<string, object>>) =>
  Object.fromEntries(
    Object.entries(plans).map(([name, plan]) => [
      name,
      WITHOUT_SCOPES.includes(name) ? plan : { ...plan, scopes: ['birds'] },
    ]),
  );

let backend: JsonBackend;
let gateway: TestGateway;
let key: SigningKey;
const texts = new Map<string, string>();

beforeAll(async () => {
  key = await newKey('k1');
  backend = await startJsonBackend(({ path }) => {
    if (path === '/things')
      return [
        { __typename: 'Stone', id: 's', label: 'stone', weight: 5 },
        { __typename: 'Feather', id: 'f', label: 'feather', colour: 'white' },
      ];
    if (path === '/prices') return [1, 2];
    if (/^\/(stock|filter)/.test(path)) return 7;
    return { id: '1', name: 'Lamp', bill: { total: 3, payer: { name: 'Ann' } } };
  });
  const client = (name: string, auth: object, settings: object = {}) => ({
    [`clients/${name}/client.yml`]: clientYml({ keys: [key.publicJwk] }, { auth, client: settings }),
    [`schemas/${name}.graphql`]: VIEW,
  });
  gateway = await startGateway({
    files: {
      'connectors/shop/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
      'connectors/shop/schema.graphql': SHOP,
      'connectors/stock/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
      'connectors/stock/schema.graphql': STOCK,
      ...client('web', { keys: {} }),
      ...client('nulls', { keys: {}, denied: 'nullify' }),
      ...client('reference', { keys: {}, denied: 'nullify' }, { engine: 'reference' }),
      ...client('free', { keys: {}, plan: 'free' }),
      'clients/plans.yml': JSON.stringify({ plans: withScopes(PLANS) }),
    },
  });
  const keys = new KeyMaker(gateway);
  for (const name of Object.keys(PLANS)) texts.set(name, (await keys.make(name)).text);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});
beforeEach(() => {
  backend.requests.length = 0;
});

const headersFor = (plan: string | undefined): Record<string, string> =>
  plan === undefined ? {} : { 'x-api-key': texts.get(plan)! };

async function ask(
  plan: string | undefined,
  query: string,
  { client = 'web', headers = {}, variables = {} } = {},
): Promise<GraphQLBody & { readonly status: number }> {
  const { body, status } = await gateway.query(client, query, {
    headers: { accept: 'application/graphql-response+json', ...headersFor(plan), ...headers },
    variables,
  });
  return { ...body, status };
}

async function sdl(plan: string | undefined, client = 'web'): Promise<string> {
  const response = await gateway.fetch(`/${client}/schema.graphql`, { headers: headersFor(plan) });
  expect(response.status).toBe(200);
  return response.text();
}

describe('a field that the plan does not grant', () => {
  const DENIED: ReadonlyArray<readonly [string, string, readonly string[]]> = [
    ['no-bills', '{ costs }', ['Query.costs']],
    ['no-bills', '{ item(id: "1") { id bill { total } } }', ['Bill.total', 'Item.bill']],
    ['no-bills', '{ item(id: "1") { bill { __typename } } }', ['Item.bill']],
    ['no-bills', '{ item(id: "1") { payerName } }', ['Item.payerName']],
    ['no-bills', 'mutation { buy(id: "1") { id } }', ['Mutation.buy']],
    ['no-stock', '{ item(id: "1") { stock title } }', ['Item.stock', 'Item.title']],
    ['by-name', '{ filter }', ['Query.filter']],
    ['by-name', '{ item(id: "1") { ...S } } fragment S on Item { s: stock }', ['Item.stock']],
    ['by-name', '{ item(id: "1") { bill { payer { __typename } } } }', ['Bill.payer']],
    ['some', '{ things { id } }', ['Query.things', 'Thing.id']],
    ['some', '{ item(id: "1") { stock } }', ['Item.stock']],
    ['no-labels', '{ things { id label } }', ['Feather.label', 'Stone.label']],
    ['no-labels', '{ found { ... on Stone { label } } }', ['Stone.label']],
    ['one-label', '{ things { label } }', ['Stone.label']],
    ['no-feathers', '{ things { ... on Feather { id } } }', ['Feather.id']],
    ['no-feathers', '{ found { ... on Stone { id } ... on Feather { id } } }', ['Feather.id']],
    ['no-things', '{ things { __typename } }', ['Query.things']],
    ['no-things', '{ found { __typename } }', ['Query.found']],
  ];

  test.each(DENIED)('%s: %s', async (plan, query, coordinates) => {
    const { errors, status, data } = await ask(plan, query);
    expect({ status, data, calls: backend.requests }).toEqual({ status: 403, data: undefined, calls: [] });
    const [{ message, extensions }] = errors as [NonNullable<typeof errors>[number]];
    const { denied, code } = extensions as {
      denied: Array<{ coordinate: string; plan: string }>;
      code: string;
    };
    expect(code).toBe('FORBIDDEN');
    expect(denied.map(({ coordinate }) => coordinate).sort()).toEqual([...coordinates].sort());
    expect(denied.every((each) => each.plan === plan)).toBe(true);
    for (const coordinate of coordinates) expect(message).toContain(coordinate);
    expect(message).toContain(`The plan "${plan}" does not grant`);
  });

  test.each([
    ['no-bills', '{ item(id: "1") { id title stock } things { id } }'],
    ['no-bills', '{ item(id: "1") { title bill @skip(if: true) { total } } }'],
    ['no-stock', '{ costs item(id: "1") { bill { total } } }'],
    ['some', '{ costs item(id: "1") { title payerName bill { total } } }'],
    ['one-label', '{ things { id ... on Feather { label } } }'],
    ['no-labels', '{ things { id } found { __typename } }'],
    ['everything', '{ costs item(id: "1") { stock bill { total } } things { label } filter }'],
  ])('%s: not %s', async (plan, query) => {
    const { errors, data, status } = await ask(plan, query);
    expect({ errors, status }).toEqual({ errors: undefined, status: 200 });
    expect(data).toBeDefined();
  });

  test.each(['nulls', 'reference'])(
    'is null where the client %s answers so, without a call',
    async (client) => {
      const { data, errors } = await ask('no-bills', '{ costs item(id: "1") { id bill { total } } }', {
        client,
      });
      expect(data).toEqual({ costs: null, item: { id: '1', bill: null } });
      expect(errors!.map(({ path, extensions: { code, plan } }) => ({ path, code, plan }))).toEqual([
        { path: ['costs'], code: 'FORBIDDEN', plan: 'no-bills' },
        { path: ['item', 'bill'], code: 'FORBIDDEN', plan: 'no-bills' },
      ]);
      expect(backend.requests).toEqual(['GET /items/1']);
    },
  );

  test('of a type that is gone is left out where its interface is asked for, whatever else the client answers', async () => {
    const answers = await Promise.all(
      ['web', 'nulls', 'reference'].map((client) =>
        ask('no-feathers', '{ things { id label } }', { client }),
      ),
    );
    for (const { data, errors } of answers) {
      expect(data).toEqual({ things: [{ id: 's', label: 'stone' }, null] });
      expect(errors!.every(({ extensions: { code } }) => code === 'FORBIDDEN')).toBe(true);
      expect(JSON.stringify(data)).not.toContain('feather');
    }
  });

  test('of a type that is gone asks for no scopes, and is not named', async () => {
    const { data, errors } = await ask('no-feathers', '{ things { id rare } }');
    expect(data).toEqual({ things: [{ id: 's', rare: null }, null] });
    expect(errors!.map(({ path }) => path![1])).not.toContain(0);
    expect(JSON.stringify(errors)).not.toMatch(/Feather|birds/);
    const ofFeathers = await ask('no-birds', '{ things { id rare } }');
    expect(ofFeathers.errors![0]!.extensions.denied).toEqual([
      { coordinate: 'Feather.rare', scopes: [[['birds']]] },
    ]);
  });
});

describe('the schema', () => {
  test.each(
    Object.keys(PLANS).filter((plan) => plan !== 'free' && plan !== 'no-birds' && !MANY.includes(plan)),
  )('under %s is one, and what it shows is what may be asked for', async (plan) => {
    const text = await sdl(plan);
    const schema = buildSchema(text);
    expect(validateSchema(schema)).toEqual([]);
    const { data } = await ask(plan, getIntrospectionQuery());
    const names = (data.__schema.types as Array<{ name: string }>).map(({ name }) => name);
    expect(names.filter((name) => !name.startsWith('__')).sort()).toEqual(
      Object.keys(schema.getTypeMap())
        .filter((name) => !name.startsWith('__'))
        .sort(),
    );
    for (const query of queriesOf(text)) {
      const { errors } = await ask(plan, query);
      // A type behind an interface that is gone arrives as null.
      const refused = (errors ?? []).filter(({ path }) => path === undefined);
      expect({ query, refused }).toEqual({ query, refused: [] });
    }
  });

  test('is the whole one under a plan without exceptions, and for who has none', async () => {
    expect(await sdl('everything')).toBe(await sdl(undefined));
    expect(await sdl(undefined)).toContain('costs: [Int!]');
    expect(await sdl(undefined)).not.toMatch(/@tag|billing/);
  });

  test('leaves out fields, types that nothing leads to, and input types that nothing takes', async () => {
    expect(await sdl('no-bills')).not.toMatch(/costs|Bill|Payer|payerName|Mutation/);
    const byName = await sdl('by-name');
    expect(byName).not.toMatch(/filter|Filter|Kind|stock|Payer\b/);
    // Flattened through a type that is gone it is another field.
    expect(byName).toContain('payerName: String');
    const noFeathers = await sdl('no-feathers');
    expect(noFeathers).not.toMatch(/Feather/);
    expect(noFeathers).toMatch(/union Found = Stone\n/);
    expect(noFeathers).toMatch(/interface Thing \{\n {2}id: ID!\n {2}label: String\n {2}rare: Boolean\n\}/);
    expect(await sdl('one-label')).toMatch(/interface Thing \{\n {2}id: ID!\n {2}rare: Boolean\n\}/);
  });

  test('is made again for a plan that was not asked for lately', async () => {
    const first = await sdl(MANY[0]);
    expect(first).not.toContain('stock');
    for (const plan of [...MANY, ...MANY]) expect(await sdl(plan)).toBe(first);
  });

  test('of a caller without a key is that of the client’s plan', async () => {
    const text = await sdl(undefined, 'free');
    const types = Object.values(buildSchema(text).getTypeMap()).filter(
      ({ astNode }) => astNode !== undefined,
    );
    expect(types.map((type) => printType(type).replaceAll(/\s+/g, ' ')).sort()).toEqual([
      'interface Thing { id: ID! }',
      'type Feather implements Thing { id: ID! }',
      'type Query { things: [Thing] }',
      'type Stone implements Thing { id: ID! }',
    ]);
    expect(await ask(undefined, '{ things { id } }', { client: 'free' })).toMatchObject({ status: 200 });
    const authorization = `Bearer ${await sign(key)}`;
    for (const headers of [{}, { authorization }]) {
      const { errors } = await ask(undefined, '{ costs }', { client: 'free', headers });
      expect(errors![0]!.extensions).toMatchObject({
        code: 'FORBIDDEN',
        denied: [{ coordinate: 'Query.costs', plan: 'free' }],
      });
    }
    expect(
      await ask('everything', '{ costs }', { client: 'free', headers: { authorization } }),
    ).toMatchObject({
      status: 200,
      data: { costs: [1, 2] },
    });
  });

  test('comes together with data in one operation', async () => {
    const query = `query ($name: String!, $id: ID!) {
      first: item(id: $id) { title }
      ...Meta
      __proto__: __type(name: $name) { name }
      last: __typename
    }
    fragment Meta on Query { __schema { queryType { ...Fields } } gone: __type(name: "Bill") { name } }
    fragment Fields on __Type { fields { name } }`;
    const { data, errors } = await ask('no-bills', query, { variables: { name: 'Item', id: '1' } });
    expect(errors).toBeUndefined();
    expect(JSON.stringify(data)).toBe(
      JSON.stringify({
        first: { title: 'Lamp' },
        __schema: { queryType: { fields: ['item', 'things', 'found', 'filter'].map((name) => ({ name })) } },
        gone: null,
        ['__proto__']: { name: 'Item' },
        last: 'Query',
      }),
    );
  });

  test('is not told in parts together with data; alone it comes whole', async () => {
    const accept = 'multipart/mixed;incrementalSpec=v0.2, application/graphql-response+json';
    const headers = { accept };
    const mixed = await ask(
      'no-bills',
      '{ item(id: "1") { id } ... @defer { __schema { queryType { fields { name } } } } }',
      {
        headers,
      },
    );
    expect(mixed.errors![0]!.extensions.code).toBe('BAD_REQUEST');
    const alone = await ask('no-bills', '{ ... @defer { __schema { types { name } } } }', { headers });
    expect(JSON.stringify(alone.data)).toContain('Item');
    expect(JSON.stringify(alone.data)).not.toContain('Bill');
  });
});

describe('a suggestion', () => {
  test('names nothing that the plan does not grant', async () => {
    const cost = await ask('no-bills', '{ cost }');
    expect(cost.errors![0]!.message).toBe('Cannot query field "cost" on type "Query".');
    expect((await ask('everything', '{ cost }')).errors![0]!.message).toMatch(/Did you mean "costs"/);
    expect((await ask('no-bills', '{ thing { id } }')).errors![0]!.message).toMatch(/Did you mean "things"/);
    const type = await ask('no-bills', '{ item(id: "1") { ... on Bil { total } } }');
    expect(JSON.stringify(type.errors)).not.toMatch(/"Bill/);
    const both = await ask('no-bills', '{ cost thing { id } item(id: "1") { titel stok } }');
    expect(both.errors!.map(({ message }) => message.split(' Did you mean ')[1])).toEqual([
      undefined,
      '"things"?',
      '"title"?',
      '"stock"?',
    ]);
    expect(both.errors!.every(({ extensions: { code } }) => code === 'GRAPHQL_VALIDATION_FAILED')).toBe(true);
  });
});

test('the example in docs/plans.md is one', async () => {
  const page = readFileSync(join(ROOT, 'docs/plans.md'), 'utf8');
  const example = /```yaml\n(.*?)```/s.exec(page)![1]!;
  const { plans } = plansSettings.parse(parse(example));
  expect(Object.keys(plans)).toEqual(['free', 'partner']);
});

/** For each root field of an SDL a query of all that it gives, two levels deep. */
function queriesOf(text: string): readonly string[] {
  const schema = buildSchema(text);
  const fieldsOf = (name: string, depth: number): string => {
    const type = schema.getType(name.replaceAll(/[[\]!]/g, ''));
    if (type === undefined || !('getFields' in type) || depth === 0) return '';
    const fields = Object.values(type.getFields()).flatMap((field) => {
      const inner = fieldsOf(String(field.type), depth - 1);
      const named = schema.getType(String(field.type).replaceAll(/[[\]!]/g, ''))!;
      return 'getFields' in named && inner === '' ? [] : [`${field.name} ${inner}`];
    });
    return fields.length === 0 ? '' : `{ ${fields.join(' ')} }`;
  };
  return Object.values(schema.getQueryType()!.getFields()).flatMap(({ name, type, args }) => {
    const inner = fieldsOf(String(type), 3);
    const given = args.some((argument) => argument.name === 'id') ? '(id: "1")' : '';
    return String(type).includes('Found') ? [] : [`{ ${name}${given} ${inner} }`];
  });
}
