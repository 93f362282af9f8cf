/** Mistakes in gRPC connectors: all at once, each with its place and what to do. */
import { readFileSync } from 'node:fs';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import { describe, expect, test } from 'vitest';
import { ConfigurationError, formatProblems, type Problem } from '../../src/problems.ts';
import { protoFile } from '../support/backends/grpc/server.ts';
import { shapesFiles } from '../support/backends/grpc/shapes-gateway.ts';
import { startGateway } from '../support/gateway.ts';

type Files = Record<string, string | Buffer>;

const BASE = shapesFiles();
const CONNECTOR = 'connectors/shapes/connector.yml';
const SCHEMA = 'connectors/shapes/schema.graphql';

async function problemsOf(files: Files, endpoint = 'grpc://127.0.0.1:1'): Promise<readonly Problem[]> {
  try {
    const gateway = await startGateway({ files: { ...BASE, ...files }, env: { SHAPES_URL: endpoint } });
    await gateway[Symbol.asyncDispose]();
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
}

/** Problems of a schema that is nothing but these lines, with the view left as it is. */
async function schemaProblems(sdl: string): Promise<string> {
  const problems = await problemsOf({ [SCHEMA]: sdl });
  return formatProblems(problems.filter(({ at }) => at.file === SCHEMA));
}

const call = (method: string, rest = '') => `@grpc(method: "shapes.v1.Shapes/${method}"${rest})`;

describe('methods', () => {
  test('that do not exist, with what is meant', async () => {
    const text = await schemaProblems(
      `type Query { a: JSON ${call('GetThink')} b: JSON @grpc(method: "shape.v1.Shapes/Echo") }`,
    );
    expect(text).toMatch(
      /schema.graphql:1:\d+ {2}grpc-unknown-method\n.*no such method.\n {2}found +"shapes.v1.Shapes\/GetThink"\n {2}expected +shapes.v1.Shapes\/Echo, .*\n {2}hint +did you mean "GetThing"/,
    );
    expect(text).toContain('did you mean "shapes.v1.Shapes/Echo"?');
  });

  test('of another kind than the field', async () => {
    const text = await schemaProblems(`
      type Query { a: JSON ${call('Watch')} b: JSON ${call('Upload')} c: JSON ${call('Converse')} }
      type Subscription { d: JSON ${call('Echo')} e: JSON ${call('Upload')} }
    `);
    expect(text).toContain('Watch answers with a stream, and Query.a takes one answer.');
    expect(text).toContain('bind it to a field of Subscription');
    expect(text).toContain('Converse answers with a stream, and Query.c takes one answer.');
    expect(text).toContain('Echo gives one answer, and Subscription.d is a subscription.');
    expect(text.match(/Upload takes a stream of requests/g)).toHaveLength(2);
  });
});

describe('requests', () => {
  test('arguments that fit nothing', async () => {
    const text = await schemaProblems(`
      type Query {
        a(idd: ID!): JSON ${call('GetThing')}
        b(ids: ID!): JSON ${call('ThingsById')}
        c(id: [ID!]!): JSON ${call('GetThing')}
        d(filter: Filter): JSON ${call('ListThings')}
        e(color: Color): JSON ${call('SaveThing')}
        f(nested: ID): JSON ${call('Echo')}
        g(id: ID!, tenant: String): JSON ${call('GetThing', ', args: "{ id: $id }"')}
        h(id: ID!, tenant: String): JSON ${call('GetThing', ', metadata: [{ name: "x-tenant", value: "{tenant}" }]')}
      }
      input Filter { colour: Color namePrefix: [String!] }
      enum Color { RED PURPLE TEAL @from(value: "GREEN") }
    `);
    expect(text).toContain(
      'shapes.v1.GetThingRequest has no field "idd", which the argument "idd" would fill.',
    );
    expect(text).toContain('did you mean "id"?');
    expect(text).toContain(
      'The argument "ids" is no list in the schema, and the request has a list of string there.',
    );
    expect(text).toContain('The argument "id" is a list in the schema, and the request has string there.');
    expect(text).toContain(
      'shapes.v1.ListThingsRequest.Filter has no field "colour", which Filter.colour would fill.',
    );
    expect(text).toContain('did you mean "color"?');
    expect(text).toContain('Filter.namePrefix is a list in the schema');
    expect(text).toContain('Color has no value "PURPLE", which Color.PURPLE would send.');
    expect(text).not.toContain('TEAL');
    expect(text).toContain(
      'The argument "nested" is ID in the schema, and the request has shapes.v1.Everything.Nested there.',
    );
    expect(text).toContain('Query.g has arguments that the request does not use.');
    expect(text).not.toContain('Query.h');
  });

  test('names and constants in literals, at their places', async () => {
    const text = await schemaProblems(
      [
        'type Query {',
        `  a(id: ID!): JSON ${call('GetThing', ', args: "{ idd: $id }"')}`,
        `  b(id: ID!): JSON ${call('ListThings', ', args: "{ filter: { color: $id, nam: 1 } }"')}`,
        `  c: JSON ${call('ListThings', ', args: "{ filter: { color: PURPLE } }"')}`,
        `  d: JSON ${call('ListThings', ', args: "{ first: 99999999999 }"')}`,
        `  e: JSON ${call('Echo', ', args: "{ at: \\"yesterday\\" }"')}`,
        '}',
      ].join('\n'),
    );
    const at = (line: number, column: number) => `${SCHEMA}:${line}:${column}  `;
    expect(text).toContain(`${at(2, 72)}grpc-unknown-field\n  shapes.v1.GetThingRequest has no field "idd".`);
    expect(text).toContain(
      `${at(3, 96)}grpc-unknown-field\n  shapes.v1.ListThingsRequest.Filter has no field "nam".`,
    );
    expect(text).toContain('"filter.color" must be one of COLOR_UNSPECIFIED, RED, GREEN, BLUE.');
    expect(text).toContain('"first" must be a whole number from -2147483648 to 2147483647.');
    expect(text).toContain('"at" must be a time such as');
  });

  test('metadata names', async () => {
    const text = await schemaProblems(
      `type Query { a: JSON ${call('CountThings', ', metadata: [{ name: "grpc-timeout", value: "1" }, { name: "a b", value: "x" }, { name: "x", value: "{nope}" }]')} }`,
    );
    expect(text.match(/grpc-metadata/g)).toHaveLength(2);
    expect(text).toContain('has no argument "nope"');
  });
});

describe('answers', () => {
  test('fields that the message does not have, where the schema names them', async () => {
    const text = await schemaProblems(
      [
        'type Query {',
        `  thing(id: ID!): Thing @lookup ${call('GetThing')}`,
        `  things: [Thing!] ${call('ListThings')}`,
        `  all: Page ${call('ListThings')}`,
        '}',
        'type Thing @key(fields: "id") {',
        '  id: ID!',
        '  nam: String',
        '  serial: BigInt @from(path: "serialNumber")',
        '  radius: Float @from(path: "circle.radios")',
        '  shape: Shape @from(path: ".")',
        '  seenAt: Seen',
        '  color: Color',
        '  partsOf: [String!] @from(path: "things[].id")',
        '}',
        'type Page { things: Thing total: [Int!] }',
        'type Seen { seconds: BigInt }',
        'union Shape @discriminator(property: "shape", mapping: [{ value: "circle", type: "Circle" }, { value: "cube", type: "Square" }], nested: true) = Circle | Square',
        'type Circle { radius: Float! diameter: Float }',
        'type Square { side: Float! }',
        'enum Color { RED YELLOW }',
      ].join('\n'),
    );
    const at = (line: number, column: number) => `${SCHEMA}:${line}:${column}  `;
    expect(text).toContain(
      `${at(8, 3)}grpc-unknown-field\n  shapes.v1.Thing has no field "nam", which Thing.nam reads.`,
    );
    expect(text).toContain('did you mean "name"?');
    expect(text).toContain(
      `${at(10, 17)}grpc-unknown-field\n  shapes.v1.Circle has no field "radios", which Thing.radius reads.`,
    );
    expect(text).toContain(
      `${at(12, 3)}grpc-type\n  Thing.seenAt is an object in the schema, and the backend answers google.protobuf.Timestamp.`,
    );
    expect(text).toContain(`${at(14, 22)}grpc-unknown-field\n  shapes.v1.Thing has no field "things"`);
    expect(text).toContain(`${at(16, 13)}grpc-type\n  Page.things is no list in the schema`);
    expect(text).toContain('Page.total is a list in the schema, and the backend answers int32.');
    expect(text).toContain('The oneof "shape" has no member "cube".');
    expect(text).toContain('shapes.v1.Circle has no field "diameter"');
    expect(text).toContain(
      `${at(21, 18)}grpc-unknown-value\n  Color has no value "YELLOW", so Color.YELLOW would never arrive.`,
    );
    expect(text).not.toContain('Thing.serial reads');
  });

  test('selections', async () => {
    const text = await schemaProblems(`
      type Query {
        a: Int ${call('ListThings')}
        b: Int ${call('ListThings', ', select: "totl"')}
        c: Int ${call('ListThings', ', select: "things"')}
        d: [Int!] ${call('CountThings')}
        e: [String!] ${call('Echo')}
        f: [String!] ${call('ListThings', ', select: "things[].name"')}
        g: Boolean ${call('DeleteThing', ', args: "{}"')}
        h: BigInt ${call('CountThings')}
      }
    `);
    expect(text).toContain('Query.a is Int in the schema, and the backend answers shapes.v1.Things.');
    expect(text).toContain('name the part with "select": things, total');
    expect(text).toContain('shapes.v1.Things has no field "totl".');
    expect(text).toContain('did you mean "total"?');
    expect(text).toContain(
      'Query.c is Int in the schema, and the backend answers a list of shapes.v1.Thing.',
    );
    expect(text).toContain('Query.d is a list in the schema, and the backend answers int64.');
    expect(text).toContain('Query.e is a list, and shapes.v1.Everything has several.');
    for (const name of 'fgh') expect(text).not.toContain(`Query.${name}`);
  });

  test('an entity elsewhere than at its lookup may be its key alone', async () => {
    const problems = await problemsOf({
      [SCHEMA]: `
        type Query { thing(id: ID!): Thing @lookup ${call('GetThing')} page: Page ${call('ListThings')} price: Price @grpc(method: "shapes.v1.Shapes/Echo", select: "price") }
        type Page { things: [Thing!] }
        type Thing @key(fields: "id") { id: ID! name: String }
        type Price @key(fields: "currencyCode") { currencyCode: String! name: String }
      `,
    });
    expect(formatProblems(problems)).not.toMatch(/grpc-/);
  });
});

describe('the description', () => {
  test.each<[string, string, RegExp]>([
    ['none', '', /neither/],
    ['two', 'proto: shapes.proto\ndescriptors: shapes.pb', /both/],
    [
      'no such file',
      'proto: shape.proto',
      /There is no file "shape.proto"[\s\S]*did you mean "shapes.proto"/,
    ],
    ['outside', 'proto: ../../hem.proto', /leads out/],
    ['an empty folder', 'proto: common/none', /none/],
    ['no descriptor set', 'descriptors: shapes.proto', /"shapes.proto" is not a descriptor set/],
    ['an unknown key', 'proto: shapes.proto\nprotto: x', /protto/],
    ['pauses that shrink', 'proto: shapes.proto\nreconnect: { min: 2s, max: 1s }', /not above "max"/],
  ])('%s', async (_what, lines, expected) => {
    const problems = await problemsOf({
      [CONNECTOR]: `kind: grpc\nendpoint: \${env:SHAPES_URL}\n${lines}\n`,
    });
    expect(formatProblems(problems.filter(({ at }) => at.file === CONNECTOR))).toMatch(expected);
  });

  test.each([
    ['grpc://127.0.0.1', /a host and a port/],
    ['grpc://127.0.0.1:1/path', /a host and a port/],
    ['http://127.0.0.1:1', /invalid-endpoint[\s\S]*grpc:\/\//],
  ])('the endpoint %s', async (endpoint, expected) => {
    expect(formatProblems(await problemsOf({}, endpoint))).toMatch(expected);
  });

  test('tls without TLS', async () => {
    const problems = await problemsOf(shapesFiles({ settings: 'tls: { serverName: x }' }));
    expect(formatProblems(problems)).toMatch(/"tls" has no effect/);
  });

  test('syntax, at its line', async () => {
    const text = 'syntax = "proto3";\npackage a;\nmessage A {\n  strin name = ;\n}\n';
    const problems = await problemsOf({ 'connectors/shapes/shapes.proto': text });
    expect(problems).toMatchObject([
      { rule: 'spec-syntax', at: { file: 'connectors/shapes/shapes.proto', line: 4 } },
    ]);
  });

  test('imports that are missing or lead outside, all at once', async () => {
    const text =
      'syntax = "proto3";\nimport "gogoproto/gogo.proto";\nimport "../other/x.proto";\nimport "google/api/annotations.proto";\nimport "google/protobuf/any.proto";\n';
    const problems = await problemsOf({ 'connectors/shapes/shapes.proto': text });
    expect(problems.map(({ rule, at, found }) => [rule, at.line, found])).toEqual([
      ['grpc-import', 2, '"gogoproto/gogo.proto"'],
      ['grpc-import', 3, '"../other/x.proto"'],
    ]);
    expect(problems[0]!.hint).toMatch(/--include_imports/);
  });

  test('types that nobody defines, all at once', async () => {
    const text = [
      'syntax = "proto3";',
      'package a;',
      'service S { rpc M(Request) returns (Missing); }',
      'message Request { Requst again = 1; Color color = 2; map<string, other.Thing> things = 3; }',
    ].join('\n');
    const problems = await problemsOf({ 'connectors/shapes/shapes.proto': text });
    expect(problems.map(({ rule, at, found, hint }) => [rule, at.line, at.column, found, hint])).toEqual([
      ['grpc-unknown-type', 3, 37, 'Missing', undefined],
      ['grpc-unknown-type', 4, 19, 'Requst', 'did you mean "Request"?'],
      ['grpc-unknown-type', 4, 37, 'Color', undefined],
      ['grpc-unknown-type', 4, 66, 'other.Thing', undefined],
    ]);
  });

  test('a descriptor set without its imports', async () => {
    const set = descriptor.FileDescriptorSet.decode(readFileSync(protoFile('shapes.pb'))) as unknown as {
      file: Array<{ name: string }>;
    };
    const file = set.file.filter(({ name }) => name === 'shapes.proto');
    const problems = await problemsOf({
      ...shapesFiles({ description: 'descriptors' }),
      'connectors/shapes/shapes.pb': Buffer.from(descriptor.FileDescriptorSet.encode({ file }).finish()),
    });
    expect(formatProblems(problems)).toMatch(
      /common.v1.Money[\s\S]*common\/money.proto in the set[\s\S]*--include_imports/,
    );
  });

  test('a folder, and imports beside the importing file', async () => {
    const files: Files = {
      [SCHEMA]: BASE[SCHEMA],
      'schemas/web.graphql': BASE['schemas/web.graphql'],
      'clients/web/client.yml': '{}',
      [CONNECTOR]: `kind: grpc\nendpoint: \${env:SHAPES_URL}\nproto: api\n`,
      'connectors/shapes/api/v1/shapes.proto': readFileSync(protoFile('shapes.proto')),
      'connectors/shapes/api/v1/common/money.proto': readFileSync(protoFile('common/money.proto')),
      'connectors/shapes/api/google/protobuf/any.proto': 'somebody has vendored all of protoc/include',
    };
    await using gateway = await startGateway({ files, env: { SHAPES_URL: 'grpc://127.0.0.1:1' } });
    expect(gateway.gateway.generation.graph.connectors).toHaveLength(1);
  });
});
