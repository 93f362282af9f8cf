/** What is wrong with `@defer` and `@stream`, or meant badly: refused before a backend is asked, at every door alike. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mergeParts } from '../support/merge-parts.ts';
import { codesOf, post } from './ask.ts';
import { CURRENT, PartReader } from './part-reader.ts';
import { RawSocket, startRiders } from './riders.ts';
import { type Shop, startShop } from './shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop[Symbol.asyncDispose]());

const DEFER = '... @defer { name }';
const TIMES = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => text(index)).join(' ');

interface Refused {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly code: string;
  readonly says: string;
}

const REFUSED: Readonly<Record<string, Refused>> = {
  '10,000 deferred fragments': {
    query: `{ item(id: 1) { ${TIMES(10_000, () => DEFER)} } }`,
    code: 'OPERATION_TOO_LARGE',
    says: 'directives',
  },
  'fragments that are few as written and many as expanded': {
    query: `{ ${TIMES(20, (index) => `a${index}: item(id: ${index}) { ...F }`)} } fragment F on Item { ${TIMES(6, () => DEFER)} }`,
    code: 'OPERATION_TOO_LARGE',
    says: 'has 120 deferred fragments',
  },
  'fragments of each item of a list': {
    query: `{ items { ${TIMES(11, () => DEFER)} } }`,
    code: 'OPERATION_TOO_LARGE',
    says: 'has 110 deferred fragments',
  },
  'fragments of each item of a list of lists': {
    query: `{ grid { ${DEFER} ${DEFER} } }`,
    code: 'OPERATION_TOO_LARGE',
    says: 'has 200 deferred fragments',
  },
  'streamed lists in streamed lists': {
    query: '{ grid @stream { details { similar @stream { tags @stream } } } }',
    code: 'OPERATION_TOO_LARGE',
    says: 'has 1101 deferred fragments',
  },
  'a list that begins with fewer than no items': {
    query: '{ items @stream(initialCount: -1) { id } }',
    code: 'GRAPHQL_VALIDATION_FAILED',
    says: 'negative',
  },
  'the same by a variable': {
    query: 'query ($n: Int!) { items @stream(initialCount: $n) { id } }',
    variables: { n: -1 },
    code: 'BAD_VARIABLES',
    says: '"$n" is negative',
  },
  'the same by the default of a variable': {
    query: 'query ($n: Int = -5) { items @stream(initialCount: $n) { id } }',
    code: 'BAD_VARIABLES',
    says: '"$n" is negative',
  },
  'a count that is no whole number': {
    query: 'query ($n: Int!) { items @stream(initialCount: $n) { id } }',
    variables: { n: 1.5 },
    code: 'BAD_VARIABLES',
    says: '$n',
  },
  'a count that is larger than numbers are': {
    query: 'query ($n: Int!) { items @stream(initialCount: $n) { id } }',
    variables: { n: 1e300 },
    code: 'BAD_VARIABLES',
    says: '$n',
  },
  'a condition that is null': {
    query: 'query ($d: Boolean = true) { item(id: 1) { ... @defer(if: $d) { id } } }',
    variables: { d: null },
    code: 'BAD_VARIABLES',
    says: '"$d" is null',
  },
  'a condition that is null by default': {
    query:
      'query ($d: Boolean! = true, $e: Boolean = null) { item(id: 1) { ... @defer(if: $d) { id } ... @defer(if: $e) { name } } }',
    code: 'BAD_VARIABLES',
    says: '"$e" is null',
  },
  'a count that is null, where nothing is streamed': {
    query:
      'query ($n: Int = 1) { item(id: 1) { ... @defer { id } } items @stream(if: false, initialCount: $n) { id } }',
    variables: { n: null },
    code: 'BAD_VARIABLES',
    says: '"$n" is null',
  },
  'a condition that is no boolean': {
    query: 'query ($d: Boolean!) { item(id: 1) { ... @defer(if: $d) { id } } }',
    variables: { d: 'true' },
    code: 'BAD_VARIABLES',
    says: '$d',
  },
  'a label twice': {
    query: '{ item(id: 1) { ... @defer(label: "a") { id } } items @stream(label: "a") { id } }',
    code: 'GRAPHQL_VALIDATION_FAILED',
    says: 'unique',
  },
  'a label that is a variable': {
    query: 'query ($l: String) { item(id: 1) { ... @defer(label: $l) { id } } }',
    variables: { l: 'a' },
    code: 'GRAPHQL_VALIDATION_FAILED',
    says: 'static string',
  },
  'a directive twice': {
    query: '{ item(id: 1) { ... @defer @defer { id } } }',
    code: 'GRAPHQL_VALIDATION_FAILED',
    says: '@defer',
  },
  'a deferred field': {
    query: '{ item(id: 1) @defer { id } }',
    code: 'GRAPHQL_VALIDATION_FAILED',
    says: '@defer',
  },
  'a streamed object': {
    query: '{ item(id: 1) @stream { id } }',
    code: 'GRAPHQL_VALIDATION_FAILED',
    says: 'non-list',
  },
  'the same list streamed in two ways': {
    query: '{ items @stream { id } items @stream(initialCount: 1) { name } }',
    code: 'GRAPHQL_VALIDATION_FAILED',
    says: 'stream',
  },
  'a fragment that defers itself': {
    query: '{ item(id: 1) { ...F } } fragment F on Item { id details { similar { ...F @defer } } }',
    code: 'GRAPHQL_VALIDATION_FAILED',
    says: 'itself',
  },
  'the root of a mutation': {
    query: 'mutation { ... @defer { touch(id: 1) { id } } }',
    code: 'GRAPHQL_VALIDATION_FAILED',
    says: 'root mutation',
  },
};

describe.each(Object.entries(REFUSED))('%s', (_what, { query, variables, code, says }) => {
  it.each([CURRENT, 'text/event-stream', 'application/json', 'multipart/mixed, application/json'])(
    'is refused to Accept: %s',
    async (accept) => {
      const before = shop.asked.length;
      const startedAt = performance.now();
      const [only, ...more] = await (
        await PartReader.open(shop.gateway, query, { accept, ...(variables && { variables }) })
      ).rest();
      expect(performance.now() - startedAt).toBeLessThan(2000);
      expect(more).toEqual([]);
      expect(only).not.toHaveProperty('data');
      expect(only?.errors?.[0]?.extensions).toEqual({ code, requestId: expect.any(String) });
      expect(only?.errors?.[0]?.message).toContain(says);
      expect(shop.asked.length).toBe(before);
    },
  );

  it('is refused over a websocket', async () => {
    await using socket = await RawSocket.open(shop.gateway);
    socket.subscribe('a', query, variables && { variables });
    const { payload } = await socket.until(({ id }) => id === 'a');
    const errors = Array.isArray(payload) ? payload : (payload as { errors: unknown[] }).errors;
    expect(errors[0]).toMatchObject({ extensions: { code } });
  });
});

it('allows what is at the limit, and the limit is each client’s to set', async () => {
  const query = `{ items(first: 1) { ${TIMES(10, () => DEFER)} } }`;
  expect(mergeParts(await (await PartReader.open(shop.gateway, query)).rest()).data).toEqual({
    items: [{ name: 'item 1' }],
  });
  await using strict = await startShop({ client: 'limits: { deferred: 1 }' });
  const two = await post(strict.gateway, { query: `{ item(id: 1) { ${DEFER} ${DEFER} } }` });
  expect(codesOf(two)).toEqual(['OPERATION_TOO_LARGE']);
  // What is switched off for good costs nothing.
  const off = `{ item(id: 1) { ${DEFER} ... @defer(if: false) { id } } }`;
  expect((await post(strict.gateway, { query: off })).body.data).toEqual({
    item: { name: 'item 1', id: '1' },
  });
});

it('treats names that objects inherit as names, in parts and their paths', async () => {
  const query = `{
    __proto__: item(id: 1) { then: id ... @defer(label: "__proto__") { constructor: name __proto__: details { hasOwnProperty: text } } }
    constructor: items(first: 2) @stream { ... @defer { __proto__: tags } }
  }`;
  const parts = await (await PartReader.open(shop.gateway, query)).rest();
  expect(JSON.stringify(mergeParts(parts).data)).toBe(
    JSON.stringify(
      JSON.parse(
        '{"__proto__":{"then":"1","constructor":"item 1","__proto__":{"hasOwnProperty":"about 1"}},"constructor":[{"__proto__":["a","b","c"]},{"__proto__":["a","b","c"]}]}',
      ),
    ),
  );
  expect(parts[0]?.pending).toContainEqual({
    id: expect.any(String),
    path: ['__proto__'],
    label: '__proto__',
  });
  expect(Object.keys(Object.prototype)).toEqual([]);
});

it('sends labels back as data, whatever is in them', async () => {
  const label = '\r\n---\r\n\u2028"\\{}';
  const query = `{ item(id: 1) { ... @defer(label: ${JSON.stringify(label)}) { name } } }`;
  for (const accept of [CURRENT, 'text/event-stream']) {
    const [first] = await (await PartReader.open(shop.gateway, query, { accept })).rest();
    expect(first?.pending).toEqual([{ id: '0', path: ['item'], label }]);
  }
});

it('sends a long list with a fragment deferred in each item in a time that others do not notice', async () => {
  const query = '{ items(first: 5000) { id ... @defer { name } } }';
  const startedAt = performance.now();
  const parts = await (await PartReader.open(shop.gateway, query)).rest();
  expect((mergeParts(parts).data as { items: unknown[] }).items).toHaveLength(5000);
  expect(performance.now() - startedAt).toBeLessThan(5000);
});

describe('in a subscription', () => {
  it.each([
    ['subscription { riderMoved(id: "1") { id ... @defer { name } } }', {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['subscription { ... @defer { riderMoved(id: "1") { id } } }', {}, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'subscription ($d: Boolean!) { riderMoved(id: "1") { id ... @defer(if: $d) { name } } }',
      { d: true },
      'BAD_VARIABLES',
    ],
  ])('%s with %j is refused as %s', async (query, variables, code) => {
    await using riders = await startRiders();
    await using socket = await RawSocket.open(riders.gateway);
    socket.subscribe('a', query, { variables });
    const { payload } = await socket.until(({ id }) => id === 'a');
    const errors = Array.isArray(payload) ? payload : (payload as { errors: unknown[] }).errors;
    expect(errors[0]).toMatchObject({ extensions: { code } });
    expect(riders.backend.subscribers).toBe(0);
  });

  it.each(['compiled', 'reference'])(
    'switched off, they are as if they were not there (%s)',
    async (engine) => {
      await using riders = await startRiders({ client: `engine: ${engine}` });
      const query =
        'subscription ($d: Boolean!) { riderMoved(id: "1") { ... @defer(if: $d) { name } ... @defer(if: false) { id } } }';
      await using socket = await RawSocket.open(riders.gateway);
      socket.subscribe('a', query, { variables: { d: false } });
      await riders.backend.untilSubscribers(1);
      riders.backend.move('1', 'Ann');
      expect(await socket.until(({ type }) => type === 'next')).toMatchObject({
        payload: { data: { riderMoved: { name: 'Ann', id: '1' } } },
      });
    },
  );
});

it.each(['compiled', 'reference'])(
  'gives one answer with the engine `%s`, in the order of the document',
  async (engine) => {
    await using other = await startShop({ client: `engine: ${engine}` });
    const query =
      '{ item(id: 1) { ... @defer { name } id ... @defer { details { text } } } items(first: 2) @stream { id } }';
    const { text } = await post(other.gateway, { query });
    expect(text).toBe(
      '{"data":{"item":{"name":"item 1","id":"1","details":{"text":"about 1"}},"items":[{"id":"1"},{"id":"2"}]}}',
    );
  },
);
