/** Files: GraphQL multipart requests on their way to a backend that takes multipart/form-data. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, ask, codesOf } from './ask.ts';
import { startThings, type ThingsBackend, thingsFiles } from './things.ts';

let backend: ThingsBackend;
let gateway: TestGateway;
beforeAll(async () => {
  backend = await startThings();
  gateway = await startGateway(
    thingsFiles(backend.url, {
      client: 'uploads: { maxFiles: 2, maxFileBytes: 1KB }\nlimits: { bodyBytes: 4KB }\nbatching: { max: 2 }',
    }),
  );
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

const UPLOAD =
  'mutation ($f: Upload!, $n: String) { upload(file: $f, note: $n) { field name type bytes text } }';
const MANY = 'mutation ($f: [Upload]!) { uploadAll(files: $f) { name bytes } }';
const one = (query = UPLOAD) => ({ query, variables: { f: null } });

type Part = readonly [name: string, value: string | File];

function send(
  parts: readonly Part[],
  headers: Record<string, string> = { 'x-requested-with': 'test' },
): Promise<Answer> {
  const form = new FormData();
  for (const [name, value] of parts) form.append(name, value);
  return ask(gateway, { method: 'POST', headers: { accept: 'application/json', ...headers }, body: form });
}

const file = (text = 'hello', name = 'a.txt') => new File([text], name, { type: 'text/plain' });
const request = (operations: unknown, map: unknown, ...files: Part[]): Part[] => [
  ['operations', JSON.stringify(operations)],
  ['map', JSON.stringify(map)],
  ...files,
];

describe('a file', () => {
  it('reaches the backend with its name and type', async () => {
    const { status, body } = await send(request(one(), { 0: ['variables.f'] }, ['0', file()]));
    expect(body).toEqual({
      data: { upload: { field: 'file', name: 'a.txt', type: 'text/plain', bytes: 5, text: 'hello' } },
    });
    expect(status).toBe(200);
  });

  it('may be one of several', async () => {
    const operations = { query: MANY, variables: { f: [null, null] } };
    const map = { a: ['variables.f.0'], b: ['variables.f.1'] };
    const { body } = await send(request(operations, map, ['a', file('1')], ['b', file('22', 'b.txt')]));
    expect(body.data.uploadAll).toEqual([
      { name: 'a.txt', bytes: 1 },
      { name: 'b.txt', bytes: 2 },
    ]);
  });

  it('may belong to one operation of a batch', async () => {
    const { body } = await send(
      request([{ query: '{ __typename }' }, one()], { 0: ['1.variables.f'] }, ['0', file()]),
    );
    expect(body).toMatchObject([{ data: {} }, { data: { upload: { bytes: 5 } } }]);
  });

  it('may have exactly as many bytes as are allowed, in exactly as many files', async () => {
    const operations = { query: MANY, variables: { f: [null, null] } };
    const map = { a: ['variables.f.0'], b: ['variables.f.1'] };
    const full = file('x'.repeat(1024));
    const { body } = await send(request(operations, map, ['a', full], ['b', full]));
    expect(body.data.uploadAll).toHaveLength(2);
  });
});

describe('what is refused before anything is asked of a backend', () => {
  const bad: ReadonlyArray<readonly [string, readonly Part[], number, string]> = [
    [
      'a file that is too large',
      request(one(), { 0: ['variables.f'] }, ['0', file('x'.repeat(1025))]),
      413,
      'BODY_TOO_LARGE',
    ],
    [
      'too many files',
      request(
        { query: MANY, variables: { f: [null, null, null] } },
        { 0: ['variables.f.0'], 1: ['variables.f.1'], 2: ['variables.f.2'] },
        ['0', file()],
        ['1', file()],
        ['2', file()],
      ),
      400,
      'BAD_REQUEST',
    ],
    [
      'one file in too many places',
      request(
        { query: MANY, variables: { f: [null, null, null] } },
        { 0: ['variables.f.0', 'variables.f.1', 'variables.f.2'] },
        ['0', file()],
      ),
      400,
      'BAD_REQUEST',
    ],
    [
      'operations that are too large',
      request({ ...one(), extensions: { x: 'x'.repeat(5000) } }, { 0: ['variables.f'] }, ['0', file()]),
      413,
      'BODY_TOO_LARGE',
    ],
    ['no operations', [['map', '{}']], 400, 'BAD_REQUEST'],
    ['no map', [['operations', JSON.stringify(one())]], 400, 'BAD_REQUEST'],
    [
      'operations that are a file',
      [
        ['operations', file()],
        ['map', '{}'],
      ],
      400,
      'BAD_REQUEST',
    ],
    [
      'operations that are no JSON',
      [
        ['operations', '{'],
        ['map', '{}'],
      ],
      400,
      'BAD_REQUEST',
    ],
    [
      'operations twice',
      [
        ['operations', '{}'],
        ['operations', '{}'],
        ['map', '{}'],
      ],
      400,
      'BAD_REQUEST',
    ],
    [
      'a map that is no JSON',
      [
        ['operations', JSON.stringify(one())],
        ['map', '{'],
      ],
      400,
      'BAD_REQUEST',
    ],
    ['a map that is a list', request(one(), [['variables.f']], ['0', file()]), 400, 'BAD_REQUEST'],
    ['a map that is null', request(one(), null), 400, 'BAD_REQUEST'],
    ['paths that are a text', request(one(), { 0: 'variables.f' }, ['0', file()]), 400, 'BAD_REQUEST'],
    ['a path that is a number', request(one(), { 0: [1] }, ['0', file()]), 400, 'BAD_REQUEST'],
    ['a file that is not there', request(one(), { 0: ['variables.f'] }), 400, 'BAD_REQUEST'],
    ['a text instead of a file', request(one(), { 0: ['variables.f'] }, ['0', 'text']), 400, 'BAD_REQUEST'],
    ['a file that nobody maps', request(one(), {}, ['0', file()]), 400, 'BAD_REQUEST'],
    [
      'the same name twice',
      request(one(), { 0: ['variables.f'] }, ['0', file()], ['0', file()]),
      400,
      'BAD_REQUEST',
    ],
    [
      'a place that is taken',
      request({ query: UPLOAD, variables: { f: 'x' } }, { 0: ['variables.f'] }, ['0', file()]),
      400,
      'BAD_REQUEST',
    ],
    [
      'a place that is not there',
      request({ query: UPLOAD }, { 0: ['variables.f'] }, ['0', file()]),
      400,
      'BAD_REQUEST',
    ],
    [
      'a place outside variables',
      request({ ...one(), operationName: null }, { 0: ['operationName'] }, ['0', file()]),
      400,
      'BAD_REQUEST',
    ],
    [
      'the query',
      request({ query: null, variables: {} }, { 0: ['query'] }, ['0', file()]),
      400,
      'BAD_REQUEST',
    ],
    ...['__proto__.f', 'variables.__proto__.f', 'constructor.prototype.f', 'variables.constructor', ''].map(
      (path) =>
        [`the path "${path}"`, request(one(), { 0: [path] }, ['0', file()]), 400, 'BAD_REQUEST'] as const,
    ),
  ];

  it.each(bad)('%s', async (_what, parts, status, code) => {
    const before = backend.asked.length;
    const answer = await send(parts);
    expect(answer.status).toBe(status);
    expect(codesOf(answer)).toEqual([code]);
    expect(backend.asked.length).toBe(before);
    expect(({} as { f?: unknown }).f).toBeUndefined();
  });

  it('endless parts', async () => {
    const body = `--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n\r\n`.repeat(60);
    const answer = await ask(gateway, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=x', 'x-requested-with': 'test' },
      body: `${body}--x--`,
    });
    expect(answer.status).toBe(400);
  });

  it.each([
    [
      'a body that is cut off',
      '--x\r\ncontent-disposition: form-data; name="operations"\r\n\r\n{',
      'boundary=x',
    ],
    ['no boundary', '--x--', 'charset=utf-8'],
    ['an empty body', '', 'boundary=x'],
  ])('%s', async (_what, body, parameters) => {
    const answer = await ask(gateway, {
      method: 'POST',
      headers: { 'content-type': `multipart/form-data; ${parameters}`, 'x-requested-with': 'test' },
      body,
    });
    expect(answer.status).toBe(400);
    expect(codesOf(answer)).toEqual(['BAD_REQUEST']);
  });

  it('a body far above what files and operations may have together', async () => {
    const answer = await send(request(one(), { 0: ['variables.f'] }, ['0', file('x'.repeat(1_000_000))]));
    expect(answer.status).toBe(413);
  });
});

describe('another site’s form', () => {
  it('cannot send files: it cannot set the header that is asked for', async () => {
    const answer = await send(request(one(), { 0: ['variables.f'] }, ['0', file()]), {});
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.[0]?.message).toContain('graphql-require-preflight');
  });

  it.each(['graphql-require-preflight', 'apollo-require-preflight', 'x-requested-with'])(
    '%s will do',
    async (name) => {
      const answer = await send(request(one(), { 0: ['variables.f'] }, ['0', file()]), { [name]: '1' });
      expect(answer.status).toBe(200);
    },
  );
});

it('a text is no file', async () => {
  const answer = await ask(gateway, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: UPLOAD, variables: { f: 'text' } }),
  });
  expect(answer.status).toBe(400);
  expect(codesOf(answer)).toEqual(['BAD_VARIABLES']);
});
