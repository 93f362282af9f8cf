/** What is asked for makes the key: whatever differs is another question, and nothing that comes along is more than data. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type City, startCity } from './city.ts';

let city: City;
beforeAll(async () => {
  city = await startCity();
});
afterAll(() => city[Symbol.asyncDispose]());

const ECHO =
  'query ($text: JSON, $list: [Int], $flag: Boolean) { echo(text: $text, list: $list, flag: $flag) }';

/** JSON texts of variables, each another question than all others. */
const DIFFERENT = [
  '{}',
  '{"text":null}',
  '{"text":"null"}',
  '{"text":1}',
  '{"text":"1"}',
  '{"text":"1,"}',
  '{"text":true}',
  '{"text":"true"}',
  '{"text":[]}',
  '{"text":{}}',
  '{"text":[[]]}',
  '{"text":[1,2]}',
  '{"text":[12]}',
  '{"text":["1,2"]}',
  '{"text":{"a":1}}',
  '{"text":{"a":"1"}}',
  '{"text":{"a":1,"b":2}}',
  '{"text":{"a":"1,\\"b\\":2"}}',
  '{"text":{"__proto__":{"a":1}}}',
  '{"text":{"constructor":1}}',
  '{"text":"\\ud800"}',
  '{"text":"\\ufffd"}',
  '{"text":"a\\u0000b"}',
  '{"text":"ab"}',
  '{"text":"]},{"}',
  '{"list":[1]}',
  '{"list":[1],"flag":true}',
  '{"list":[1],"flag":null}',
  '{"flag":false}',
  `{"text":"${'x'.repeat(400)}"}`,
  `{"text":"${'x'.repeat(401)}"}`,
];

async function ask(variables: string, query = ECHO) {
  const response = await city.gateway.fetch('/open/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{"query":${JSON.stringify(query)},"variables":${variables}}`,
  });
  const text = await response.text();
  return { text, status: response.headers.get('cache-status') };
}

test('variables that differ are asked for each, and then each has its own answer', async () => {
  const first = [];
  for (const variables of DIFFERENT) {
    const { text, status } = await ask(variables);
    expect(status, variables.slice(0, 80)).toBe('hem; fwd=miss; stored');
    first.push(text);
  }
  for (const [index, variables] of DIFFERENT.entries()) {
    const { text, status } = await ask(variables);
    expect(status).toMatch(/^hem; hit/);
    expect(text).toBe(first[index]);
  }
});

test('the order of names, and variables that the operation does not have, make no difference', async () => {
  await ask('{"text":{"x":1,"y":{"b":1,"a":2}},"flag":true}');
  expect((await ask('{"flag":true,"text":{"y":{"a":2,"b":1},"x":1},"more":1}')).status).toMatch(/^hem; hit/);
  expect((await ask('{"flag":true,"text":{"y":{"a":2,"b":1},"x":1},"__proto__":{"a":1}}')).status).toMatch(
    /^hem; hit/,
  );
});

test('another operation of a document is another question', async () => {
  const query = 'query A { brief } query B { brief: desk }';
  const named = (operationName: string) =>
    city.gateway.query('open', query, { operationName }).then(({ body }) => body.data.brief);
  expect([await named('A'), await named('B'), await named('A'), await named('B')]).toEqual([
    '/brief',
    'desk of nobody',
    '/brief',
    'desk of nobody',
  ]);
});

test('aliases that objects inherit are data, also out of the cache', async () => {
  const query = '{ __proto__: brief constructor: brief then: brief hasOwnProperty: brief }';
  const [first, second] = [await ask('{}', query), await ask('{}', query)];
  expect(second.status).toMatch(/^hem; hit/);
  expect(second.text).toBe(first.text);
  expect(Object.getOwnPropertyNames(JSON.parse(second.text).data)).toEqual([
    '__proto__',
    'constructor',
    'then',
    'hasOwnProperty',
  ]);
  expect(({} as { brief?: unknown }).brief).toBeUndefined();
});

test('a header that travels on makes the key, one that does not makes none', async () => {
  const desk = (headers: Record<string, string>) => city.ask('{ desk }', { headers });
  const first = await desk({ authorization: 'Basic YTpi' });
  const other = await desk({ authorization: 'Basic YTpj' });
  expect([first.body.data.desk, other.body.data.desk]).toEqual(['desk of Basic YTpi', 'desk of Basic YTpj']);
  const again = await desk({ authorization: 'Basic YTpi', 'x-request-id': 'mine', 'x-other': '1' });
  expect(again.headers.get('cache-status')).toMatch(/^hem; hit/);
  expect(again.body.data.desk).toBe('desk of Basic YTpi');
});

test('what does not fit is refused as ever, and nothing is kept of it', async () => {
  for (const variables of ['{"list":["a"]}', '{"flag":1}', '{"list":[1e400]}'])
    for (let count = 0; count < 2; count++) {
      const { text, status } = await ask(variables);
      expect(text).toContain('BAD_VARIABLES');
      expect(status).toBeNull();
    }
});

test('an answer that is longer than may be kept is given all the same', async () => {
  await using small = await startCity({ cache: { responses: { maxEntryBytes: '100B', maxBytes: '10KB' } } });
  const text = 'y'.repeat(500);
  for (let count = 0; count < 2; count++) {
    const { body, headers } = await small.ask(ECHO, { variables: { text } });
    expect(body.data.echo).toBe(JSON.stringify({ text }));
    expect(headers.get('cache-status')).toBe('hem; fwd=miss');
    expect(headers.get('etag')).toBeNull();
  }
  // What is kept has an end, too: the oldest go.
  const short = (n: number) => small.ask(ECHO, { variables: { list: [n] } });
  for (let n = 0; n < 100; n++) await short(n);
  expect((await short(99)).headers.get('cache-status')).toMatch(/^hem; hit/);
  expect((await short(0)).headers.get('cache-status')).toBe('hem; fwd=miss; stored');
  // Operators see how full it is.
  const page = await (await fetch(`${small.gateway.adminUrl}/metrics`)).text();
  const told = (name: string) =>
    Number(new RegExp(`^${name}\\{cache="response",client="open"\\} (\\d+)$`, 'm').exec(page)?.[1]);
  expect(told('hem_cache_bytes')).toBeGreaterThan(5000);
  expect(told('hem_cache_bytes')).toBeLessThanOrEqual(10 * 1024);
  expect(told('hem_cache_evicted_total') + told('hem_cache_entries')).toBeGreaterThanOrEqual(100);
});
