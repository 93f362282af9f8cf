/** Unary gRPC calls through a client's endpoint, against a server of @grpc/grpc-js. Once from .proto files, once from a descriptor set. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GrpcBackend } from '../support/backends/grpc/server.ts';
import { shapesFiles } from '../support/backends/grpc/shapes-gateway.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';

const MAX_INT64 = '9223372036854775807';
const MIN_INT64 = '-9223372036854775808';
const MAX_UINT64 = '18446744073709551615';

describe.each(['proto', 'descriptors'] as const)('a connector described by %s', (description) => {
  let backend: GrpcBackend;
  let gateway: TestGateway;

  beforeAll(async () => {
    backend = await GrpcBackend.start();
    gateway = await startGateway({
      files: shapesFiles({
        description,
        settings: 'headers: { forward: [x-caller, x-caller-bin], set: { x-from: hem } }',
      }),
      env: { SHAPES_URL: backend.url },
    });
  });

  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();
  });

  async function query(
    document: string,
    variables?: Record<string, unknown>,
    headers?: Record<string, string>,
  ) {
    const { body } = await gateway.query('web', document, {
      ...(variables && { variables }),
      ...(headers && { headers }),
    });
    return body;
  }

  async function data(document: string, variables?: Record<string, unknown>) {
    const body = await query(document, variables);
    expect(body.errors).toBeUndefined();
    return body.data;
  }

  /** Sends one value of `echo` and gives what comes back under its name. */
  async function echo(name: string, type: string, value: unknown, selection = ''): Promise<unknown> {
    const answer = await data(
      `query ($value: ${type}) { echo(${name}: $value) { it: ${name} ${selection} } }`,
      { value },
    );
    return answer.echo.it;
  }

  describe('values survive a round trip', () => {
    test.each<[name: string, type: string, values: unknown[]]>([
      ['doubleValue', 'Float', [0, -1.5, 1.7976931348623157e308, 5e-324]],
      ['floatValue', 'Float', [0.5, -0.25]],
      ['int32Value', 'Int', [2147483647, -2147483648]],
      ['sint32Value', 'Int', [-1]],
      ['sfixed32Value', 'Int', [-2147483648]],
      ['int64Value', 'BigInt', [MAX_INT64, MIN_INT64, '9007199254740993', '-1']],
      ['sint64Value', 'BigInt', [MIN_INT64]],
      ['sfixed64Value', 'BigInt', [MIN_INT64, MAX_INT64]],
      ['uint64Value', 'BigInt', [MAX_UINT64, '9223372036854775808']],
      ['fixed64Value', 'BigInt', [MAX_UINT64]],
      ['boolValue', 'Boolean', [true, false]],
      ['stringValue', 'String', ['', 'Grüße 🚲', '\u0000', '__proto__']],
      ['bytesValue', 'Bytes', ['AAECAwQ=', '']],
      ['color', 'String', ['RED', 'BLUE']],
      ['optionalInt', 'Int', [0, 7, null]],
      ['optionalText', 'String', ['', 'x', null]],
      ['optionalColor', 'String', ['COLOR_UNSPECIFIED', 'RED', null]],
      ['int64List', '[BigInt!]', [[MAX_INT64, '0'], []]],
      ['stringList', '[String]', [['a', '']]],
      ['colorList', '[String!]', [['GREEN', 'RED']]],
      ['bytesList', '[Bytes!]', [['AA==']]],
      ['counts', 'JSON', [{ a: MAX_INT64, constructor: '1' }, {}]],
      ['byLong', 'JSON', [{ '-5': 'x', [MAX_INT64]: 'y' }]],
      ['byUnsigned', 'JSON', [{ [MAX_UINT64]: 'x' }]],
      ['byBool', 'JSON', [{ true: 'yes', false: 'no' }, { false: 'no' }]],
      ['colors', 'JSON', [{ sky: 'BLUE' }]],
      ['times', 'JSON', [{ now: '2026-11-22T08:30:00Z' }]],
      ['textChoice', 'String', ['', 'x']],
      ['numberChoice', 'BigInt', ['0', MIN_INT64]],
      [
        'at',
        'DateTime',
        [
          '2026-11-22T08:30:00Z',
          '0001-01-01T00:00:00Z',
          '9999-12-31T23:59:59.999999999Z',
          '1969-12-31T23:59:59.500Z',
          null,
        ],
      ],
      ['took', 'Duration', ['1.5s', '0s', '-0.000000001s', '315576000000s', null]],
      ['mask', 'String', ['name,owner.displayName', '', null]],
      ['struct', 'JSON', [{ a: [1, 'x', null, true, { deep: {} }] }, {}, null]],
      ['value', 'JSON', [1.5, 'x', true, [1], { a: null }, null]],
      ['list', 'JSON', [[1, [2]], [], null]],
      [
        'any',
        'JSON',
        [
          { '@type': 'type.googleapis.com/shapes.v1.Circle', radius: 2 },
          { '@type': 'x.example/not.known.Here', value: 'AAE=' },
          { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '3s' },
          null,
        ],
      ],
      ['atList', '[DateTime!]', [['2026-11-22T08:30:00Z']]],
      ['doubleBox', 'Float', [0, 1.5, null]],
      ['int64Box', 'BigInt', ['0', MAX_INT64, null]],
      ['boolBox', 'Boolean', [false, true, null]],
      ['stringBox', 'String', ['', 'x', null]],
      ['bytesBox', 'Bytes', ['', 'AA==', null]],
      ['otherName', 'String', ['by json_name']],
      ['line1', 'String', ['a digit after the underscore']],
      ['constructor', 'String', ['a name that every object has']],
    ])('%s', async (name, type, values) => {
      for (const value of values) expect(await echo(name, type, value)).toEqual(value);
    });

    test('messages, and messages in lists and maps', async () => {
      const nested = { id: MAX_INT64, displayName: 'x', child: { id: '0', displayName: '', child: null } };
      const selection = '{ id displayName child { id displayName child { id } } }';
      expect(await echo('nested', 'NestedInput', nested, selection)).toEqual(nested);
      expect(await echo('nestedList', '[NestedInput!]', [nested], selection)).toEqual([nested]);
      expect(await echo('byInt', 'JSON', { '-3': { id: 7 } })).toEqual({
        '-3': { id: '7', displayName: '', child: null },
      });
      expect(
        await echo(
          'price',
          'MoneyInput',
          { currencyCode: 'EUR', units: '5', nanos: 1 },
          '{ currencyCode units nanos }',
        ),
      ).toEqual({
        currencyCode: 'EUR',
        units: '5',
        nanos: 1,
      });
    });

    test('other ways to write the same', async () => {
      expect(await echo('at', 'DateTime', '2026-11-22T10:30:00.25+02:00')).toBe('2026-11-22T08:30:00.250Z');
      expect(await echo('took', 'Duration', 'PT1M30.5S')).toBe('90.5s');
      expect(await echo('took', 'Duration', '-P1D')).toBe('-86400s');
      expect(await echo('int64Value', 'BigInt', 42)).toBe('42');
      expect(await echo('bytesValue', 'Bytes', '-_-_')).toBe('+/+/');
    });

    test('keys that would be a prototype are data', async () => {
      const value = JSON.parse('{"__proto__":"x","constructor":"y"}') as unknown;
      const { body } = await gateway.query(
        'web',
        'query ($value: JSON) { echo(labels: $value, struct: $value) { labels struct } }',
        { variables: { value } },
      );
      expect(JSON.stringify(body.data)).toBe(JSON.stringify({ echo: { labels: value, struct: value } }));
      expect(({} as Record<string, unknown>).x).toBeUndefined();
    });
  });

  test('what was not sent is null where the wire can tell, and zero where it cannot', async () => {
    const { echo } = await data(`{ echo {
      doubleValue int32Value int64Value boolValue stringValue bytesValue color nested { id } optionalInt optionalText optionalColor
      int64List counts choice textChoice numberChoice at took mask struct value list any doubleBox int64Box boolBox stringBox bytesBox price { units }
    } }`);
    expect(echo).toEqual({
      ...{
        doubleValue: 0,
        int32Value: 0,
        int64Value: '0',
        boolValue: false,
        stringValue: '',
        bytesValue: '',
      },
      ...{
        color: 'COLOR_UNSPECIFIED',
        nested: null,
        optionalInt: null,
        optionalText: null,
        optionalColor: null,
      },
      ...{ int64List: [], counts: {}, choice: null, textChoice: null, numberChoice: null },
      ...{ at: null, took: null, mask: null, struct: null, value: null, list: null, any: null },
      ...{ doubleBox: null, int64Box: null, boolBox: null, stringBox: null, bytesBox: null, price: null },
    });
  });

  test('enum values that the file does not know arrive as text of their number', async () => {
    expect(
      (await data('{ newer { color optionalColor colorList colors choice colorChoice } }')).newer,
    ).toEqual({
      ...{ color: '77', optionalColor: '9', colorList: ['RED', '99'], colors: { sky: '42' } },
      ...{ choice: 'colorChoice', colorChoice: '8' },
    });
  });

  test('such a value in a field of an enum type fails that field only', async () => {
    const body = await query('{ newerStrict { color optionalText } }');
    expect(body.data).toEqual({ newerStrict: { color: null, optionalText: null } });
    expect(body.errors).toMatchObject([
      { path: ['newerStrict', 'color'], extensions: { connector: 'shapes' } },
    ]);
  });

  test('the oneof tells the type of a union', async () => {
    const document =
      'query ($id: ID!) { thing(id: $id) { shape { __typename ... on Circle { radius } ... on Square { side } } } }';
    expect((await data(document, { id: 'a' })).thing.shape).toEqual({ __typename: 'Circle', radius: 1.5 });
    expect((await data(document, { id: 'b' })).thing.shape).toEqual({ __typename: 'Square', side: 2 });
    expect((await data(document, { id: 'c' })).thing.shape).toBeNull();
  });

  test('a oneof takes at most one member', async () => {
    const saved = await data(
      'mutation { saveThing(id: "n", color: GREEN, square: { side: 3 }) { id color battery shape { ... on Square { side } } } }',
    );
    expect(saved.saveThing).toEqual({ id: 'n', color: 'GREEN', battery: null, shape: { side: 3 } });
    const body = await query(
      'mutation { saveThing(id: "n", circle: { radius: 1 }, square: { side: 3 }) { id } }',
    );
    expect(body.errors).toMatchObject([{ extensions: { code: 'BAD_ARGUMENT' } }]);
  });

  test('renamed enum values, both ways', async () => {
    const { saveThing } = await data('mutation { saveThing(id: "n", color: UNKNOWN) { color } }');
    expect(saveThing.color).toBe('UNKNOWN');
  });

  test('lookups: found, not found, and many at once, matched by key', async () => {
    const answer = await data(
      '{ a: thing(id: "a") { name serialNumber battery seenAt } none: thing(id: "nope") { name } }',
    );
    expect(answer).toEqual({
      a: { name: 'Thing a', serialNumber: '9007199254740993', battery: null, seenAt: '2026-09-21T14:13:20Z' },
      none: null,
    });
    const body = await query('{ strictThing(id: "nope") { name } }');
    expect(body.errors).toMatchObject([
      {
        path: ['strictThing'],
        extensions: { code: 'UPSTREAM_NOT_FOUND', connector: 'shapes', coordinate: 'Query.strictThing' },
      },
    ]);
  });

  test('arguments by name, as a literal, and the key of the parent', async () => {
    const answer = await data(
      '{ things(first: 2) { id parts(first: 1) other: parts } page(filter: { color: GREEN }) { total things { id } } blueThings count }',
    );
    expect(answer).toEqual({
      things: [
        { id: 'a', parts: ['a1'], other: ['a1', 'a2'] },
        { id: 'b', parts: ['b1'], other: ['b1', 'b2'] },
      ],
      page: { total: 1, things: [{ id: 'b' }] },
      blueThings: 1,
      count: '9007199254740993',
    });
    const seen = backend.seen.findLast(
      ({ method, request }) => method === 'ListThings' && request.first === 2,
    );
    expect(seen?.request).toEqual({ first: 2, filter: {} });
  });

  test('an empty answer is true', async () => {
    expect(await data('mutation { deleteThing(id: "a") }')).toEqual({ deleteThing: true });
  });

  test.each<[argument: string, why: string]>([
    ['int64Value: "9223372036854775808"', 'BigInt'],
    ['uint64Value: "-1"', 'BigInt'],
    ['uint32Value: "4294967296"', 'BigInt'],
    ['color: "PURPLE"', 'enum'],
    ['color: "99999999999"', 'enum'],
    ['stringList: ["a", null]', 'null in a list'],
    ['byLong: { x: "y" }', 'map key'],
    ['byBool: { maybe: "y" }', 'map key'],
    ['counts: [1]', 'list for a map'],
    ['at: "2026-02-30T00:00:00Z"', 'a day that does not exist'],
    ['at: "2026-11-22T08:30:00"', 'no offset'],
    ['took: "P1M"', 'a month'],
    ['took: "999999999999s"', 'too long'],
    ['struct: [1]', 'list for an object'],
    ['any: { radius: 1 }', 'no @type'],
    ['any: { _: 1 }', 'no @type'],
    ['mask: "a b"', 'field mask'],
  ])('refuses %s before anything is sent (%s)', async (argument) => {
    const before = backend.seen.length;
    const body = await query(`{ echo(${argument}) { line1 } }`);
    expect(body.data?.echo ?? null).toBeNull();
    expect(body.errors).toHaveLength(1);
    expect(body.errors![0]!.extensions.code).toMatch(/^(BAD_ARGUMENT|GRAPHQL_VALIDATION_FAILED)$/);
    expect(backend.seen.length).toBe(before);
  });

  test('text that UTF-8 cannot hold is refused', async () => {
    const body = await query('query ($text: String) { echo(line1: $text) { line1 } }', { text: '\uD800' });
    expect(body.errors).toMatchObject([{ extensions: { code: 'BAD_ARGUMENT' } }]);
  });

  test('a message that Any names but does not fit is refused', async () => {
    const body = await query('query ($any: JSON) { echo(any: $any) { any } }', {
      any: { '@type': 'x/shapes.v1.Circle', diameter: 1 },
    });
    expect(body.errors).toMatchObject([{ extensions: { code: 'BAD_ARGUMENT' } }]);
  });

  test('metadata: allowed headers, static ones, the request id, templates, binary', async () => {
    const body = await query('{ metadata metadataOf(tenant: "x", token: "AAH/") }', undefined, {
      'x-caller': 'me',
      'x-caller-bin': 'AQI=',
      'x-other': 'no',
      cookie: 'a=b',
    });
    expect(body.errors).toBeUndefined();
    const { metadata, metadataOf } = body.data;
    expect(metadata).toMatchObject({
      'x-caller': 'me',
      'x-caller-bin': '0102',
      'x-from': 'hem',
      'x-request-id': expect.any(String),
    });
    expect(metadata).not.toHaveProperty('x-other');
    expect(metadata).not.toHaveProperty('cookie');
    expect(metadataOf).toMatchObject({ 'x-tenant': 't-x', 'x-token-bin': '0001ff', 'x-caller': 'me' });
  });

  test('a value that no metadata can carry is refused', async () => {
    for (const tenant of ['a\r\nx-admin: 1', 'ü', '\u0000', 'a ']) {
      const body = await query('query ($tenant: String!) { metadataOf(tenant: $tenant, token: "") }', {
        tenant,
      });
      expect(body.errors).toMatchObject([{ extensions: { code: 'BAD_ARGUMENT' } }]);
    }
    // Left out, these would make one value of several.
    for (const sent of ['a.b', 'user@example.com', 'AA H', 'A']) {
      const body = await query('{ metadata }', undefined, { 'x-caller-bin': sent });
      expect([sent, body.errors]).toMatchObject([sent, [{ extensions: { code: 'BAD_ARGUMENT' } }]]);
    }
    for (const [sent, bytes] of [
      ['AAE', '0001'],
      ['-_8=', 'fbff'],
    ] as const) {
      const { data } = await query('{ metadata }', undefined, { 'x-caller-bin': sent });
      expect(data.metadata).toMatchObject({ 'x-caller-bin': bytes });
    }
  });
});
