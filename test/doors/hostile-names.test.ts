/** Names that JavaScript gives a meaning of its own are plain data, wherever they come from. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { codesOf, post } from './ask.ts';
import { startThings, type ThingsBackend, thingsFiles } from './things.ts';

let backend: ThingsBackend;
let gateway: TestGateway;
beforeAll(async () => {
  backend = await startThings();
  gateway = await startGateway(thingsFiles(backend.url, { client: 'batching: { max: 2 }' }));
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

const pristine = Object.getOwnPropertyNames(Object.prototype).sort();
afterEach(() => {
  expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(pristine);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

it('aliases', async () => {
  const { text } = await post(gateway, {
    query: `{
      __proto__: thing(id: 1) { __proto__: id constructor: name then: id hasOwnProperty: id toString: id toJSON: id }
      constructor: things { prototype: id then: name }
      then: __typename
      prototype: odd { __proto__: toString }
    }`,
  });
  const thing =
    '{"__proto__":"1","constructor":"one","then":"1","hasOwnProperty":"1","toString":"1","toJSON":"1"}';
  const things = '[{"prototype":"1","then":"one"},{"prototype":"2","then":"two"}]';
  expect(text).toBe(
    `{"data":{"__proto__":${thing},"constructor":${things},"then":"Query","prototype":{"__proto__":"s"}}}`,
  );
});

it('keys of a backend', async () => {
  const query = '{ odd { constructor prototype hasOwnProperty then toString name } }';
  const { body } = await post(gateway, { query });
  expect(JSON.stringify(body.data.odd)).toBe(
    '{"constructor":"c","prototype":"p","hasOwnProperty":"h","then":"t","toString":"s","name":null}',
  );
});

it('keys that a backend leaves out are null and nothing inherited', async () => {
  const { body } = await post(gateway, {
    query: '{ missing { constructor prototype hasOwnProperty then toString } }',
  });
  expect(Object.values(body.data.missing)).toEqual([null, null, null, null, null]);
  expect(body.errors).toBeUndefined();
});

it('variables', async () => {
  const { body } = await post(
    gateway,
    '{"query":"query($__proto__:String,$constructor:String=\\"d\\"){a:echo(text:$__proto__) b:echo(text:$constructor)}","variables":{"__proto__":"x"}}',
  );
  expect(body.data).toEqual({ a: '{"text":"x"}', b: '{"text":"d"}' });
});

it('keys of input objects, also one that the schema has', async () => {
  const query = 'query ($n: Nested) { echo(nested: $n) }';
  const empty = await post(gateway, { query, variables: { n: { nested: {} } } });
  expect(empty.body).toEqual({ data: { echo: '{"nested":{"nested":{}}}' } });
  const given = await post(gateway, { query, variables: { n: { constructor: 'c' } } });
  expect(given.body).toEqual({ data: { echo: '{"nested":{"constructor":"c"}}' } });
  const literal = await post(gateway, { query: '{ echo(nested: { constructor: "c" }) }' });
  expect(literal.body).toEqual({ data: { echo: '{"nested":{"constructor":"c"}}' } });
  const unknown = await post(
    gateway,
    `{"query":"${query}","variables":{"n":{"__proto__":{"polluted":"yes"}}}}`,
  );
  expect(unknown.status).toBe(400);
  expect(codesOf(unknown)).toEqual(['BAD_VARIABLES']);
});

it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
  '%s is no operation, enum value or parameter',
  async (name) => {
    const operation = await post(gateway, { query: 'query A { __typename }', operationName: name });
    expect([operation.status, codesOf(operation)]).toEqual([400, ['BAD_REQUEST']]);
    const literal = await post(gateway, { query: `{ echo(level: ${name}) }` });
    expect([literal.status, codesOf(literal)]).toEqual([400, ['GRAPHQL_VALIDATION_FAILED']]);
    const variable = await post(gateway, {
      query: 'query ($l: Level) { echo(level: $l) }',
      variables: { l: name },
    });
    expect([variable.status, codesOf(variable)]).toEqual([400, ['BAD_VARIABLES']]);
    const parameter = await post(gateway, `{"query":"{ __typename }","${name}":{"polluted":"yes"}}`);
    expect([parameter.status, codesOf(parameter)]).toEqual([400, ['BAD_REQUEST']]);
    const field = await post(gateway, { query: `{ ${name} }` });
    expect([field.status, codesOf(field)]).toEqual([400, ['GRAPHQL_VALIDATION_FAILED']]);
    const fragment = await post(gateway, {
      query: `{ ...${name} } fragment ${name} on Query { __typename }`,
    });
    expect(fragment.body).toEqual({ data: { __typename: 'Query' } });
  },
);

it('is a client of no gateway', async () => {
  for (const name of ['__proto__', 'constructor']) {
    expect((await gateway.fetch(`/${name}/graphql?query={__typename}`)).status).toBe(404);
  }
});
