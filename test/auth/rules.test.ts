/** What rules mean where several meet, and what is answered where something is left out. Both engines, the same answers. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type GraphQLBody, startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { clientYml, newKey, type SigningKey, sign } from './issuer.ts';

const PEOPLE = `
type Query {
  person(id: ID!): Person @lookup @rest(get: "/people/{id}")
  people: [Person!] @rest(get: "/people")
  strict: [Strict!]! @rest(get: "/strict")
  pets: [Pet!]! @rest(get: "/pets")
  boss: Person @rest(get: "/people/1") @requiresScopes(scopes: [["boss"]])
  find(filter: Filter, first: Int): String @rest(get: "/find?name={filter.name}&first={first}")
  graded(grade: Grade = HIGH): String @rest(get: "/find?grade={grade}")
  ungraded(grade: Grade): String @rest(get: "/find?grade={grade}")
  within(wrap: Wrap): String @rest(get: "/find?grade={wrap.grade}")
  claimed(grade: Grade @is(claim: "grade?")): String @rest(get: "/find?grade={grade}")
  owned: Owned @rest(get: "/owned")
  bird: Bird @rest(get: "/bird")
}
type Owned { keeper: Keeper }
type Keeper { name: String }
interface Flying { id: ID! }
type Bird implements Flying { id: ID! }
type Mutation {
  raise(id: ID!): Person @rest(post: "/raise/{id}") @requiresScopes(scopes: [["raise"]])
  greet(id: ID!): Person @rest(post: "/greet/{id}")
}
type Person @key(fields: "id") { id: ID!  name: String }
type Strict { id: ID!  code: String! @requiresScopes(scopes: [["code"]])  tail: String @rest(get: "/tail/{parent.code}") }
interface Pet { id: ID!  chip: String @requiresScopes(scopes: [["chips"]]) }
type Cat implements Pet { id: ID!  chip: String @requiresScopes(scopes: [["cats"]])  lives: Int }
type Dog implements Pet { id: ID!  chip: String }
input Filter { name: String  deep: Deep  all: [Deep!] }
input Deep { grade: Grade  again: Filter }
input Wrap { name: String  grade: Grade = LOW }
enum Grade @requiresScopes(scopes: [["grades"]]) { HIGH LOW }
`;
const PAY = `
extend type Person @key(fields: "id") @requiresScopes(scopes: [["pay", "read"]]) {
  id: ID!
  salary: Int @rest(get: "/salary/{parent.id}")
}
`;
/** `Person` has a rule in one of two connectors, which holds for all of it. */
const VIEW = `
type Query {
  person(id: ID!): Person
  people: [Person!]
  boss: Person
  strict: [Strict!]!
  pets: [Pet!]!
  cats: [Pet!]! @from(field: "pets") @requiresScopes(scopes: [["vet"]])
  find(filter: Filter, first: Int): String
  claimed: String
  graded(grade: Grade): String
  hidden: String @from(field: "graded")
  low(grade: Grade = LOW): String @from(field: "ungraded")
  free(grade: Grade): String @from(field: "ungraded")
  within(wrap: Wrap): String
  wrapped: String @from(field: "within", args: "{ wrap: { name: null } }")
  nameOnly(wrap: NameOnly): String @from(field: "within")
  byClaim: String @from(field: "ungraded", args: "{ grade: $claims.grade? }")
  withinByClaim(name: String): String @from(field: "within", args: "{ wrap: { name: $name, grade: $claims.grade? } }")
  owned: Owned
  flat: String @from(path: "owned.keeper.name")
  bird: Bird
}
type Mutation { raise(id: ID!): Person  greet(id: ID!): Person }
type Person { id: ID!  name: String  salary: Int }
type Strict { id: ID!  code: String!  tail: String }
interface Pet { id: ID!  chip: String }
type Cat implements Pet @authenticated { id: ID!  chip: String  lives: Int }
type Dog implements Pet { id: ID!  chip: String }
type Owned { keeper: Keeper  keeperName: String @from(path: "keeper.name") }
type Keeper @authenticated { name: String }
interface Flying @authenticated { id: ID! }
type Bird implements Flying { id: ID! }
input Filter { name: String  deep: Deep  all: [Deep!] }
input Deep { grade: Grade  again: Filter }
input Wrap { name: String  grade: Grade }
input NameOnly @from(type: "Wrap") { name: String }
enum Grade { HIGH LOW }
`;

let backend: JsonBackend;
let gateway: TestGateway;
let key: SigningKey;

beforeAll(async () => {
  key = await newKey('k1');
  backend = await startJsonBackend(({ path }) => {
    if (path === '/find') return null;
    if (path === '/people') return [{ id: '1', name: 'Ann' }];
    if (path === '/strict')
      return [
        { id: '1', code: 'x' },
        { id: '2', code: 'y' },
      ];
    if (path === '/pets')
      return [
        { __typename: 'Cat', id: 'c', chip: '1', lives: 9 },
        { __typename: 'Dog', id: 'd', chip: '2' },
      ];
    if (path.startsWith('/tail')) return path;
    return path.startsWith('/salary') ? 100 : { id: path.split('/').at(-1), name: 'Ann' };
  });
  const client = (name: string, auth: object, settings: object) => ({
    [`clients/${name}/client.yml`]: clientYml({ keys: [key.publicJwk] }, { auth, client: settings }),
    [`schemas/${name}.graphql`]: VIEW,
  });
  gateway = await startGateway({
    files: {
      'connectors/people/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
      'connectors/people/schema.graphql': PEOPLE,
      'connectors/pay/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
      'connectors/pay/schema.graphql': PAY,
      ...client('reject', {}, {}),
      ...client('compiled', { denied: 'nullify' }, {}),
      ...client('reference', { denied: 'nullify' }, { engine: 'reference' }),
    },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});
beforeEach(() => {
  backend.requests.length = 0;
});

async function ask(
  client: string,
  scope: string | undefined,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<GraphQLBody> {
  const headers: Record<string, string> =
    scope === undefined ? {} : { authorization: `Bearer ${await sign(key, { scope })}` };
  const { body } = await gateway.query(client, query, { headers, variables });
  return JSON.parse(JSON.stringify(body).replace(/"requestId":"[^"]*"/g, '"requestId":"-"'));
}

/** Of both engines, which have to agree. */
async function partly(...[scope, query, variables]: [string | undefined, string, Record<string, unknown>?]) {
  const [compiled, reference] = [
    await ask('compiled', scope, query, variables),
    await ask('reference', scope, query, variables),
  ];
  // Of what is below a null that went up, graphql-js keeps the first error only.
  if (compiled.data !== null) expect(compiled).toEqual(reference);
  else expect(codesOf(compiled)).toEqual(codesOf(reference));
  expect(JSON.stringify(compiled.data)).toBe(JSON.stringify(reference.data));
  return compiled;
}

async function needed(query: string, variables?: Record<string, unknown>): Promise<unknown> {
  const { errors = [] } = await ask('reject', '', query, variables);
  return errors[0]?.extensions.denied ?? 'nothing';
}

const codesOf = ({ errors = [] }: GraphQLBody) => [
  ...new Set(errors.map(({ extensions }) => extensions.code)),
];

describe('rules that meet', () => {
  test('of two connectors on one entity hold for all of it', async () => {
    const scopes = [[['pay', 'read']]];
    expect(await needed('{ person(id: 1) { name } }')).toEqual([
      { coordinate: 'Query.person', scopes },
      { coordinate: 'Person.name', scopes },
    ]);
    expect(await ask('reject', 'read pay', '{ person(id: 1) { name salary } }')).toEqual({
      data: { person: { name: 'Ann', salary: 100 } },
    });
  });

  test('of a field and of its type have to be met both', async () => {
    expect(await needed('{ boss { __typename } }')).toEqual([
      { coordinate: 'Query.boss', scopes: [[['boss']], [['pay', 'read']]] },
    ]);
    expect((await ask('reject', 'boss', '{ boss { __typename } }')).errors).toHaveLength(1);
    expect((await ask('reject', 'pay read', '{ boss { __typename } }')).errors).toHaveLength(1);
    expect(await ask('reject', 'pay read boss', '{ boss { name } }')).toEqual({
      data: { boss: { name: 'Ann' } },
    });
  });

  test('of an interface and of what implements it have to be met both, type by type', async () => {
    expect(await needed('{ pets { ... on Dog { chip } } }')).toEqual([
      { coordinate: 'Dog.chip', scopes: [[['chips']]] },
    ]);
    expect(await needed('{ pets { chip } }')).toEqual([
      { coordinate: 'Cat.chip', scopes: [[['cats']], [['chips']]] },
      { coordinate: 'Dog.chip', scopes: [[['chips']]] },
    ]);
  });

  test('of the view come on top', async () => {
    expect(await needed('{ cats { ... on Dog { id } } }')).toEqual([
      { coordinate: 'Query.cats', scopes: [[['vet']]] },
    ]);
    expect((await ask('reject', undefined, '{ pets { ... on Cat { lives } } }')).errors).toHaveLength(1);
    expect((await ask('reject', '', '{ pets { ... on Cat { lives } } }')).errors).toBeUndefined();
    expect((await ask('reject', undefined, '{ pets { ... on Dog { id } } }')).errors).toBeUndefined();
  });

  test('of what a call reads of its object have to be met, too', async () => {
    const denied = [{ coordinate: 'Strict.tail', scopes: [[['code']]] }];
    expect(await needed('{ strict { tail } }')).toEqual(denied);
    expect(await ask('reject', 'code', '{ strict { tail } }')).toEqual({
      data: { strict: [{ tail: '/tail/x' }, { tail: '/tail/y' }] },
    });
  });

  test.each([
    ['of the connector', '{ graded }'],
    ['of the connector, which the view does not show', '{ hidden }'],
    ['of the view', '{ low }'],
    ['of an input field', '{ within(wrap: {}) }'],
    ['of an input field that the view does not show', '{ nameOnly(wrap: {}) }'],
    ['of an input field that the view locks without', '{ wrapped }'],
  ])('of a default are those of who does not give it: %s', async (_name, query) => {
    const [coordinate] = [`Query.${/\w+/.exec(query)![0]}`];
    expect(await needed(query)).toEqual([{ coordinate, scopes: [[['grades']]] }]);
    expect((await ask('reject', 'grades', query)).errors).toBeUndefined();
  });

  test('of an argument that has no default are those of who gives it', async () => {
    expect(await needed('{ free within }')).toBe('nothing');
    expect(await needed('{ free(grade: LOW) }')).toEqual([
      { coordinate: 'Query.free', scopes: [[['grades']]] },
    ]);
  });

  test('a refusal names all there is at once', async () => {
    const { errors } = await ask('reject', '', '{ boss { id } strict { code } pets { chip } find }');
    expect(
      (errors![0]!.extensions.denied as Array<{ coordinate: string }>).map(({ coordinate }) => coordinate),
    ).toEqual(['Query.boss', 'Person.id', 'Strict.code', 'Cat.chip', 'Dog.chip']);
    expect(errors).toHaveLength(1);
    expect(backend.requests).toEqual([]);
  });
});

describe('arguments', () => {
  test.each([
    ['a literal with it', '{ find(filter: { deep: { grade: LOW } }) }', {}],
    ['deeper', '{ find(filter: { all: [{ again: { all: [{ grade: LOW }] } }] }) }', {}],
    ['a variable inside', 'query ($g: Grade) { find(filter: { deep: { grade: $g } }) }', { g: 'LOW' }],
    ['a variable that could have it', 'query ($f: Filter) { find(filter: $f) }', { f: { name: 'x' } }],
    ['a variable inside that could have it', 'query ($d: [Deep!]) { find(filter: { all: $d }) }', { d: [] }],
  ])('%s needs what the type needs', async (_name, query, variables) => {
    expect(await needed(query, variables)).toEqual([{ coordinate: 'Query.find', scopes: [[['grades']]] }]);
    expect((await ask('reject', 'grades', query, variables)).errors).toBeUndefined();
    expect((await partly('', query, variables)).data).toEqual({ find: null });
  });

  test.each([
    ['none', '{ find }'],
    ['others', '{ find(first: 1) }'],
    ['a literal without it', '{ find(filter: { name: "x", deep: { again: { name: "y" } } }) }'],
    ['null in its place', '{ find(filter: { deep: { grade: null } }) }'],
  ])('%s needs nothing', async (_name, query) => {
    expect(await needed(query)).toBe('nothing');
  });
});

describe('a field that is left out', () => {
  test('is null with an error of its own, and the rest is answered in order', async () => {
    expect(await partly('read pay', '{ find boss { id } people { name } }')).toEqual({
      data: { find: null, boss: null, people: [{ name: 'Ann' }] },
      errors: [
        {
          message: 'This needs the scope (boss) and (pay and read).',
          locations: [{ line: 1, column: 8 }],
          path: ['boss'],
          extensions: {
            code: 'FORBIDDEN',
            coordinate: 'Query.boss',
            scopes: [[['boss']], [['pay', 'read']]],
            requestId: '-',
          },
        },
      ],
    });
  });

  test('takes what cannot be null with it, at each place', async () => {
    const { data, errors } = await partly('', '{ pets { id } strict { id code } }');
    expect(data).toBeNull();
    expect(errors!.map(({ path }) => path)).toContainEqual(['strict', 0, 'code']);
  });

  test('in a list is an error of each', async () => {
    const { data, errors } = await partly('chips', '{ pets { id chip } }');
    expect(data).toEqual({
      pets: [
        { id: 'c', chip: null },
        { id: 'd', chip: '2' },
      ],
    });
    expect(errors).toMatchObject([{ path: ['pets', 0, 'chip'], extensions: { coordinate: 'Cat.chip' } }]);
  });

  test('of a mutation does not run, and the others do, in turn', async () => {
    const { data, errors } = await partly(
      'pay read',
      'mutation { a: greet(id: 1) { id } raise(id: 2) { id } b: greet(id: 3) { id } }',
    );
    expect(data).toEqual({ a: { id: '1' }, raise: null, b: { id: '3' } });
    expect(errors).toMatchObject([{ path: ['raise'], extensions: { code: 'FORBIDDEN' } }]);
    expect(backend.requests.filter((call) => call.includes('raise'))).toEqual([]);
  });

  test('is the same plan for all who lack the same, and another for others', async () => {
    const query = '{ pets { id chip } }';
    for (const scope of ['', 'chips', 'cats chips', '', 'chips', 'cats', 'cats chips'])
      expect((await partly(scope, query)).errors?.length ?? 0).toBe(
        { '': 2, chips: 1, 'cats chips': 0, cats: 2 }[scope],
      );
    expect(codesOf(await partly(undefined, query))).toEqual(['UNAUTHENTICATED']);
    expect(codesOf(await partly('', query))).toEqual(['FORBIDDEN']);
  });

  test('that conditions leave out is no error', async () => {
    const query = 'query ($c: Boolean!) { pets { ... on Dog { id chip @include(if: $c) } } }';
    expect((await partly('', query, { c: false })).errors).toBeUndefined();
    expect((await partly('', query, { c: true })).errors).toHaveLength(1);
    expect((await partly('', query, { c: false })).errors).toBeUndefined();
  });

  test('beside introspection, which runs on the other engine', async () => {
    const { data, errors } = await partly('', '{ __schema { queryType { name } } boss { id } }');
    expect(data).toEqual({ __schema: { queryType: { name: 'Query' } }, boss: null });
    expect(errors).toHaveLength(1);
  });
});

test('conditions of another operation of the document do not count', async () => {
  const document = `
    query A ($c: Boolean!) { find boss @include(if: $c) { id } }
    query B ($d: Boolean!) { boss @skip(if: $d) { id } }`;
  const run = async (operationName: string, variables: Record<string, unknown>) =>
    (await gateway.query('reject', document, { operationName, variables })).status;
  expect(await run('A', { c: false })).toBe(200);
  expect(await run('A', { c: true })).toBe(401);
  expect(await run('A', { c: false, d: false })).toBe(200);
  expect(await run('B', { d: false })).toBe(401);
  expect(await run('B', { d: true })).toBe(200);
});

test('clients read no directive of Hem', async () => {
  const text = await (await gateway.fetch('/reject/schema.graphql')).text();
  expect(text).toContain('type Cat implements Pet {');
  expect(text).not.toMatch(/authenticated|requiresScopes/);
  const { data } = await ask('reject', undefined, '{ __schema { directives { name } } }');
  expect(data.__schema.directives.map(({ name }: { name: string }) => name)).not.toContain('authenticated');
});

test.each([
  ['what a view writes of claims', '{ byClaim }'],
  ['what it writes of claims inside of an object', '{ withinByClaim(name: "x") }'],
  ['what a connector takes of claims', '{ claimed }'],
])('%s has the rule of its type', async (_what, query) => {
  expect(codesOf(await ask('reject', 'other', query))).toEqual(['FORBIDDEN']);
  expect(backend.requests).toEqual([]);
  expect((await ask('reject', 'grades', query)).errors).toBeUndefined();
});

test.each([
  ['a field that leads past a type of the view', '{ flat }'],
  ['a field that leads past it from an object', '{ owned { keeperName } }'],
  ['a field that gives what implements an interface', '{ bird { __typename } }'],
])('%s has the rule that the view gives the type', async (_what, query) => {
  expect(codesOf(await ask('reject', undefined, query))).toEqual(['UNAUTHENTICATED']);
  expect(backend.requests).toEqual([]);
  expect((await ask('reject', 'any', query)).errors).toBeUndefined();
});
