/** What is found wrong with GraphQL connectors when loading, with place and suggestion. */
import { describe, expect, test } from 'vitest';
import { ConfigurationError, type Problem } from '../../src/problems.ts';
import { RIDERS_SDL } from '../support/backends/graphql-riders.ts';
import { startGateway } from '../support/gateway.ts';

interface Given {
  readonly settings?: string;
  readonly schema: string;
  readonly view?: string;
  readonly spec?: string;
  /** The schema of a second connector, a REST one. */
  readonly other?: string;
}

/** Problems without those of a view that nobody wrote. */
async function problemsOf({
  settings = 'spec: riders.graphql',
  schema,
  view,
  spec = RIDERS_SDL,
  other,
}: Given): Promise<readonly Problem[]> {
  try {
    await using _gateway = await startGateway({
      files: {
        'connectors/riders/connector.yml': `kind: graphql\nendpoint: http://127.0.0.1:1/\n${settings}\n`,
        'connectors/riders/riders.graphql': spec,
        'connectors/riders/schema.graphql': schema,
        'schemas/web.graphql': view ?? 'type Query { there: String }',
        'clients/web/client.yml': '{}',
        ...(other === undefined
          ? {}
          : {
              'connectors/other/connector.yml': 'kind: rest\nendpoint: http://127.0.0.1:1/\n',
              'connectors/other/schema.graphql': other,
            }),
      },
    });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.filter(({ at }) => at.file.startsWith('connectors/'));
  }
}

function brief({ rule, at, found, hint }: Problem) {
  return { rule, at: `${at.file.split('/').at(-1)}:${at.line}`, found, hint };
}

describe("bindings are checked against the backend's SDL", () => {
  test('all at once', async () => {
    const found = await problemsOf({
      schema: `scalar Long
type Query {
  a(id: ID!): Rider @graphql(query: "ridr")
  b(id: ID!): Rider @graphql(query: "viewer.ordrs", args: "{}")
  c(ident: ID!): Rider @graphql(query: "rider")
  d: Rider @graphql(query: "rider", args: "{ }")
  e(id: ID!, other: Int): Rider @graphql(query: "rider", args: "{ id: $id }")
  f: [Rider] @graphql(query: "rider", args: "{ id: 1 }")
  g: Rider @graphql(mutation: "addRider")
  h: Rider @graphql(query: "rider", entity: "Rider")
  i: String @graphql(query: "echo", args: "3")
  j: String @graphql(query: "echo", args: "{ value: $nobody }")
  k: String @graphql(query: "echo)")
  l(file: Upload): String @graphql(query: "echo", args: "{ value: $file }")
  m: [Found] @graphql(query: "search", args: "{ text: 1 }")
}
type Rider {
  nam: String
  orders(frist: Int): [Order]
  level: Level
  town: String @from(path: "address.town")
  address: String
}
type Order { id: ID! total: Long dear: [Order] @graphql(query: "ordersOf") }
type Compny { seats: Int }
union Found = Compny
enum Level { BASIC GOLD }
`,
    });
    expect(found.map(brief)).toEqual([
      {
        rule: 'graphql-unknown-field',
        at: 'schema.graphql:3',
        found: 'ridr',
        hint: 'did you mean "rider" or "riders"?',
      },
      {
        rule: 'graphql-unknown-field',
        at: 'schema.graphql:4',
        found: 'viewer.ordrs',
        hint: 'did you mean "orders"?',
      },
      { rule: 'graphql-unknown-argument', at: 'schema.graphql:5', found: 'ident', hint: undefined },
      {
        rule: 'graphql-missing-argument',
        at: 'schema.graphql:5',
        found: undefined,
        hint: 'add it to "args"',
      },
      {
        rule: 'graphql-missing-argument',
        at: 'schema.graphql:6',
        found: undefined,
        hint: 'add it to "args"',
      },
      {
        rule: 'graphql-unused-argument',
        at: 'schema.graphql:7',
        found: 'other',
        hint: 'use $other in "args", or remove the argument',
      },
      { rule: 'graphql-type', at: 'schema.graphql:8', found: '[Rider]', hint: undefined },
      { rule: 'graphql-target', at: 'schema.graphql:9', found: 'mutation', hint: undefined },
      { rule: 'graphql-target', at: 'schema.graphql:10', found: 'query and entity', hint: undefined },
      { rule: 'graphql-arguments', at: 'schema.graphql:11', found: undefined, hint: undefined },
      { rule: 'unknown-reference', at: 'schema.graphql:12', found: 'nobody', hint: undefined },
      { rule: 'graphql-target', at: 'schema.graphql:13', found: '"echo)"', hint: undefined },
      {
        rule: 'graphql-upload',
        at: 'schema.graphql:14',
        found: undefined,
        hint: 'take uploads to a REST backend, or as a pass-through route',
      },
      {
        rule: 'graphql-unknown-type',
        at: 'schema.graphql:15',
        found: undefined,
        hint: 'did you mean "Company"?',
      },
      {
        rule: 'graphql-unknown-field',
        at: 'schema.graphql:18',
        found: undefined,
        hint: 'did you mean "name"?',
      },
      {
        rule: 'graphql-unknown-argument',
        at: 'schema.graphql:19',
        found: 'frist',
        hint: 'did you mean "first"?',
      },
      {
        rule: 'graphql-unknown-field',
        at: 'schema.graphql:21',
        found: undefined,
        hint: expect.stringContaining('@from'),
      },
      { rule: 'graphql-type', at: 'schema.graphql:22', found: 'String', hint: undefined },
      {
        rule: 'graphql-missing-argument',
        at: 'schema.graphql:24',
        found: undefined,
        hint: 'add it to "args"',
      },
    ]);
  });

  test('which has to be readable', async () => {
    const found = await problemsOf({
      schema: 'type Query { rider(id: ID!): ID @graphql }',
      spec: 'type Query {\n  rider: }',
    });
    expect(found.map(brief)).toMatchObject([{ rule: 'spec-syntax', at: 'riders.graphql:2' }]);
    const none = await problemsOf({
      schema: 'type Query { rider(id: ID!): ID @graphql }',
      settings: 'spec: rider.graphql',
    });
    expect(none.map(brief)).toMatchObject([
      { rule: 'missing-file', at: 'connector.yml:3', hint: 'did you mean "riders.graphql"?' },
    ]);
  });

  test('and so are names in connector.yml', async () => {
    const schema = 'type Query { count: String @graphql(query: "echo") }';
    const found = await problemsOf({
      schema,
      settings:
        'spec: riders.graphql\ntypes: { Member: Ridr }\nbatchSize: 0\nsubscriptions: { protocol: smoke }\nfederated: true',
    });
    expect(found.map(({ rule }) => rule).sort()).toEqual(['invalid-value', 'invalid-value', 'unknown-key']);
    const types = await problemsOf({ schema, settings: 'spec: riders.graphql\ntypes: { Member: Ridr }' });
    expect(types.map(brief)).toMatchObject([
      { rule: 'graphql-unknown-type', found: 'Ridr', hint: 'did you mean "Rider"?' },
    ]);
  });

  test('without it, types of variables have to be known from elsewhere', async () => {
    const found = await problemsOf({
      settings: '',
      schema: `type Query {
  a: String @graphql(args: "{ me: $claims.sub }")
  b(who: Who): String @graphql(args: "{ names: $who.friends[].name, first: $who.friends[0].name }")
}
type Thing @key(fields: "id") { id: ID!  more: [String] @graphql }
input Who { name: String  friends: [Who!] }
`,
    });
    expect(found.map(brief)).toMatchObject([
      { rule: 'graphql-unknown-type', at: 'schema.graphql:2', hint: expect.stringContaining('spec') },
      { rule: 'graphql-unknown-type', at: 'schema.graphql:3' },
      { rule: 'graphql-missing-argument', at: 'schema.graphql:5' },
    ]);
  });
});

const LINK = (version = '2.7', ...imports: string[]) =>
  `extend schema @link(url: "https://specs.apollo.dev/federation/v${version}", import: [${imports.map((name) => (name.startsWith('{') ? name : `"${name}"`)).join(', ')}])`;

describe('federation subgraphs', () => {
  const federated = (schema: string, view?: string, other?: string) =>
    problemsOf({ settings: 'federation: true', schema, view, other });

  test('whose access rules Hem does not know are refused', async () => {
    const found = await federated(`${LINK('2.7', '@key', '{ name: "@authenticated", as: "@loggedIn" }')}
type Query { open: Int  secret: Int @loggedIn  scoped: Int @federation__requiresScopes(scopes: [["a"]]) }

type Plain @authenticated { id: ID! }
type Thing @key(fields: "id") @federation__policy(policies: [["p"]]) { id: ID! }
`);
    expect(found.map(brief)).toMatchObject([
      { rule: 'federation-guard', at: 'schema.graphql:5', found: expect.stringContaining('policy') },
    ]);
  });

  test('with what Hem cannot do are refused, too', async () => {
    const found =
      await federated(`${LINK('2.9', '@key', '@requires', '@external', '@interfaceObject', '@override', '@context', '@fromContext')}
type Query { things: [Thing] }
type Media @interfaceObject @key(fields: "id") { id: ID!  likes: Int }
type Thing @key(fields: "id") @context(name: "c") {
  id: ID!
  moved: Int @override(from: "old", label: "percent(5)")
  told(size: Int @fromContext(field: "$c { size }")): Int
  grid: [[Cell]] @external
  area: Int @requires(fields: "grid { size }")
  typed: Int @requires(fields: "any { ... on Cell { size } }")
  any: Cell @external
}
type Cell { size: Int @external }
type Keyless { a: Int @external  b: Int @requires(fields: "a") }
type Odd @key(fields: "nope") { id: ID! }
`);
    expect(found.map(brief)).toMatchObject([
      { rule: 'federation-unsupported', at: 'schema.graphql:3', found: '@interfaceObject' },
      { rule: 'federation-unsupported', at: 'schema.graphql:6' },
      { rule: 'federation-unsupported', at: 'schema.graphql:7' },
      { rule: 'federation-requires', at: 'schema.graphql:9' },
      { rule: 'federation-field-set', at: 'schema.graphql:10' },
      { rule: 'federation-requires', at: 'schema.graphql:14' },
      { rule: 'federation-field-set', at: 'schema.graphql:15', found: '"nope"' },
    ]);
  });

  test('need no other description', async () => {
    const found = await problemsOf({
      settings: 'federation: true\nspec: riders.graphql\ntypes: { A: Rider }',
      schema: `${LINK()} type Query { a: Int }`,
    });
    expect(found.map(brief)).toMatchObject([
      { rule: 'graphql-federation', at: 'connector.yml:4' },
      { rule: 'graphql-federation', at: 'connector.yml:5' },
    ]);
  });

  test.each([
    [
      'of version 1, with extended types and shared values',
      `type Query { me: User  _service: _Service!  _entities(representations: [_Any!]!): [_Entity]! }
       extend type Product @key(fields: "upc") { upc: String! @external  weight: Int @external  heavy: Boolean @requires(fields: "weight") }
       type User @key(fields: "id") @key(fields: "email") { id: ID!  email: String  cart: [Product]  money: Money }
       type Money { amount: Int }
       scalar _Any  union _Entity = User | Product  type _Service { sdl: String }
       extend type Product { weightless: Boolean }`,
      'type Query { me: User } type User { id: ID  email: String  money: Money } type Money { amount: Int }',
      'type Query { product(upc: String!): Product @lookup @rest(get: "/{upc}") } type Product @key(fields: "upc") { upc: String!  weight: Int }',
    ],
    [
      'with other names of everything',
      `schema @link(url: "https://specs.apollo.dev/link/v1.0", as: "uses")
              @uses(url: "https://specs.apollo.dev/link/v1.0")
              @link(url: "https://specs.apollo.dev/federation/v2.3", as: "f", import: [{ name: "@key", as: "@id" }])
              @link(url: "https://specs.apollo.dev/inaccessible/v0.2", as: "hidden")
              @link(url: "https://elsewhere.dev/mine/v1.0", import: ["@mine"]) { query: Root  mutation: Changes }
       type Root { thing: Thing @mine  size(of: Size = SMALL): Size }
       type Changes { touch(input: Touch): Thing }
       type Thing @id(fields: "id") @f__shareable { id: ID!  name: String @f__tag(name: "x")  secret: Int @hidden  none: Int @f__external }
       enum Size { SMALL @f__tag(name: "y") LARGE @hidden }
       input Touch @f__tag(name: "z") { name: String @deprecated(reason: "old") @mine }
       directive @mine on FIELD_DEFINITION | INPUT_FIELD_DEFINITION`,
      'type Query { thing: Thing  size(of: Size): Size } type Mutation { touch(input: Touch): Thing } type Thing { id: ID!  name: String } enum Size { SMALL } input Touch { name: String }',
      undefined,
    ],
    [
      'whose interface promises what another subgraph gives',
      `${LINK('2.7', '@key', '@external', '@requires')}
       type Query { all: [Named!]! }
       interface Named { id: ID!  name: String! }
       type A implements Named @key(fields: "id") { id: ID!  name: String! @external  long: Boolean! @requires(fields: "name") }
       type B implements Named { id: ID!  name: String! }`,
      'type Query { all: [Named!]! } interface Named { id: ID! } type A implements Named { id: ID!  name: String  long: Boolean } type B implements Named { id: ID!  name: String! }',
      'type Query { a(id: ID!): A @lookup @rest(get: "/{id}") } type A @key(fields: "id") { id: ID!  name: String }',
    ],
  ])('%s load as they are', async (_, schema, view, other) => {
    expect((await federated(schema, view, other)).map(brief)).toEqual([]);
  });
});
