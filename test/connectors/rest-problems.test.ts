/** What is wrong with a REST connector is told when loading, all at once, with its place. */
import { expect, test } from 'vitest';
import { ConfigurationError, type Problem } from '../../src/problems.ts';
import { type RestGatewayOptions, startRestGateway } from '../support/backends/rest.ts';

/** Rules, and what was found, in the order of their places. */
async function problemsOf(options: Omit<RestGatewayOptions, 'view'>): Promise<readonly Problem[]> {
  const view = 'type Query { fine: JSON }';
  try {
    await using _gateway = await startRestGateway({ url: 'http://127.0.0.1:1' }, { ...options, view });
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
}

const inSchema = (fields: string, types = '') =>
  `type Query { fine: JSON @rest(get: "/fine")\n${fields} }\n${types}`;
const short = (problems: readonly Problem[]) => problems.map(({ rule, at, found }) => [rule, at.line, found]);

test('bindings', async () => {
  const schema = inSchema(
    [
      'a: JSON @rest',
      'b: JSON @rest(get: "/b", post: "/b")',
      'c: JSON @rest(get: "http://evil/c")',
      'd: JSON @rest(get: "//evil/d")',
      'e: JSON @rest(get: "/e/../x")',
      'f: JSON @rest(get: "/f#x")',
      'g: JSON @rest(get: "/g?q=a b")',
      'h(x: Int): JSON @rest(get: "/h?{x}=1")',
      'i(x: Int, y: Int): JSON @rest(get: "/i?x={x}")',
      'j: JSON @rest(get: "/j", body: "{}")',
      'k: JSON @rest(post: "/k", body: "{}", form: "{}")',
      'l: JSON @rest(post: "/l", form: "[1]")',
      'm: JSON @rest(get: "/m", headers: [{ name: "a b", value: "x" }])',
      'n: JSON @rest(get: "/n", headers: [{ name: "Content-Length", value: "1" }])',
      'o(file: Upload): JSON @rest(post: "/o", body: "{ file: $file }")',
      'p(deep: Deep): JSON @rest(post: "/p", form: "{ deep: $deep }")',
    ].join('\n'),
    'input Deep { deep: Deep, files: [Upload!] }',
  );
  expect(short(await problemsOf({ schema }))).toEqual([
    ['rest-method', 2, 'none'],
    ['rest-method', 3, 'get and post'],
    ['rest-url', 4, '"http://evil/c"'],
    ['rest-url', 5, '"//evil/d"'],
    ['rest-url', 6, '".."'],
    ['rest-url', 7, '"f#x"'],
    ['rest-url', 8, '"a b"'],
    ['rest-url', 9, '"{x}"'],
    ['rest-unused-argument', 10, 'y'],
    ['rest-body', 11, 'body'],
    ['rest-body', 12, 'body and form'],
    ['rest-body', 13, undefined],
    ['rest-header', 14, '"a b"'],
    ['rest-header', 15, '"Content-Length"'],
    ['rest-upload', 16, '$file'],
    ['rest-upload', 17, '$deep'],
  ]);
});

test('subscriptions', async () => {
  const schema = `${inSchema('')} type Subscription { s: JSON @rest(get: "/s") }`;
  expect((await problemsOf({ schema })).length).toBeGreaterThan(0);
});

test.each([
  ['http://127.0.0.1:1/v1?key=1', 'write query pairs into the URLs of the bindings'],
  ['http://127.0.0.1:1/#x', 'remove what follows "#"'],
  ['http://ada:secret@127.0.0.1:1/', 'write the name and the password as auth: { basic: … }'],
])('an endpoint such as %s', async (endpoint, hint) => {
  const problems = await problemsOf({ endpoint, schema: inSchema('') });
  expect(problems).toMatchObject([
    { rule: 'rest-endpoint', at: { file: 'connectors/shop/connector.yml', line: 2 }, hint },
  ]);
  expect(JSON.stringify(problems)).not.toContain('secret');
});

const OPENAPI = `openapi: 3.0.3
paths:
  /items/{itemId}:
    parameters: [{ $ref: '#/components/parameters/lang' }]
    get: { parameters: [{ name: full, in: query, required: true }, { name: x-trace, in: header, required: true }] }
    delete: {}
  /items: { get: { parameters: [{ name: q, in: query }] } }
components: { parameters: { lang: { name: lang, in: query } } }
`;

test('against an OpenAPI document', async () => {
  const schema = inSchema(
    [
      'ok(id: ID!, lang: String): JSON @rest(get: "/items/{id}?full=1&lang={lang}")',
      'a(id: ID!): JSON @rest(get: "/itmes/{id}")',
      'b(id: ID!): JSON @rest(put: "/items/{id}")',
      'c(s: String): JSON @rest(get: "/items?s={s}")',
      'd(id: ID!): JSON @rest(get: "/items/{id}")',
    ].join('\n'),
  );
  const problems = await problemsOf({
    schema,
    settings: 'spec: openapi.yaml\n',
    files: { 'openapi.yaml': OPENAPI },
  });
  expect(problems.map(({ rule, at }) => [rule, at.line])).toEqual([
    ['rest-unknown-path', 1],
    ['rest-unknown-path', 3],
    ['rest-unknown-method', 4],
    ['rest-unknown-query', 5],
    ['rest-missing-query', 6],
  ]);
  expect(problems[2]).toMatchObject({ found: 'put', expected: 'get, delete' });
  expect(problems[4]?.hint).toContain('full=');
});

test.each([
  ['no YAML', 'openapi: 3.0.0\npaths: [', 'spec-syntax'],
  ['another version', 'swagger: "2.0"\npaths: {}', 'spec-version'],
  ['something else', 'just text', 'spec-version'],
  [
    'aliases without an end',
    `a: &a [x]\n${Array.from({ length: 30 }, (_, i) => `b${i}: &b${i} [${i === 0 ? '*a,*a' : `*b${i - 1},*b${i - 1}`}]`).join('\n')}`,
    'spec-syntax',
  ],
  ['nesting without an end', '['.repeat(100_000), 'spec-syntax'],
])('an OpenAPI document that is %s', async (_what, document, rule) => {
  const problems = await problemsOf({
    schema: inSchema(''),
    settings: 'spec: openapi.yaml\n',
    files: { 'openapi.yaml': document },
  });
  expect(problems[0]).toMatchObject({ rule, at: { file: 'connectors/shop/openapi.yaml' } });
});
