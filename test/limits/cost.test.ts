/** What operations cost, as the refusal of a client says it that lets nothing pass. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { answerLibrary, libraryFiles } from './library.ts';

let backend: JsonBackend;
let gateway: TestGateway;

beforeAll(async () => {
  backend = await startJsonBackend(answerLibrary);
  gateway = await startGateway({
    files: libraryFiles(backend.url, {
      none: 'cost: { maximum: 0 }',
      five: 'cost: { maximum: 0, listSize: 5 }',
      some: 'cost: { maximum: 30 }',
    }),
  });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});

/** The cost; 0 when it was executed. */
async function costOf(query: string, variables?: Record<string, unknown>, client = 'none'): Promise<unknown> {
  const before = backend.requests.length;
  const { status, body } = await gateway.query(client, query, { variables });
  const [error] = body.errors ?? [];
  if (error === undefined || 'data' in body) return 0;
  if (error.extensions.code !== 'COST_EXCEEDED') return error.extensions.code;
  expect({ status, called: backend.requests.length - before }).toEqual({ status: 400, called: 0 });
  expect(error.extensions.maximum).toBe(0);
  return error.extensions.cost;
}

const MOST = Number.MAX_SAFE_INTEGER;

type Case = readonly [what: string, query: string, cost: unknown, variables?: Record<string, unknown>];

const CASES: readonly Case[] = [
  ['a scalar is free', '{ plain }', 0],
  ['names of types are free', '{ __typename author: __typename }', 0],
  ['introspection is free', '{ __schema { types { name fields { name } } } }', 0],
  ['a weight', '{ dear }', 5],
  ['a weight as text, rounded up', '{ text }', 3],
  ['fractions add up before they are rounded', '{ a: text b: text }', 5],
  ['aliases count each', '{ a: dear b: dear c: dear }', 15],
  ['what is selected twice counts once', '{ dear dear ...F } fragment F on Query { dear }', 5],
  ['a view raises', '{ dearer }', 6],
  ['an object', '{ author { name } }', 1],
  ['a field without a weight of its own still gives an object', '{ free { name } }', 1],
  ['an enum with a weight', '{ author { genre } }', 2],
  ['a scalar with a weight', '{ author { isbn } }', 5],
  ['an object in an object', '{ author { best { title } } }', 4],
  ['each object on a path', '{ bestTitle }', 4],
  ['a list is taken to be 10', '{ authors { name } }', 10],
  ['a list of leaves', '{ genres }', 5],
  ['a list with an assumed size', '{ known { name } }', 3],
  ['a view makes a list longer', '{ many { name } }', 30],
  ['lists in lists of the answer', '{ matrix { title } }', 300],
  ['lists in objects in lists multiply', '{ known { books(first: 4) { title } } }', 3 * (1 + 4 * 3)],
  ['a literal', '{ books(first: 2) { title } }', 6],
  ['zero', '{ books(first: 0) { title } }', 0],
  ['negative', '{ books(first: -5) { title } }', 30],
  ['negative in a list takes nothing off', '{ dear books(first: -2147483648) { title } }', 35],
  ['null is the assumed size', '{ unset(first: null) { title } }', 12],
  ['null is the default size where none is assumed', '{ books(first: null) { title } }', 30],
  ['nothing is the assumed size', '{ unset { title } }', 12],
  ['the default of the graph', '{ books { title } }', 60],
  ['the default of the view', '{ renamed { title } }', 21],
  ['a renamed argument', '{ renamed(limit: 3) { title } }', 9],
  ['a locked argument', '{ locked { title } }', 27],
  ['the larger of two', '{ books(first: 2, last: 4) { title } }', 12],
  ['the largest Int', '{ books(first: 2147483647) { title } }', 2147483647 * 3],
  [
    'the largest Int in the largest Int stays a number',
    '{ books(first: 2147483647) { author { books(first: 2147483647) { title } } } }',
    MOST,
  ],
  ['a variable', 'query ($n: Int) { books(first: $n) { title } }', 9, { n: 3 }],
  ['a large variable', 'query ($n: Int) { books(first: $n) { title } }', 2147483647 * 3, { n: 2147483647 }],
  ['a negative variable', 'query ($n: Int) { books(first: $n) { title } }', 30, { n: -3 }],
  ['a variable that is null', 'query ($n: Int) { unset(first: $n) { title } }', 12, { n: null }],
  ['a variable that is absent', 'query ($n: Int) { books(first: $n) { title } }', 60],
  ['the default of a variable', 'query ($n: Int = 4) { books(first: $n) { title } }', 12],
  ['a variable over its default', 'query ($n: Int = 4) { books(first: $n) { title } }', 3, { n: 1 }],
  ['a variable that does not fit', 'query ($n: Int) { books(first: $n) { title } }', 30, { n: 'many' }],
  ['a fraction', 'query ($n: Int) { books(first: $n) { title } }', 30, { n: 1.5 }],
  ['nested, as a literal', '{ paged(page: { first: 3 }) { title } }', 9],
  ['nested, in a variable', 'query ($p: Page) { paged(page: $p) { title } }', 12, { p: { first: 4 } }],
  ['nested, a variable inside', 'query ($n: Int) { paged(page: { first: $n }) { title } }', 15, { n: 5 }],
  [
    'nested and huge',
    'query ($p: Page) { paged(page: $p) { title } }',
    6442450941,
    { p: { first: 2147483647 } },
  ],
  ['nested, the default inside', '{ paged(page: {}) { title } }', 18],
  ['nested and null', '{ paged(page: null) { title } }', 30],
  ['nested and absent', '{ paged { title } }', 30],
  ['by the length of a list', '{ byIds(ids: ["1", "2", "3"]) { title } }', 9],
  [
    'by the length of a list in a variable',
    'query ($i: [ID!]!) { byIds(ids: $i) { title } }',
    6,
    { i: ['1', '2'] },
  ],
  ['by one value where a list is', '{ byIds(ids: "1") { title } }', 3],
  ['a number beyond all others', '{ big(count: "99999999999999999999999999") { title } }', MOST],
  [
    'a number beyond all others, below nothing',
    '{ big(count: "-99999999999999999999999999") { title } }',
    30,
  ],
  ['a number behind many zeros', `{ big(count: "${'0'.repeat(200)}1000") { title } }`, 3000],
  ['below nothing, in a variable', 'query ($n: Int) { unset(first: $n) { title } }', 12, { n: -5 }],
  ['a list further down', '{ search(first: 3) { items { title } } }', 1 + 9],
  ['a list further down, by default', '{ search { items { title } } }', 1 + 15],
  ['a list two levels down', '{ search(first: 3) { inner { nodes { name } } } }', 1 + 1 + 3],
  ['a list two levels down, by a path', '{ search(first: 3) { authors { name } } }', 1 + 1 + 3],
  ['a path through what says the size', '{ found { title } }', 1 + 15],
  ['what is below an unsized field', '{ search(first: 100) { total } }', 1],
  ['an argument with a weight', '{ filtered(dearest: 1) }', 7],
  ['an argument that is null', '{ filtered(dearest: null) }', 0],
  ['input fields', '{ filtered(filter: { name: "a" }) }', 2],
  ['an enum in an input', '{ filtered(filter: { genre: CRIME }) }', 1],
  ['lists in inputs', '{ filtered(filter: { all: [{ name: "a" }, { name: "b" }] }) }', 5],
  [
    'inputs in variables',
    'query ($f: Filter) { filtered(filter: $f) }',
    5,
    { f: { all: [{ name: 'a' }, { name: 'b' }] } },
  ],
  ['an interface: the dearest type', '{ named { name } }', 50],
  ['an interface: what is selected of one type', '{ named { name ... on Small { name } } }', 50],
  ['an interface: the dearest selection', '{ named { ... on Large { book { title } } } }', 53],
  ['a union in a list', '{ things { ... on Small { name } } }', 500],
  ['a mutation', 'mutation { touch }', 10],
  ['a mutation with a weight', 'mutation { cheap }', 1],
  ['a mutation that gives an object', 'mutation { write { name } }', 11],
  ['what is skipped', 'query ($s: Boolean!) { dear @skip(if: $s) text }', 3, { s: true }],
  ['what is not skipped', 'query ($s: Boolean!) { dear @skip(if: $s) text }', 8, { s: false }],
  ['what is included by default', 'query ($s: Boolean = false) { dear @include(if: $s) text }', 3],
  ['what is deferred', '{ author { name ... @defer { best { title } } } }', 4],
  ['what is streamed', '{ known @stream(initialCount: 1) { name } }', 3],
  [
    'fragments',
    '{ ...A } fragment A on Query { author { ...B } } fragment B on Author { best { title } }',
    4,
  ],
  [
    'a fragment in two places',
    '{ a: author { ...B } b: author { ...B } } fragment B on Author { best { title } }',
    8,
  ],
  ['one size, given', '{ exact(first: 2) { title } }', 6],
  ['one size, given as the other', '{ exact(last: 3) { title } }', 9],
  ['no size where there has to be one', '{ exact { title } }', 'GRAPHQL_VALIDATION_FAILED'],
  ['null for a size', '{ exact(first: null) { title } }', 'GRAPHQL_VALIDATION_FAILED'],
  ['two sizes', '{ exact(first: 1, last: 1) { title } }', 'GRAPHQL_VALIDATION_FAILED'],
  ['one of two variables', 'query ($a: Int, $b: Int) { exact(first: $a, last: $b) { title } }', 6, { b: 2 }],
  [
    'none of two variables',
    'query ($a: Int, $b: Int) { exact(first: $a, last: $b) { title } }',
    'GRAPHQL_VALIDATION_FAILED',
    { a: null },
  ],
  ['prototype names', '{ constructor: dear __proto__: dear then: dear }', 15],
];

describe('an operation costs', () => {
  const cases = CASES.map(([what, query, cost, variables]) => ({ what, query, cost, variables }));
  test.each(cases)('$what: $cost', async ({ query, cost, variables }) => {
    expect(await costOf(query, variables)).toBe(cost);
  });
});

test('a client says how long lists are of which nobody says it', async () => {
  expect(await costOf('{ authors { name } known { name } }', undefined, 'five')).toBe(5 + 3);
  expect(await costOf('{ matrix { title } }', undefined, 'five')).toBe(75);
});

test('what costs no more than the maximum is executed', async () => {
  expect((await gateway.query('some', '{ matrix { title } }')).body.errors?.[0]?.message).toBe(
    'The operation costs 300; at most 30 are allowed. Ask for shorter lists, or for less of each.',
  );
  expect((await gateway.query('some', '{ books(first: 10) { title } }')).body.data.books).toHaveLength(5);
  expect((await gateway.query('some', '{ books(first: 11) { title } }')).status).toBe(400);
});

test('the message says what has to be given', async () => {
  const { body } = await gateway.query('some', '{ exact { title } }');
  expect(body.errors?.[0]?.message).toBe('Query.exact has to say how many it wants: with "first" or "last".');
});

test('an operation whose cost is beyond all numbers', async () => {
  const deep = (level: number): string =>
    level === 0
      ? 'title'
      : `author { a: books(first: 999) { ${deep(level - 1)} } b: books(first: 999) { title } }`;
  expect(await costOf(`{ books(first: 999) { ${deep(8)} } }`)).toBe(MOST);
});
