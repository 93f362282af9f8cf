/** Queries and mutations of GraphQL backends: what is asked for, what comes back, what a failure does. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema } from 'graphql';
import { createHandler } from 'graphql-http/lib/use/http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RIDERS_SDL, RidersBackend } from '../support/backends/graphql-riders.ts';
import { startGateway } from '../support/gateway.ts';

const SCHEMA = `
scalar Long
enum Level { BASIC GOLD }
interface Named { name: String }
type Query {
  rider(id: ID!): Rider @lookup @graphql
  strictRider(id: ID!): Rider @graphql
  riders(first: Int, level: Level): [Rider!] @graphql(query: "all")
  search(text: String!): [Found] @graphql
  named: [Named!] @graphql
  myOrders(first: Int): [Order!] @graphql(query: "viewer.orders")
  echo(value: String, min: Float, ids: [ID!]): String
    @graphql(args: "{ value: $value, list: [1, 2], filter: { min: $min, nested: { ids: $ids } } }")
}
type Mutation {
  addRider(input: NewRider!): Rider @graphql
  rename(id: ID!, name: String!): Rider @graphql(mutation: "riders.rename")
  count: Int @graphql
}
type Rider implements Named @key(fields: "id") {
  id: ID!
  name: String
  level: Level
  points: Long
  address: Address
  city: String @from(path: "address.city")
  orders(first: Int! = 10): [Order!]
  friend: Rider
  secret: String
  broken: [Int]
  dearOrders(min: Float): [Order!] @graphql(query: "ordersOf", args: "{ rider: $parent.id, min: $min }")
}
type Address { city: String  street(upper: Boolean! = false): String }
type Company implements Named { name: String  seats: Int  friend: Company }
type Order { id: ID!  total: Float!  rider: Rider! }
union Found = Rider | Company | Order
input NewRider { name: String!  level: Level = BASIC  tags: [String!] }
`;

/** The graph as it is, without what belongs to connectors alone. */
const VIEW = SCHEMA.replace(/@\w+(\((?:"[^"]*"|[^()"])*\))?/g, '');

function configuration(
  url: string,
  more: { settings?: string; schema?: string; view?: string; spec?: string } = {},
) {
  return {
    files: {
      'connectors/riders/connector.yml': `kind: graphql\nendpoint: \${env:RIDERS_URL}\nspec: riders.graphql\n${more.settings ?? ''}`,
      'connectors/riders/riders.graphql': more.spec ?? RIDERS_SDL,
      'connectors/riders/schema.graphql': more.schema ?? SCHEMA,
      'schemas/web.graphql': more.view ?? VIEW,
      'clients/web/client.yml': '{}',
    },
    env: { RIDERS_URL: url },
  };
}

describe('a GraphQL backend', () => {
  let backend: RidersBackend;

  beforeEach(async () => {
    backend = await RidersBackend.start();
  });

  afterEach(() => backend[Symbol.asyncDispose]());

  test.each(['compiled', 'reference'])('reads no value in a document: %s', async (engine) => {
    const given = configuration(backend.url);
    const files = { ...given.files, 'clients/web/client.yml': `engine: ${engine}\n` };
    await using gateway = await startGateway({ ...given, files });
    const documents = new Set<string>();
    for (const first of [1, 2]) {
      const query =
        'query ($first: Int!) { rider(id: 1) { orders(first: $first) { id } more: orders(first: 3) { id } } }';
      const { body } = await gateway.query('web', query, { variables: { first } });
      expect(body.data?.rider.orders).toHaveLength(first);
      expect(body.data?.rider.more).toHaveLength(3);
      documents.add(backend.requests.at(-1)!.query);
    }
    expect(documents.size).toBe(1);
  });

  test('is asked for nothing but what is selected', async () => {
    await using gateway = await startGateway(configuration(backend.url));
    const { body } = await gateway.query('web', 'query ($id: ID!) { rider(id: $id) { name } }', {
      variables: { id: '1' },
    });
    expect(body).toEqual({ data: { rider: { name: 'Ada' } } });
    expect(backend.requests).toHaveLength(1);
    expect(backend.requests[0]).toMatchObject({
      query: 'query Hem_Query_rider($v0_id: ID!) { rider(id: $v0_id) { name } }',
      variables: { v0_id: '1' },
      headers: {
        accept: 'application/graphql-response+json, application/json',
        'x-request-id': expect.any(String),
      },
    });
  });

  test('gets values as variables, never as text of the document', async () => {
    await using gateway = await startGateway(configuration(backend.url));
    const nasty = '") { name } evil: rider(id: "2';
    const { body } = await gateway.query('web', 'query ($id: ID!) { rider(id: $id) { name } }', {
      variables: { id: nasty },
    });
    expect(body).toEqual({ data: { rider: null } });
    expect(backend.requests[0]?.variables).toEqual({ v0_id: nasty });
    expect(backend.requests[0]?.query).not.toContain('evil');
  });

  test('keeps the digits of its numbers', async () => {
    await using gateway = await startGateway(configuration(backend.url));
    backend.behave = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"data":{"rider":{"points":92233720368547758071}}}');
      return true;
    };
    const { body } = await gateway.query('web', '{ rider(id: 1) { points } }');
    expect(body.data.rider.points).toBe('92233720368547758071');
  });

  test('answers one field under several aliases with different arguments', async () => {
    await using gateway = await startGateway(configuration(backend.url));
    const { body } = await gateway.query(
      'web',
      `query ($few: Int!) {
        rider(id: 1) {
          few: orders(first: $few) { id }
          more: orders(first: 2) { id total }
          orders { id }
          address { loud: street(upper: true) street city }
        }
      }`,
      { variables: { few: 1 } },
    );
    expect(body).toEqual({
      data: {
        rider: {
          few: [{ id: '1-0' }],
          more: [
            { id: '1-0', total: 0 },
            { id: '1-1', total: 10.5 },
          ],
          orders: [{ id: '1-0' }, { id: '1-1' }, { id: '1-2' }],
          address: { loud: 'LONG LANE', street: 'Long lane', city: 'Ghent' },
        },
      },
    });
    expect(backend.requests).toHaveLength(1);
  });

  test('is asked below paths and through lists', async () => {
    await using gateway = await startGateway(configuration(backend.url));
    const { body } = await gateway.query(
      'web',
      '{ riders(first: 3, level: BASIC) { id city friend { name city } } myOrders(first: 1) { id rider { name } } }',
    );
    expect(body).toEqual({
      data: {
        riders: [
          { id: '1', city: 'Ghent', friend: { name: 'Ben', city: 'Ghent' } },
          { id: '3', city: null, friend: { name: 'Dan', city: 'Ghent' } },
          { id: '5', city: 'Ghent', friend: null },
        ],
        myOrders: [{ id: '2-0', rider: { name: 'Ben' } }],
      },
    });
  });

  test('gives unions and interfaces whose members disagree about a field', async () => {
    await using gateway = await startGateway(configuration(backend.url));
    const { body } = await gateway.query(
      'web',
      `{
        search(text: "a") {
          __typename
          ... on Named { name }
          ... on Rider { friend { name } orders(first: 1) { id } }
          ... on Company { friend { name } seats }
          ... on Order { total }
        }
        named { name ... on Rider { other: orders(first: 2) { id } } }
      }`,
    );
    expect(body).toEqual({
      data: {
        search: [
          { __typename: 'Rider', name: 'Ada', friend: { name: 'Ben' }, orders: [{ id: '1-0' }] },
          { __typename: 'Company', name: 'Acme', friend: null, seats: 7 },
          { __typename: 'Order', total: 0 },
          null,
        ],
        named: [{ name: 'Ben', other: [{ id: '2-0' }, { id: '2-1' }] }, { name: null }],
      },
    });
  });

  test('gets literals with what is absent left out', async () => {
    await using gateway = await startGateway(configuration(backend.url));
    const { body } = await gateway.query(
      'web',
      '{ some: echo(value: "v", ids: ["a"]) none: echo full: echo(value: null, min: 1.5) }',
    );
    expect(JSON.parse(body.data.some)).toEqual({
      value: 'v',
      list: [1, 2],
      filter: { nested: { ids: ['a'] } },
    });
    expect(JSON.parse(body.data.none)).toEqual({ list: [1, 2], filter: { nested: {} } });
    expect(JSON.parse(body.data.full)).toEqual({
      value: null,
      list: [1, 2],
      filter: { min: 1.5, nested: {} },
    });
  });

  test('is called once per mutation, in order, and never twice', async () => {
    await using gateway = await startGateway(configuration(backend.url));
    const { body } = await gateway.query(
      'web',
      `mutation ($input: NewRider!) {
        first: count
        second: count
        addRider(input: $input) { id name level }
        rename(id: 2, name: "Bert") { id name }
      }`,
      { variables: { input: { name: 'Flo', level: 'GOLD', tags: ['a'] } } },
    );
    expect(body).toEqual({
      data: {
        first: 1,
        second: 2,
        addRider: { id: '9', name: 'Flo', level: 'GOLD' },
        rename: { id: '2', name: 'Bert' },
      },
    });
    expect(backend.requests.every(({ query }) => query.startsWith('mutation Hem_'))).toBe(true);
  });

  describe('asked for many', () => {
    test('gets one request with each value once', async () => {
      await using gateway = await startGateway(configuration(backend.url));
      const { body } = await gateway.query(
        'web',
        '{ riders(first: 5) { id dearOrders(min: 1) { id } friend { dearOrders(min: 1) { id } } } }',
      );
      expect(body.errors).toBeUndefined();
      expect(body.data.riders.map((rider: { dearOrders: unknown[] }) => rider.dearOrders.length)).toEqual([
        3, 3, 3, 3, 3,
      ]);
      expect(body.data.riders[0].friend.dearOrders[0]).toEqual({ id: '2-0' });
      const calls = backend.requests.filter(({ query }) => query.includes('ordersOf'));
      const asked = calls.flatMap(({ variables }) =>
        Object.entries(variables).flatMap(([name, value]) => (name.endsWith('_rider') ? [value] : [])),
      );
      expect(new Set(asked)).toEqual(new Set(['1', '2', '3', '4', '5']));
      expect(asked).toHaveLength(5);
    });

    test('by a lookup with a list gets the whole list, and answers in any order', async () => {
      const { files, env } = configuration(backend.url, {
        schema: `
          type Query { ridersByIds(ids: [ID!]! @is(field: "id")): [Rider]! @lookup @internal @graphql(query: "riders") }
          type Rider @key(fields: "id") { id: ID!  name: String  self: Rider @graphql(query: "rider") }
        `,
        view: 'type Query { teams(first: Int): [Team!] } type Team { id: ID!  lead: Rider } type Rider { id: ID!  name: String  self: Rider }',
      });
      await using gateway = await startGateway({
        env,
        files: {
          ...files,
          'connectors/teams/connector.yml': `kind: graphql\nendpoint: ${backend.url}\nspec: backend.graphql\n`,
          'connectors/teams/backend.graphql': RIDERS_SDL,
          'connectors/teams/schema.graphql': `
            type Query { teams(first: Int): [Team!] @graphql(query: "all") }
            type Team { id: ID!  lead: Rider @from(path: "{ id: id }") }
            type Rider @key(fields: "id") { id: ID! }
          `,
        },
      });
      const { body } = await gateway.query('web', '{ teams(first: 3) { lead { name self { id } } } }');
      expect(body).toEqual({
        data: {
          teams: [
            { lead: { name: 'Ada', self: { id: '1' } } },
            { lead: { name: 'Ben', self: { id: '2' } } },
            { lead: { name: 'Cleo', self: { id: '3' } } },
          ],
        },
      });
      const lists = backend.requests.filter(({ query }) => query.includes('riders(ids:'));
      expect(lists.map(({ variables }) => variables)).toEqual([{ v0_ids: ['1', '2', '3'] }]);
    });

    test('gets as many requests as batchSize makes', async () => {
      await using gateway = await startGateway(configuration(backend.url, { settings: 'batchSize: 2' }));
      await gateway.query('web', '{ riders(first: 5) { dearOrders { id } } }');
      const sizes = backend.requests
        .filter(({ query }) => query.includes('ordersOf'))
        .map(({ query }) => query.match(/ordersOf\(/g)?.length);
      expect(sizes.sort()).toEqual([1, 2, 2]);
    });

    test('answers the others when one is missing where it promised that none would be', async () => {
      await using gateway = await startGateway(configuration(backend.url));
      const { body } = await gateway.query(
        'web',
        '{ a: strictRider(id: 1) { name } b: strictRider(id: 77) { name } c: strictRider(id: "broken") { name } d: strictRider(id: 2) { name } }',
      );
      expect(body.data).toEqual({ a: { name: 'Ada' }, b: null, c: null, d: { name: 'Ben' } });
      expect(body.errors?.map(({ path }) => path?.[0]).sort()).toEqual(['b', 'c']);
    });
  });

  describe('that fails', () => {
    test('in part leaves the rest, with errors where the nulls are', async () => {
      await using gateway = await startGateway(configuration(backend.url));
      const { body, status } = await gateway.query('web', '{ rider(id: 1) { name secret broken } }');
      expect(status).toBe(200);
      expect(body.data).toEqual({ rider: { name: 'Ada', secret: null, broken: [1, null, 3] } });
      expect(body.errors).toEqual([
        expect.objectContaining({
          path: ['rider', 'secret'],
          extensions: expect.objectContaining({
            code: 'UPSTREAM_DENIED',
            connector: 'riders',
            status: 'UNAUTHENTICATED',
          }),
        }),
        expect.objectContaining({
          path: ['rider', 'broken', 1],
          extensions: expect.objectContaining({ code: 'UPSTREAM_FAILED', connector: 'riders' }),
        }),
      ]);
    });

    test('for one value fails for that value, and hides its text', async () => {
      await using gateway = await startGateway(configuration(backend.url));
      const { body } = await gateway.query(
        'web',
        '{ a: rider(id: 1) { name } b: rider(id: "denied") { name } c: rider(id: "broken") { name } }',
      );
      expect(body.data).toEqual({ a: { name: 'Ada' }, b: null, c: null });
      expect(body.errors?.map(({ extensions }) => extensions.code).sort()).toEqual([
        'UPSTREAM_DENIED',
        'UPSTREAM_FAILED',
      ]);
      expect(JSON.stringify(body)).not.toContain('hunter2');
    });

    test('shows its own error where connector.yml says so', async () => {
      await using gateway = await startGateway(
        configuration(backend.url, { settings: 'errors: { detail: public }' }),
      );
      const { body } = await gateway.query('web', '{ rider(id: "denied") { name } }');
      expect(body.errors?.[0]?.extensions.detail).toEqual({ message: 'not yours', code: 'FORBIDDEN' });
    });

    test.each([
      [503, 'text/html', '<h1>sorry</h1>', 'UPSTREAM_UNAVAILABLE'],
      [401, 'application/json', '{"errors":[{"message":"who?"}]}', 'UPSTREAM_DENIED'],
      [400, 'application/json', '{"errors":[{"message":"no"}]}', 'UPSTREAM_REJECTED'],
      [
        400,
        'application/graphql-response+json',
        '{"errors":[{"message":"no","extensions":{"code":"FORBIDDEN"}}]}',
        'UPSTREAM_DENIED',
      ],
      [
        200,
        'application/json',
        '{"errors":[{"message":"no","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}',
        'UPSTREAM_REJECTED',
      ],
      [200, 'application/json', '{"errors":"many"}', 'UPSTREAM_INVALID'],
      [200, 'application/json', '{"data":{}}', 'UPSTREAM_INVALID'],
      [200, 'application/json', '[]', 'UPSTREAM_INVALID'],
      [200, 'application/json', 'not json', 'UPSTREAM_INVALID'],
      [200, 'text/html', '<h1>a portal</h1>', 'UPSTREAM_INVALID'],
      [302, 'text/html', '', 'UPSTREAM_INVALID'],
      [
        200,
        'application/json',
        '{"data":null,"errors":[{"message":"x","path":["rider"]}]}',
        'UPSTREAM_FAILED',
      ],
      [
        200,
        'application/json',
        '{"data":{"rider":null},"errors":[{"message":"no path"}]}',
        'UPSTREAM_FAILED',
      ],
      [
        200,
        'application/json',
        '{"data":{"rider":null},"errors":[null, 7, {"path":"x","message":{}}]}',
        'UPSTREAM_FAILED',
      ],
      [200, 'application/json', '{"data":{"rider":"Ada"}}', 'UPSTREAM_INVALID'],
    ])('with %i %s %s is %s', async (status, type, text, code) => {
      await using gateway = await startGateway(configuration(backend.url));
      backend.behave = (_request, response) => {
        response.writeHead(status, { 'content-type': type, location: 'http://127.0.0.1:1/' });
        response.end(text);
        return true;
      };
      const { body } = await gateway.query('web', '{ rider(id: 1) { name } }');
      expect(body.data).toEqual({ rider: null });
      expect(body.errors).toHaveLength(1);
      expect(body.errors?.[0]?.extensions).toMatchObject({ code, connector: 'riders' });
    });

    test('with names of prototypes gives data and leaves prototypes alone', async () => {
      await using gateway = await startGateway(configuration(backend.url));
      backend.behave = (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(
          '{"data":{"rider":{"name":"x","__proto__":{"polluted":1}}},"errors":[{"message":"m","path":["__proto__","polluted"]},{"message":"m","path":["rider","constructor","prototype"]}]}',
        );
        return true;
      };
      const { body } = await gateway.query('web', '{ rider(id: 1) { name } }');
      expect(body.data).toEqual({ rider: { name: 'x' } });
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    });

    test('to answer in time', async () => {
      await using gateway = await startGateway(
        configuration(backend.url, { settings: 'timeouts: { request: 100ms }' }),
      );
      backend.behave = () => true;
      const { body } = await gateway.query('web', '{ rider(id: 1) { name } }');
      expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_TIMEOUT', connector: 'riders' });
    });

    test('to be there, and comes back', async () => {
      await using gateway = await startGateway(configuration(backend.url));
      const { port } = backend;
      await backend[Symbol.asyncDispose]();
      const { body } = await gateway.query('web', '{ rider(id: 1) { name } }');
      expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
      backend = await RidersBackend.start(port);
      const again = await gateway.query('web', '{ rider(id: 1) { name } }');
      expect(again.body).toEqual({ data: { rider: { name: 'Ada' } } });
    });
  });

  test('is called without its SDL, too', async () => {
    const schema = `
      scalar Long
      type Query {
        member(id: ID!): Member @lookup @graphql(query: "rider")
        echo(min: Float, value: String, id: ID!): String @graphql(args: "{ value: $value, list: [3], filter: { min: $min, ids: [$id] } }")
        add(who: NewMember): String @graphql(query: "echo", args: "{ value: $who.name }")
        search(text: String!): [Found] @graphql
      }
      type Mutation { addMember(input: NewMember!): Member @graphql(mutation: "addRider") }
      type Member @key(fields: "id") {
        id: ID!
        name: String
        orders(first: Int! = 10): [Order!]
        dearOrders(min: Float): [Order!] @graphql(query: "ordersOf", args: "{ rider: $parent.id, min: $min }")
      }
      type Order { id: ID!  total: Float! }
      type Company { name: String }
      union Found = Member | Company | Order
      input NewMember { name: String! }
    `;
    await using gateway = await startGateway({
      files: {
        'connectors/members/connector.yml': `kind: graphql\nendpoint: ${backend.url}\ntypes: { Member: Rider, NewMember: NewRider }\n`,
        'connectors/members/schema.graphql': schema,
        'schemas/web.graphql': schema.replace(/@\w+(\((?:"[^"]*"|[^()"])*\))?/g, ''),
        'clients/web/client.yml': '{}',
      },
    });
    const { body } = await gateway.query(
      'web',
      `{
        a: member(id: 1) { name orders(first: 1) { id } dearOrders { id } }
        b: member(id: 2) { name }
        echo(value: "x", id: "i")
        add(who: { name: "y" })
        search(text: "a") { __typename ... on Member { name } ... on Company { name } }
      }`,
    );
    expect(body.errors).toBeUndefined();
    expect(body.data).toMatchObject({
      a: { name: 'Ada', orders: [{ id: '1-0' }] },
      b: { name: 'Ben' },
      search: [
        { __typename: 'Member', name: 'Ada' },
        { __typename: 'Company', name: 'Acme' },
        { __typename: 'Order' },
        null,
      ],
    });
    expect(JSON.parse(body.data.echo)).toEqual({ value: 'x', list: [3], filter: { ids: ['i'] } });
    const added = await gateway.query('web', 'mutation { addMember(input: { name: "Gus" }) { name } }');
    expect(added.body).toEqual({ data: { addMember: { name: 'Gus' } } });
  });

  test('may be the reference implementation of GraphQL over HTTP', async () => {
    const schema = buildSchema('type Query { echo(value: String!): String  fail: Int }');
    const rootValue = {
      echo: ({ value }: { value: string }) => value,
      fail: () => {
        throw new Error('hunter2');
      },
    };
    const server = createServer(createHandler({ schema, rootValue }));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      await using gateway = await startGateway({
        files: {
          'connectors/plain/connector.yml': `kind: graphql\nendpoint: http://127.0.0.1:${port}/graphql\n`,
          'connectors/plain/schema.graphql':
            'type Query { echo(value: String): String @graphql  say(value: String!): String @graphql(query: "echo")  fail: Int @graphql }',
          'schemas/web.graphql':
            'type Query { echo(value: String): String  say(value: String!): String  fail: Int }',
          'clients/web/client.yml': '{}',
        },
      });
      const { body } = await gateway.query('web', '{ say(value: "ü") echo(value: "x") fail }');
      expect(body.data).toEqual({ say: 'ü', echo: null, fail: null });
      // The backend wants String!, so it refuses the whole document with 400.
      expect(body.errors).toEqual([
        expect.objectContaining({
          path: ['echo'],
          extensions: expect.objectContaining({ code: 'UPSTREAM_REJECTED', status: '400' }),
        }),
        expect.objectContaining({
          path: ['fail'],
          extensions: expect.objectContaining({ code: 'UPSTREAM_FAILED' }),
        }),
      ]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('gets headers that connector.yml lets through', async () => {
    await using gateway = await startGateway(
      configuration(backend.url, {
        settings:
          'headers: { forward: [x-tenant], set: { x-gateway: hem } }\nauth: { bearer: { token: abc } }',
      }),
    );
    await gateway.query('web', '{ rider(id: 1) { name } }', {
      headers: { 'x-tenant': 't1', 'x-other': 'no' },
    });
    expect(backend.requests[0]?.headers).toMatchObject({
      'x-tenant': 't1',
      'x-gateway': 'hem',
      authorization: 'Bearer abc',
    });
    expect(backend.requests[0]?.headers['x-other']).toBeUndefined();
  });
});
