/** JSON-RPC 2.0 over a websocket, against the server of npm `rpc-websockets`, through a client's endpoint. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RpcBackend, startRpcBackend } from '../support/backends/websocket-rpc.ts';
import { startGateway } from '../support/gateway.ts';

const CONNECTOR = `
kind: websocket
endpoint: \${env:BIKES_URL}
auth: { bearer: { token: "\${env:BIKES_TOKEN}" } }
headers: { set: { x-from: hem } }
subscriptions:
  subscribe: { call: rpc.on, args: "[$topic]" }
  unsubscribe: { call: rpc.off, args: "[$topic]" }
  confirm: { path: "result.'{topic}'", equals: ok }
  event: { topic: notification }
codes: { "4004": not-found }
`;

const CONNECTOR_SCHEMA = `
type Query {
  bike(id: ID!): Bike @lookup @websocket(call: "bikes.get")
  strictBike(id: ID!): Bike @websocket(call: "bikes.get", args: "{ id: $id }")
  bikesByIds(ids: [ID!]! @is(field: "id")): [Bike]! @lookup @internal @websocket(call: "bikes.byIds", select: "found")
  nameLength(name: String!): Int @websocket(call: "bikes.range", args: "[$name]")
  echo(text: String, list: [Int!], deep: Deep): Echo @websocket(call: "echo")
  reserved(text: String): Echo @websocket(call: "echo", args: "{ __proto__: { polluted: $text }, constructor: $text, then: 1 }")
  nothing: Boolean @websocket(call: "bikes.forget")
  failError: Bike @websocket(call: "fail.error")
  failInternal: Bike @websocket(call: "fail.internal")
  failParams: Bike @websocket(call: "fail.params")
  failApplication: Bike @websocket(call: "fail.application")
  failShapeless: Bike @websocket(call: "fail.shapeless")
  failUnknown: Bike @websocket(call: "bikes.nope")
}
type Mutation {
  rename(id: ID!, name: String!): Bike @websocket(call: "bikes.rename")
}
type Subscription {
  moved(what: String!): Moved @websocket(topic: "bike.{what}")
}
type Bike @key(fields: "id") {
  id: ID!
  name: String
  range: Float
  tags: [String!]
  echo(note: String): Echo @websocket(call: "echo")
  echoName: Echo @websocket(call: "echo", args: "[$parent.name]")
}
type Moved { id: ID  to: Int }
type Echo { json: String }
input Deep { a: Int  b: Deep }
`;

const VIEW = `
type Query {
  bike(id: ID!): Bike
  strictBike(id: ID!): Bike
  nameLength(name: String!): Int
  echo(text: String, list: [Int!], deep: Deep): Echo
  reserved(text: String): Echo
  nothing: Boolean
  failError: Bike
  failInternal: Bike
  failParams: Bike
  failApplication: Bike
  failShapeless: Bike
  failUnknown: Bike
}
type Mutation { rename(id: ID!, name: String!): Bike }
type Subscription { moved(what: String!): Moved }
type Bike { id: ID!  name: String  range: Float  tags: [String!]  echo(note: String): Echo  echoName: Echo }
type Moved { id: ID  to: Int }
type Echo { json: String }
input Deep { a: Int  b: Deep }
`;

function configuration(
  backend: RpcBackend,
  changes: { connector?: string; schema?: string; view?: string } = {},
) {
  return {
    files: {
      'connectors/bikes/connector.yml': changes.connector ?? CONNECTOR,
      'connectors/bikes/schema.graphql': changes.schema ?? CONNECTOR_SCHEMA,
      'schemas/web.graphql': changes.view ?? VIEW,
      'clients/web/client.yml': '{}',
    },
    env: { BIKES_URL: backend.url, BIKES_TOKEN: 'secret-token' },
  };
}

describe('a JSON-RPC backend', () => {
  let backend: RpcBackend;
  let gateway: Awaited<ReturnType<typeof startGateway>>;

  beforeAll(async () => {
    backend = await startRpcBackend();
    gateway = await startGateway(configuration(backend));
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();
  });

  async function data(document: string, variables?: Record<string, unknown>) {
    const { body } = await gateway.query('web', document, { variables });
    expect(body.errors).toBeUndefined();
    return body.data;
  }

  test('answers a call with the arguments by name', async () => {
    expect(await data('{ bike(id: "b1") { id name range tags } }')).toEqual({
      bike: { id: 'b1', name: 'Red one', range: 42.5, tags: ['cargo', 'new'] },
    });
  });

  test('gets parameters as a list, an object, or what arguments there are', async () => {
    expect(await data('{ nameLength(name: "four") }')).toEqual({ nameLength: 4 });
    expect(await data('{ echo(text: "a", deep: { b: { a: 1 } }) { json } }')).toEqual({
      echo: { json: '{"text":"a","deep":{"b":{"a":1}}}' },
    });
    expect(await data('{ echo(text: null, list: [1, 2]) { json } }')).toEqual({
      echo: { json: '{"text":null,"list":[1,2]}' },
    });
    expect(await data('{ echo { json } }')).toEqual({ echo: { json: '{}' } });
  });

  test('is fed by the parent: its key, or what the literal says', async () => {
    expect(
      await data('{ bike(id: "b2") { echo(note: "n") { json } bare: echo { json } echoName { json } } }'),
    ).toEqual({
      bike: {
        echo: { json: '{"id":"b2","note":"n"}' },
        bare: { json: '{"id":"b2"}' },
        echoName: { json: '["Blue one"]' },
      },
    });
  });

  test('changes things in mutations', async () => {
    expect(await data('mutation { rename(id: "b1", name: "Green one") { id name } }')).toEqual({
      rename: { id: 'b1', name: 'Green one' },
    });
  });

  test('may answer without a result', async () => {
    expect(await data('{ nothing }')).toEqual({ nothing: null });
  });

  test('carries everything on one connection, with credentials', async () => {
    await Promise.all(
      Array.from({ length: 50 }, (_, index) => data(`{ nameLength(name: "${'x'.repeat(index + 1)}") }`)),
    );
    expect(backend.handshakes).toHaveLength(1);
    expect(backend.handshakes[0]).toMatchObject({ authorization: 'Bearer secret-token', 'x-from': 'hem' });
    expect(backend.handshakes[0]).not.toHaveProperty('sec-websocket-extensions');
  });

  test('matches answers to calls, whatever their order', async () => {
    const names = Array.from({ length: 300 }, (_, index) => 'y'.repeat(300 - index));
    const document = `{ ${names.map((name, index) => (index < 40 ? `n${index}: nameLength(name: "${name}")` : '')).join(' ')} }`;
    expect(Object.values((await data(document)) as object)).toEqual(
      names.slice(0, 40).map((name) => name.length),
    );
  });

  test('has "not found" only where codes say so, and then a lookup is null', async () => {
    expect(await data('{ bike(id: "zz") { id } }')).toEqual({ bike: null });
    const { body } = await gateway.query('web', '{ strictBike(id: "zz") { id } }');
    expect(body.data).toEqual({ strictBike: null });
    expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'UPSTREAM_NOT_FOUND', connector: 'bikes' });
  });

  test.each([
    ['failError', 'UPSTREAM_FAILED'],
    ['failInternal', 'UPSTREAM_FAILED'],
    ['failShapeless', 'UPSTREAM_FAILED'],
    ['failParams', 'UPSTREAM_REJECTED'],
    ['failApplication', 'UPSTREAM_REJECTED'],
    ['failUnknown', 'UPSTREAM_REJECTED'],
  ])('%s gives %s and keeps its detail inside', async (field, code) => {
    const { body } = await gateway.query('web', `{ ${field} { id } nameLength(name: "abc") }`);
    expect(body.data).toEqual({ [field]: null, nameLength: 3 });
    expect(body.errors).toHaveLength(1);
    expect(body.errors?.[0]).toMatchObject({ path: [field], extensions: { code, connector: 'bikes' } });
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });

  test('sends names of prototypes as data', async () => {
    expect(await data('{ reserved(text: "x") { json } }')).toEqual({
      reserved: { json: '{"__proto__":{"polluted":"x"},"constructor":"x","then":1}' },
    });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  describe('topics', () => {
    test('are subscribed to once for all who listen, until the last has left', async () => {
      const first = gateway
        .subscribe('web', 'subscription { moved(what: "moved") { id to } }')
        [Symbol.asyncIterator]();
      const second = gateway
        .subscribe('web', 'subscription { moved(what: "moved") { to } }')
        [Symbol.asyncIterator]();
      const [one, two] = [first.next(), second.next()];
      await expect.poll(() => backend.subscribed('bike.moved')).toBe(1);
      // The second may still be on its way: it gets one of the events at the latest when it is there.
      const ticking = setInterval(() => backend.emit('bike.moved', { id: 'b1', to: 7 }), 20);
      expect((await one).value).toEqual({ data: { moved: { id: 'b1', to: 7 } } });
      expect((await two).value).toEqual({ data: { moved: { to: 7 } } });
      clearInterval(ticking);
      expect(backend.subscribed('bike.moved')).toBe(1);
      await first.return?.();
      await second.return?.();
      await expect.poll(() => backend.subscribed('bike.moved')).toBe(0);
    });

    test('that the backend does not know end in its error', async () => {
      const results: unknown[] = [];
      for await (const result of gateway.subscribe('web', 'subscription { moved(what: "nowhere") { id } }')) {
        results.push(result);
      }
      expect(results).toHaveLength(1);
      expect(results[0]).toMatchObject({
        errors: [{ extensions: { code: 'UPSTREAM_REJECTED', connector: 'bikes' } }],
      });
    });

    test.each([['a.b'], ['*'], ['#'], ['>'], ['a\u0000b'], ['\ud800'], ['']])(
      'cannot be widened by an argument (%j)',
      async (what) => {
        const results: unknown[] = [];
        const document = 'subscription ($what: String!) { moved(what: $what) { id } }';
        for await (const result of gateway.subscribe('web', document, { variables: { what } }))
          results.push(result);
        expect(results).toHaveLength(1);
        expect(results[0]).toMatchObject({ errors: [{ extensions: { code: 'BAD_ARGUMENT' } }] });
      },
    );
  });
});

describe('a configuration', () => {
  async function problemsOf(changes: { connector?: string; schema?: string }) {
    await using backend = await startRpcBackend();
    const configured = configuration(backend, {
      ...changes,
      schema: changes.schema ?? 'type Query { a: Int @websocket(call: "a") }',
      view: 'type Query { a: Int }',
    });
    const error = await startGateway(configured).then(
      async (gateway) => {
        await gateway[Symbol.asyncDispose]();
        throw new Error('the gateway started');
      },
      (error: { problems?: ReadonlyArray<{ rule: string; at: { file: string; line: number } }> }) => error,
    );
    return (error.problems ?? [error as never]).map(
      ({ rule, at }) => `${at.file.split('/').at(-1)}:${at.line} ${rule}`,
    );
  }

  test('with all kinds of mistakes in its bindings names them all', async () => {
    const schema = [
      'type Query {',
      '  a: Int @websocket(call: "a")',
      '  neither: Int @websocket(select: "x")',
      '  topic: Int @websocket(topic: "t")',
      '  both: Int @websocket(call: "a", topic: "t")',
      '  noName: Int @websocket(call: "")',
      '  unused(x: Int, y: Int): Int @websocket(call: "a", args: "{ x: $x }")',
      '  scalar(x: Int): Int @websocket(call: "a", args: "7")',
      '  unknown(x: Int): Int @websocket(call: "a", args: "{ x: $y, x2: $x }")',
      '  broken(x: Int): Int @websocket(call: "a", args: "{ x: $x ")',
      '}',
      'type Subscription {',
      '  called: Int @websocket(call: "a")',
      '  empty: Int @websocket(topic: "")',
      '  left(x: Int): Int @websocket(topic: "t")',
      '  args(x: Int): Int @websocket(topic: "t/{x}", args: "{ x: $x }")',
      '  brace(x: Int): Int @websocket(topic: "t/{x")',
      '}',
    ].join('\n');
    expect(await problemsOf({ schema })).toEqual([
      'schema.graphql:3 websocket-binding',
      'schema.graphql:4 websocket-binding',
      'schema.graphql:5 websocket-binding',
      'schema.graphql:6 websocket-binding',
      'schema.graphql:7 websocket-unused-argument',
      'schema.graphql:8 websocket-args',
      'schema.graphql:8 websocket-unused-argument',
      'schema.graphql:9 unknown-reference',
      'schema.graphql:10 mapping-syntax',
      'schema.graphql:13 websocket-binding',
      'schema.graphql:14 websocket-binding',
      'schema.graphql:15 websocket-unused-argument',
      'schema.graphql:16 websocket-args',
      'schema.graphql:17 mapping-syntax',
    ]);
  });

  test('with mistakes in how it describes messages names them all', async () => {
    const connector = [
      'kind: websocket',
      'endpoint: ws://127.0.0.1:1/#part',
      'headers: { forward: [x-tenant] }',
      'protocol: jsonrpc',
      'envelope:',
      '  request: "{ id: $ids, m: $method }"',
      '  response: { id: "a..b", error: error }',
      'subscriptions:',
      '  subscribe: { message: "{ to: $topic }" }',
      '  unsubscribe: { message: "{ off: $subscription }" }',
      '  subscription: result',
      '  event: { payload: body }',
      'heartbeat: { message: "{ ping: $id }" }',
    ].join('\n');
    const found = await problemsOf({ connector });
    expect(found).toEqual(
      expect.arrayContaining([
        'connector.yml:2 invalid-endpoint',
        'connector.yml:3 websocket-forward',
        'connector.yml:4 websocket-envelope',
        'connector.yml:6 websocket-reference',
        'connector.yml:7 mapping-syntax',
      ]),
    );
  });

  test('with mistakes in its subscriptions names them all', async () => {
    const connector = [
      'kind: websocket',
      'endpoint: ws://127.0.0.1:1/',
      'subscriptions:',
      '  subscribe: { message: "{ to: $topic, x: $wat }" }',
      '  unsubscribe: { call: off, args: "[$subscription]" }',
      '  confirm: { path: "result", equals: ok }',
      '  event: { topic: method, subscription: params.id }',
      'heartbeat: { message: "{ ping: $id }" }',
    ].join('\n');
    expect(await problemsOf({ connector })).toEqual([
      'connector.yml:4 websocket-reference',
      'connector.yml:5 websocket-subscriptions',
      'connector.yml:7 websocket-subscriptions',
      'connector.yml:7 websocket-subscriptions',
      'connector.yml:8 websocket-reference',
    ]);
  });

  test('with unknown keys or values of the wrong shape is refused', async () => {
    const connector = [
      'kind: websocket',
      'endpoint: http://127.0.0.1:1/',
      'heartbeats: none',
      'codes: { "7": gone }',
      'reconnect: { attempts: 0 }',
      'subprotocols: ["a b"]',
      'subscriptions: { subscribe: { call: on } }',
    ].join('\n');
    const found = await problemsOf({ connector });
    for (const line of [3, 4, 5, 6, 7])
      expect(found.some((problem) => problem.startsWith(`connector.yml:${line} `))).toBe(true);
  });

  test('may not tell callers of one topic apart by what the topic does not say', async () => {
    const connector = [
      'kind: websocket',
      'endpoint: ws://127.0.0.1:1/',
      'subscriptions:',
      '  subscribe: { call: on, args: "{ topic: $topic, params: $params }" }',
    ].join('\n');
    const schema = [
      'type Query { a: Int @websocket(call: "a") }',
      'type Subscription {',
      '  wrong(x: Int): Int @websocket(topic: "t", args: "{ x: $x }")',
      '  alsoWrong: Int @websocket(topic: "t", args: "{ who: $claims.sub }")',
      '  right(x: Int): Int @websocket(topic: "t/{x}/{claims.sub}", args: "{ x: $x, who: $claims.sub }")',
      '}',
    ].join('\n');
    expect(await problemsOf({ connector, schema })).toEqual([
      'schema.graphql:3 websocket-args',
      'schema.graphql:4 websocket-args',
    ]);
  });
});
