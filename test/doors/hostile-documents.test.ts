/** Documents and variables made to cost: refused with a code before anything is planned, quickly, without a stack overflow. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, ask, codesOf, post } from './ask.ts';
import { RawSocket } from './riders.ts';
import { startThings, type ThingsBackend, thingsFiles } from './things.ts';

/** Measured alone, every refusal costs less than 50 ms; a busy machine gets more. */
const WITHIN_MS = 1000;

let backend: ThingsBackend;
let gateway: TestGateway;
beforeAll(async () => {
  backend = await startThings();
  gateway = await startGateway(thingsFiles(backend.url));
  await post(gateway, { query: '{ thing(id: 1) { name } }' });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

async function refusal(payload: unknown): Promise<Answer> {
  const before = backend.asked.length;
  const startedAt = performance.now();
  const answer = await post(gateway, payload);
  expect(performance.now() - startedAt).toBeLessThan(WITHIN_MS);
  expect(answer.body).not.toHaveProperty('data');
  expect(answer.text.length).toBeLessThan(20_000);
  expect(backend.asked.length).toBe(before);
  return answer;
}

const repeat = (count: number, of: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => of(i)).join(' ');
const nested = (count: number, begin: string, inside: string, end: string) =>
  begin.repeat(count) + inside + end.repeat(count);

const FAMILIES: Readonly<Record<string, (levels: number) => string>> = {
  fields: (n) => `{thing(id:1)${nested(n, '{friend', '{id}', '}')}}`,
  'inline fragments': (n) => nested(n, '{...', '{__typename}', '}'),
  'chains of fragments': (n) =>
    `{...F0} ${repeat(n, (i) => `fragment F${i} on Query{...F${i + 1}}`)} fragment F${n} on Query{__typename}`,
  'fragments that nobody uses': (n) =>
    `{__typename} ${repeat(n, (i) => `fragment F${i} on Query{...F${i + 1}}`)} fragment F${n} on Query{__typename}`,
  lists: (n) => `{echo(nested:{list:${nested(n, '[', '', ']')}})}`,
  objects: (n) => `{echo(nested:${nested(n, '{nested:', '{}', '}')})}`,
  'types of variables': (n) => `query($a:${nested(n, '[', 'Int', ']')}){echo(number:$a)}`,
  aliases: (n) => `{${repeat(n, (i) => `a${i}:__typename`)}}`,
  'aliases below a field': (n) => `{thing(id:1){${repeat(n * 20, (i) => `a${i}:id`)}}}`,
  directives: (n) => `{__typename ${repeat(n * 2, () => '@skip(if:false)')}}`,
  operations: (n) => repeat(n * 2, (i) => `query Q${i}{__typename}`),
};

describe.each(Object.keys(FAMILIES))('%s', (family) => {
  it.each([120, 1000, 10_000, 100_000])('%i of them are refused', async (count) => {
    const answer = await refusal({ query: FAMILIES[family]!(count), operationName: 'Q1' });
    expect([400, 413]).toContain(answer.status);
    expect(['OPERATION_TOO_LARGE', 'BODY_TOO_LARGE']).toContain(codesOf(answer)[0]);
  });
});

describe('fragments', () => {
  it.each([
    ['a cycle', '{...A} fragment A on Query{...B} fragment B on Query{...A}'],
    ['a fragment of itself', '{...A} fragment A on Query{__typename ...A}'],
    ['a cycle through fields', '{thing(id:1){...A}} fragment A on Thing{friend{...A}}'],
    ['a cycle that nobody uses', '{__typename} fragment A on Query{...B} fragment B on Query{...A}'],
    [
      'a cycle of 15 that all lead to all',
      `{__typename ...F0} ${repeat(15, (i) => `fragment F${i} on Query{${repeat(15, (j) => `...F${j}`)}}`)}`,
    ],
    [
      'a cycle that doubles through fields',
      '{thing(id:1){...A}} fragment A on Thing{friend{...A} other:friend{...A}}',
    ],
    [
      'a cycle behind a fragment of the same name, and a field that is not there',
      '{...A nope} fragment A on Query{__typename} fragment A on Query{__typename ...A}',
    ],
    [
      'a cycle behind a fragment of the same name, and another that nobody has',
      '{...A} fragment A on Query{...B} fragment A on Query{...A} fragment B on Query{__typename}',
    ],
    [
      'an unknown fragment, doubled 40 times',
      `{__typename ...F0} ${repeat(40, (i) => `fragment F${i} on Query{...F${i + 1} ...F${i + 1}}`)} fragment F40 on Query{...X}`,
    ],
  ])('%s is found by validation', async (_what, query) => {
    const answer = await refusal({ query });
    expect(answer.status).toBe(400);
    expect(codesOf(answer)[0]).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  it.each([
    [
      'doubling 30 times',
      `{...F0} ${repeat(30, (i) => `fragment F${i} on Query{...F${i + 1} ...F${i + 1}}`)} fragment F30 on Query{__typename}`,
    ],
    [
      'doubling through aliases',
      `{thing(id:1){...F0}} ${repeat(15, (i) => `fragment F${i} on Thing{a:friend{...F${i + 1}} b:friend{...F${i + 1}}}`)} fragment F15 on Thing{id}`,
    ],
    [
      'a thousand overlapping inline fragments',
      `{thing(id:1){${repeat(1000, () => '...on Thing{id name}')}}}`,
    ],
    [
      'hundreds of overlapping fragments',
      `{thing(id:1){${repeat(300, (i) => `...F${i}`)}}} ${repeat(300, (i) => `fragment F${i} on Thing{id name friend{id}}`)}`,
    ],
    [
      'hundreds of fragments of one field each',
      `{${repeat(700, (i) => `...F${i}`)}} ${repeat(700, (i) => `fragment F${i} on Query{__typename}`)}`,
    ],
    [
      'fields that overlap on every level',
      `{thing(id:1){${repeat(12, () => `friend{${repeat(12, () => `friend{${repeat(12, () => 'id')}}`)}}`)}}}`,
    ],
  ])('%s are refused', async (_what, query) => {
    const answer = await refusal({ query });
    expect(answer.status).toBe(400);
    expect(codesOf(answer)).toEqual(['OPERATION_TOO_LARGE']);
  });

  it('one named __schema counts like any other', async () => {
    const small = await post(gateway, {
      query: '{...__schema} fragment __schema on Query{thing(id:1){name}}',
    });
    expect(small.body).toEqual({ data: { thing: { name: 'one' } } });
    const large = await refusal({
      query: `{...__schema} fragment __schema on Query{${repeat(60, (i) => `a${i}:__typename`)}}`,
    });
    expect(codesOf(large)).toEqual(['OPERATION_TOO_LARGE']);
  });
});

it('names may be long, texts and comments longer', async () => {
  const alias = `_${'a1B'.repeat(85)}`;
  const { body } = await post(gateway, {
    query: `{ thing(id: 1) { ${alias}: name } } # ${'a'.repeat(300)}`,
  });
  expect(body).toEqual({ data: { thing: { [alias]: 'one' } } });
  const long = await post(gateway, {
    query: `{ echo(text: "${'a'.repeat(300)}", number: ${'9'.repeat(300)}) }`,
  });
  expect(long.body).not.toHaveProperty('errors');
});

describe('sizes', () => {
  it.each([
    ['a million tokens', { query: `{${'a '.repeat(490_000)}}` }, 400, 'OPERATION_TOO_LARGE'],
    ['a name of a million characters', { query: `{${'a'.repeat(900_000)}}` }, 400, 'OPERATION_TOO_LARGE'],
    [
      'an alias of 257 characters',
      { query: `{thing(id:1){${'a'.repeat(257)}:name}}` },
      400,
      'OPERATION_TOO_LARGE',
    ],
    [
      'a string of ten megabytes',
      { query: `{echo(text:"${'a'.repeat(10_000_000)}")}` },
      413,
      'BODY_TOO_LARGE',
    ],
    ['a string without an end', { query: `{echo(text:"${'a'.repeat(900_000)}` }, 400, 'GRAPHQL_PARSE_FAILED'],
    [
      'a block string without an end',
      { query: `{echo(text:"""${'\\"""'.repeat(100_000)}` },
      400,
      'GRAPHQL_PARSE_FAILED',
    ],
    ['a comment of a megabyte', { query: `#${'{'.repeat(900_000)}` }, 400, 'GRAPHQL_PARSE_FAILED'],
    [
      'thousands of unknown fields',
      { query: `{thing(id:1){${repeat(1900, (i) => `x${i}`)}}}` },
      400,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      '80,000 keys of variables',
      `{"query":"{__typename}","variables":{${repeat(80_000, (i) => `"k${i}":1,`)}"z":1}}`,
      400,
      'OPERATION_TOO_LARGE',
    ],
    [
      '80,000 keys of an input object',
      `{"query":"query($n:Nested){echo(nested:$n)}","variables":{"n":{${repeat(80_000, (i) => `"k${i}":1,`)}"z":1}}}`,
      400,
      'OPERATION_TOO_LARGE',
    ],
    [
      '200,000 wrong items of a list',
      `{"query":"query($n:Nested){echo(nested:$n)}","variables":{"n":{"list":[${'1,'.repeat(200_000)}1]}}}`,
      400,
      'BAD_VARIABLES',
    ],
    [
      '30,000 objects in variables',
      `{"query":"query($n:Nested){echo(nested:$n)}","variables":{"n":{"list":[${'{},'.repeat(30_000)}{}]}}}`,
      400,
      'OPERATION_TOO_LARGE',
    ],
    [
      'a wrong value of half a megabyte',
      { query: 'query($l:Level){echo(level:$l)}', variables: { l: 'x'.repeat(500_000) } },
      400,
      'BAD_VARIABLES',
    ],
  ])('%s', async (_what, payload, status, code) => {
    const answer = await refusal(payload);
    expect(answer.status).toBe(status);
    expect(codesOf(answer)[0]).toBe(code);
  });

  it.each([100, 10_000, 100_000])('%i levels of variables', async (levels) => {
    for (const value of [nested(levels, '[', '', ']'), nested(levels, '{"nested":', '{}', '}')]) {
      const payload = `{"query":"query($n:Nested){echo(nested:$n)}","variables":{"n":${value}}}`;
      const answer = await refusal(payload);
      expect([400, 413]).toContain(answer.status);
      expect(['OPERATION_TOO_LARGE', 'BODY_TOO_LARGE']).toContain(codesOf(answer)[0]);
    }
  });

  it('brackets in strings and comments nest nothing', async () => {
    const answer = await post(gateway, {
      query: `{ echo(text: "${'('.repeat(300)}") } # ${'['.repeat(300)}`,
    });
    expect(answer.body.data.echo).toContain('((((');
  });
});

describe('characters and numbers', () => {
  it.each([
    ['1e400 as a literal', { query: '{ echo(number: 1e400) }' }],
    ['a number of 400 digits', { query: `{ echo(number: ${'9'.repeat(400)}) }` }],
    ['1e400 in a variable', '{"query":"query($n:Float){echo(number:$n)}","variables":{"n":1e400}}'],
    ['a lone surrogate in a document', '{"query":"{ echo(text: \\"\\ud800\\") }"}'],
    ['NUL in a document', { query: '{ __typename \0 }' }],
    ['a byte order mark in the middle', { query: '{ __type\uFEFFname }' }],
  ])('%s is refused', async (_what, payload) => {
    expect((await refusal(payload)).status).toBe(400);
  });

  it.each([
    ['a lone surrogate', '"\\ud800"'],
    ['NUL', '"a\\u0000b"'],
    ['a line separator', '"\\u2028"'],
  ])('%s in a variable is data, or an error of its field', async (_what, value) => {
    const variables = `{"n":${value}}`;
    const body = await post(gateway, `{"query":"query($n:String){echo(text:$n)}","variables":${variables}}`);
    expect(body.status).toBe(200);
    const path = await post(gateway, `{"query":"query($n:ID!){thing(id:$n){id}}","variables":${variables}}`);
    expect([200, 294]).toContain(path.status);
    for (const code of codesOf(path)) expect(code).toBe('BAD_ARGUMENT');
  });
});

describe('by the other doors', () => {
  it('GET is bounded the same', async () => {
    const query = encodeURIComponent(FAMILIES.fields!(200));
    const answer = await ask(gateway, { search: `?query=${query}` });
    expect(answer.status).toBe(400);
    expect(codesOf(answer)).toEqual(['OPERATION_TOO_LARGE']);
  });

  it.each(['fields', 'chains of fragments', 'aliases', 'directives'])(
    'so is a websocket, for %s',
    async (family) => {
      await using socket = await RawSocket.open(gateway);
      socket.subscribe('a', FAMILIES[family]!(1000));
      expect(await socket.until(({ id }) => id === 'a')).toMatchObject({
        type: 'error',
        payload: [{ extensions: { code: 'OPERATION_TOO_LARGE' } }],
      });
    },
  );
});
