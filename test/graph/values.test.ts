/** What values become on their way: scalars, enums by their wire names, concrete types, shared values, fallbacks. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, type JsonRequest, Refusal, startJsonBackend } from '../support/json-backend.ts';
import { askBoth, askWholeGraph } from '../support/whole-graph.ts';

let broken = false;
let received: unknown;

function answer({ path, query, body }: JsonRequest): unknown {
  const [, area, id = ''] = path.split('/');
  received = body ?? Object.fromEntries(query);
  switch (area) {
    case 'scalars':
      return 'raw:{"big":9223372036854775807,"decimal":0.1000000000000000000001,"number":12345678901234567890,"text":"12345678901234567890","small":3,"at":"2026-11-22T08:30:00.123456789Z","day":"2026-11-22","time":"08:30:00","span":"PT1M30S","bytes":"aGVt","json":{"__proto__":{"a":1},"deep":[1,{"big":9007199254740993}]},"colour":{"r":1}}';
    case 'wrong':
      return { big: 'many', decimal: {}, at: 'yesterday', day: '22.11.2026', bytes: '!', int: 3.5 };
    case 'echo':
      return { seen: received };
    case 'shapes':
      return [
        { kind: { name: 'CIRCLE' }, radius: 1, colour: 'rot' },
        { kind: { name: 'sq' }, side: 2, colour: 'blau', colours: ['rot', 'blau'] },
        { kind: { name: 'hexagon' } },
      ];
    case 'messages':
      return [{ body: { text: { words: 'hi' } } }, { body: { image: { url: 'u' } } }, { body: {} }];
    case 'things':
      return { id, name: `thing ${id}`, place: { lat: 1, lon: 2 }, owner: 'u1' };
    case 'extras':
      if (broken) return new Refusal(503);
      return { id, tags: ['a'], count: 7, mood: 'froh', place: { lat: 3, lon: 4 }, notes: ['n'] };
    default:
      return undefined;
  }
}

const SCALARS = `
  big: BigInt decimal: Decimal number: BigInt text: BigInt small: BigInt at: DateTime day: Date time: Time span: Duration
  bytes: Bytes json: JSON colour: Colour
`;

const VALUES = `
  scalar Colour
  type Query {
    scalars: Scalars @rest(get: "/scalars")
    wrong: Wrong @rest(get: "/wrong")
    echo(big: BigInt, decimal: Decimal, at: DateTime, day: Date, bytes: Bytes, json: JSON, colour: Colour, paint: Paint, paints: [Paint!], tin: Tin): Echo
      @rest(post: "/echo", body: "{ big: $big, decimal: $decimal, at: $at, day: $day, bytes: $bytes, json: $json, colour: $colour, paint: $paint, paints: $paints, tin: $tin }")
    shapes: [Shape] @rest(get: "/shapes")
    messages: [Message] @rest(get: "/messages")
  }
  type Scalars { ${SCALARS} }
  type Wrong { big: BigInt decimal: Decimal at: DateTime day: Date bytes: Bytes int: Int }
  type Echo { seen: JSON }
  interface Shape @discriminator(property: "kind.name", mapping: [{ value: "CIRCLE", type: "Circle" }, { value: "sq", type: "Square" }]) { colour: Paint }
  type Circle implements Shape { colour: Paint radius: Int }
  type Square implements Shape { colour: Paint colours: [Paint!] side: Int }
  type Message { content: Content @from(path: "body") }
  union Content @discriminator(property: ".", nested: true, mapping: [{ value: "text", type: "Text" }, { value: "image", type: "Image" }]) = Text | Image
  type Text { words: String }
  type Image { url: String }
  enum Paint { RED @from(value: "rot") BLUE @from(value: "blau") }
  input Tin { paint: Paint = BLUE paints: [Paint] }
`;

const THINGS = `
  type Query { thing(id: ID!): Thing @lookup @rest(get: "/things/{id}") }
  type Thing @key(fields: "id") { id: ID! name: String place: Place @shareable }
  type Place @shareable { lat: Float lon: Float }
`;

const EXTRAS = `
  type Query { extra(id: ID!): Thing @lookup @internal @rest(get: "/extras/{id}") }
  extend type Thing @key(fields: "id") {
    id: ID!
    tags: [String!]! @fallback(value: ["none"])
    count: Int! @fallback(value: 0)
    mood: Mood @fallback(value: CALM)
    notes: [String!]
    place: Place @shareable
  }
  type Place @shareable { lat: Float lon: Float }
  enum Mood { HAPPY @from(value: "froh") CALM @from(value: "ruhig") }
`;

const VIEW = `
  scalar Colour
  type Query {
    scalars: Scalars wrong: Wrong
    echo(big: BigInt, decimal: Decimal, at: DateTime, day: Date, bytes: Bytes, json: JSON, colour: Colour, paint: Paint, paints: [Paint!], tin: Tin): Echo
    shapes: [Shape] messages: [Message] thing(id: ID!): Thing
  }
  type Scalars { ${SCALARS} }
  type Wrong { big: BigInt decimal: Decimal at: DateTime day: Date bytes: Bytes int: Int }
  type Echo { seen: JSON }
  interface Shape { colour: Paint }
  type Circle implements Shape { colour: Paint radius: Int }
  type Square implements Shape { colour: Paint colours: [Paint!] side: Int }
  type Message { content: Content }
  union Content = Text | Image
  type Text { words: String }
  type Image { url: String }
  enum Paint { RED BLUE }
  input Tin { paint: Paint paints: [Paint] }
  type Thing { id: ID! name: String place: Place tags: [String!]! count: Int! mood: Mood notes: [String!] }
  type Place { lat: Float lon: Float }
  enum Mood { HAPPY CALM }
`;

let backend: JsonBackend;
let gateway: TestGateway;

beforeAll(async () => {
  backend = await startJsonBackend(answer);
  const settings = `kind: rest\nendpoint: ${backend.url}\n`;
  gateway = await startGateway({
    files: {
      'connectors/values/connector.yml': settings,
      'connectors/values/schema.graphql': VALUES,
      'connectors/things/connector.yml': settings,
      'connectors/things/schema.graphql': THINGS,
      'connectors/extras/connector.yml': settings,
      'connectors/extras/schema.graphql': EXTRAS,
      'clients/web/client.yml': '{}',
      'schemas/web.graphql': VIEW,
    },
  });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});
beforeEach(() => {
  broken = false;
  backend.requests.length = 0;
});

describe('scalars', () => {
  test('come out without loss', async () => {
    const { scalars } = await askBoth(
      gateway,
      '{ scalars { big decimal number text small at day time span bytes colour } }',
    );
    expect(scalars).toEqual({
      big: '9223372036854775807',
      decimal: '0.1000000000000000000001',
      number: '12345678901234567890',
      text: '12345678901234567890',
      small: '3',
      at: '2026-11-22T08:30:00.123456789Z',
      day: '2026-11-22',
      time: '08:30:00',
      span: 'PT1M30S',
      bytes: 'aGVt',
      colour: { r: 1 },
    });
  });

  test('JSON passes as it is, with names that objects inherit as data', async () => {
    const response = await gateway.fetch('/web/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ scalars { json } }' }),
    });
    const text = await response.text();
    expect(text).toContain('"__proto__":{"a":1}');
    expect(text).toContain('9007199254740993');
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });

  test('that are none are null with an error each', async () => {
    const { body } = await gateway.query('web', '{ wrong { big decimal at day bytes int } }');
    expect(body.data).toEqual({
      wrong: { big: null, decimal: null, at: null, day: null, bytes: null, int: null },
    });
    expect(body.errors!.map(({ path, extensions }) => [path!.at(-1), extensions.code])).toEqual(
      ['big', 'decimal', 'at', 'day', 'bytes', 'int'].map((name) => [name, 'UPSTREAM_INVALID']),
    );
  });

  test('go in without loss, as literals and as variables', async () => {
    const expected = {
      big: '9223372036854775807',
      decimal: '0.10000000000000000001',
      at: '2026-11-22T08:30:00Z',
      day: '2026-11-22',
      bytes: 'aGVt',
      json: { a: [1, null] },
      colour: 'red',
    };
    const literal = await gateway.query(
      'web',
      '{ echo(big: 9223372036854775807, decimal: 0.10000000000000000001, at: "2026-11-22T08:30:00Z", day: "2026-11-22", bytes: "aGVt", json: { a: [1, null] }, colour: "red") { seen } }',
    );
    expect(literal.body).toEqual({ data: { echo: { seen: expected } } });
    const variables = await gateway.query(
      'web',
      'query ($big: BigInt, $decimal: Decimal, $at: DateTime, $day: Date, $bytes: Bytes, $json: JSON, $colour: Colour) { echo(big: $big, decimal: $decimal, at: $at, day: $day, bytes: $bytes, json: $json, colour: $colour) { seen } }',
      { variables: expected },
    );
    expect(variables.body).toEqual(literal.body);
  });

  test('of a calendar are taken as they are', async () => {
    for (const [type, name, value] of [
      ['Date', 'day', '2024-02-29'],
      ['Date', 'day', '2000-02-29Z'],
      ['Date', 'day', '-0044-03-15'],
      ['DateTime', 'at', '2016-12-31T23:59:60Z'],
      ['DateTime', 'at', '2026-11-22T24:00:00+14:00'],
    ] as const) {
      const query = `query ($v: ${type}) { echo(${name}: $v) { seen } }`;
      const { body } = await gateway.query('web', query, { variables: { v: value } });
      expect(body).toEqual({ data: { echo: { seen: { [name]: value } } } });
    }
  });

  test('that are none are refused before any call', async () => {
    for (const [name, value] of [
      ['big', 1.5],
      ['big', 2 ** 60],
      ['big', '1e3'],
      ['decimal', 'NaN'],
      ['at', '2026-11-22'],
      ['at', '2026-11-22T25:00:00Z'],
      ['at', '2026-02-30T08:30:00Z'],
      ['day', 'today'],
      ['day', '2026-02-30'],
      ['day', '2100-02-29'],
      ['day', '2026-13-01'],
      ['bytes', 'ö'],
    ] as const) {
      const type = { big: 'BigInt', decimal: 'Decimal', at: 'DateTime', day: 'Date', bytes: 'Bytes' }[name];
      const { status, body } = await gateway.query(
        'web',
        `query ($v: ${type}) { echo(${name}: $v) { seen } }`,
        {
          variables: { v: value },
        },
      );
      expect([name, value, status, body.errors?.[0]?.extensions.code]).toEqual([
        name,
        value,
        400,
        'BAD_VARIABLES',
      ]);
    }
    expect(backend.requests).toEqual([]);
  });
});

describe('enums by their wire names', () => {
  test('out, also in lists', async () => {
    const { body } = await gateway.query('web', '{ shapes { colour ... on Square { colours } } }');
    expect(body.data.shapes.slice(0, 2)).toEqual([
      { colour: 'RED' },
      { colour: 'BLUE', colours: ['RED', 'BLUE'] },
    ]);
  });

  test('in, also in lists, inputs and their defaults', async () => {
    const query = '{ echo(paint: RED, paints: [BLUE, RED], tin: { paints: [RED, null] }) { seen } }';
    expect(await askBoth(gateway, query)).toEqual({
      echo: {
        seen: { paint: 'rot', paints: ['blau', 'rot'], tin: { paint: 'blau', paints: ['rot', null] } },
      },
    });
  });
});

describe('concrete types', () => {
  test('by a nested property, by name and by mapping; an unknown one is an error', async () => {
    const { body } = await gateway.query(
      'web',
      '{ shapes { __typename ... on Circle { radius } ... on Square { side } } }',
    );
    expect(body.data).toEqual({
      shapes: [{ __typename: 'Circle', radius: 1 }, { __typename: 'Square', side: 2 }, null],
    });
    expect(body.errors).toMatchObject([
      { path: ['shapes', 2], extensions: { code: 'UPSTREAM_INVALID', connector: 'values' } },
    ]);
  });
});

describe('several connectors that know the same', () => {
  test('a shared field is taken from the record that is there', async () => {
    expect(await askBoth(gateway, '{ thing(id: 1) { place { lat lon } } }')).toEqual({
      thing: { place: { lat: 1, lon: 2 } },
    });
    await gateway.query('web', '{ thing(id: 1) { place { lat } } }');
    expect(backend.requests.at(-1)).toBe('GET /things/1');
  });
});

describe('@fallback', () => {
  const QUERY = '{ thing(id: 1) { name tags count mood } }';

  test('is not used while all is well', async () => {
    expect(await askBoth(gateway, QUERY)).toEqual({
      thing: { name: 'thing 1', tags: ['a'], count: 7, mood: 'HAPPY' },
    });
  });

  test('takes the place of a failure, with a trace and without an error', async () => {
    broken = true;
    const { body } = await gateway.query('web', QUERY);
    expect(body.errors).toBeUndefined();
    expect(body.data).toEqual({ thing: { name: 'thing 1', tags: ['none'], count: 0, mood: 'CALM' } });
    expect(body.extensions!.fallbacks).toEqual(
      ['tags', 'count', 'mood'].map((name) => ({
        coordinate: `Thing.${name}`,
        connector: 'extras',
        code: 'UPSTREAM_UNAVAILABLE',
      })),
    );
    expect((await askWholeGraph(gateway, QUERY)).data).toEqual(body.data);
  });

  test('of one field does not help another', async () => {
    broken = true;
    const { body } = await gateway.query('web', '{ thing(id: 1) { count notes } }');
    expect(body.data).toEqual({ thing: { count: 0, notes: null } });
    expect(body.errors).toMatchObject([
      { path: ['thing', 'notes'], extensions: { code: 'UPSTREAM_UNAVAILABLE', connector: 'extras' } },
    ]);
  });
});
