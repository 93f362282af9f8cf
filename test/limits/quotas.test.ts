/** `@quota`: how often operations may ask for a field, wherever and however it is asked for. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientYml, newKey, type SigningKey, sign } from '../auth/issuer.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { readLimits } from './rate-limit.ts';

const SCHEMA = `
type Query {
  free: Int @rest(get: "/number")
  three: Int @rest(get: "/number") @quota(limit: 3, window: "1h", per: CLIENT)
  twice: Int @rest(get: "/number") @quota(limit: 5, window: "month", per: CLIENT) @quota(limit: 2, window: "1h", per: CLIENT)
  alike: Int @rest(get: "/number") @quota(limit: 9, window: "day", per: CLIENT) @quota(limit: 10, window: "day", per: IP)
  same: Int @rest(get: "/number") @quota(limit: 6, window: "day", per: CLIENT)
  shared: Int @rest(get: "/number") @quota(limit: 2, window: "1h", per: IP)
  mine: Int @rest(get: "/number") @quota(limit: 1, window: "1h", per: CLAIM, claim: "sub")
  people: [Person!] @rest(get: "/people")
  person: Person @rest(get: "/person")
  pet: Pet @rest(get: "/pet")
}
type Person { name: String  secret: String @quota(limit: 2, window: "day", per: CLIENT)  friend: Person  pin: Int @rest(get: "/number") @quota(limit: 4, window: "day", per: CLIENT) }
interface Pet { name: String @quota(limit: 2, window: "1h", per: CLIENT) }
type Cat implements Pet { name: String }
type Dog implements Pet { name: String }
`;
const VIEW = `
type Query {
  free: Int
  added: Int @from(field: "free") @quota(limit: 1, window: "1h", per: CLIENT)
  three: Int
  alsoThree: Int @from(field: "three")
  twice: Int
  alike: Int
  same: Int @quota(limit: 7, window: "day", per: CLIENT)
  shared: Int
  mine: Int
  people: [Person!]
  person: Person
  pin: Int @from(path: "person.friend.pin")
  pet: Pet
}
type Person { name: String  secret: String  friend: Person  pin: Int }
interface Pet { name: String }
type Cat implements Pet { name: String }
type Dog implements Pet { name: String }
`;
const CLIENTS = [
  'aliases',
  'fragments',
  'lists',
  'paths',
  'windows',
  'pets',
  'skips',
  'views',
  'one',
  'other',
  'never',
];

let backend: JsonBackend;
let gateway: TestGateway;
let key: SigningKey;

beforeAll(async () => {
  key = await newKey('k1');
  const person = { name: 'Ann', secret: 's', friend: { name: 'Ben', secret: 't' } };
  backend = await startJsonBackend(({ path }) => {
    if (path === '/people') return [person, person, person];
    if (path === '/pet') return { __typename: 'Cat', name: 'Tom' };
    return path === '/person' ? person : 1;
  });
  gateway = await startGateway({
    files: {
      'connectors/people/connector.yml': `kind: rest\nendpoint: ${backend.url}\n`,
      'connectors/people/schema.graphql': SCHEMA,
      ...Object.fromEntries(
        CLIENTS.flatMap((name) => [
          [`clients/${name}/client.yml`, '{}'],
          [`schemas/${name}.graphql`, VIEW],
        ]),
      ),
      'clients/batches/client.yml': 'batching: { max: 10 }',
      'schemas/batches.graphql': VIEW,
      'clients/known/client.yml': clientYml({ keys: [key.publicJwk] }),
      'schemas/known.graphql': VIEW,
    },
  });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});

/** What is left of each quota, or of which the refusal is. */
async function ask(
  client: string,
  query: string,
  options?: Parameters<TestGateway['query']>[2],
): Promise<unknown> {
  const before = backend.requests.length;
  const { body, headers, status } = await gateway.query(client, query, options);
  const error = body.errors?.[0];
  if (error === undefined)
    return Object.fromEntries(
      Object.entries(readLimits(headers)).map(([name, { remaining }]) => [name, remaining]),
    );
  expect(backend.requests.length).toBe(before);
  expect(headers.has('ratelimit')).toBe(true);
  const { code, limit } = error.extensions as { code: string; limit?: { coordinate?: string } };
  expect(error.message).toContain(`the quota of ${limit?.coordinate}`);
  return `${status} ${code} ${limit?.coordinate}`;
}

test('each alias is an occurrence', async () => {
  expect(await ask('aliases', '{ a: three b: three }')).toEqual({ 'Query.three': 1 });
  expect(await ask('aliases', '{ a: three free }')).toEqual({ 'Query.three': 0 });
  expect(await ask('aliases', '{ three free }')).toBe('429 LIMIT_EXCEEDED Query.three');
  expect(await ask('aliases', '{ free }')).toEqual({});
});

test('the same field twice under one name is one occurrence, a fragment in two places two', async () => {
  expect(await ask('fragments', '{ three three ...F } fragment F on Query { three }')).toEqual({
    'Query.three': 2,
  });
  const twice = '{ a: person { ...S } b: person { friend { ...S } } } fragment S on Person { secret }';
  expect(await ask('fragments', twice)).toEqual({ 'Person.secret': 0 });
  expect(await ask('fragments', twice)).toBe('429 LIMIT_EXCEEDED Person.secret');
});

test('a field of a list is an occurrence, however many there are', async () => {
  expect(await ask('lists', '{ people { secret } }')).toEqual({ 'Person.secret': 1 });
  expect(await ask('lists', '{ people { secret friend { secret } } }')).toBe(
    '429 LIMIT_EXCEEDED Person.secret',
  );
});

test('what a path leads to counts, under whatever name', async () => {
  expect(await ask('paths', '{ pin }')).toEqual({ 'Query.pin': 3 });
  expect(await ask('paths', '{ pin person { pin friend { pin } } }')).toEqual({ 'Person.pin': 0 });
  expect(await ask('paths', '{ pin }')).toBe('429 LIMIT_EXCEEDED Query.pin');
  expect(await ask('paths', '{ alsoThree three }')).toEqual({ 'Query.alsoThree': 1 });
});

test('several quotas hold together', async () => {
  for (let left = 1; left >= 0; left--)
    expect(await ask('windows', '{ twice }')).toEqual({
      'Query.twice/month': left + 3,
      'Query.twice/1h': left,
    });
  expect(await ask('windows', '{ twice }')).toBe('429 LIMIT_EXCEEDED Query.twice');
});

test('several quotas of a field have names of their own, in a batch and for operators, too', async () => {
  const [first, batch] = ['{ twice }', '{ a: twice pin free }'].map((query) => ({ query }));
  const response = await gateway.fetch('/batches/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([first, batch]),
  });
  expect(readLimits(response.headers)).toMatchObject({
    'Query.twice/month': { quota: 5, remaining: 3 },
    'Query.twice/1h': { quota: 2, window: 3600, remaining: 0 },
    'Query.pin': { remaining: 3 },
  });
  const { body } = await gateway.query('batches', '{ twice }');
  expect(body.errors![0]!.extensions).toMatchObject({
    'violated-policies': ['Query.twice/1h'],
    limit: { name: 'Query.twice/1h', coordinate: 'Query.twice' },
  });
  // One window for two, and one that is the view's own.
  expect(await ask('batches', '{ alike }')).toEqual({
    'Query.alike/day/client': 8,
    'Query.alike/day/ip': 9,
  });
  expect(await ask('batches', '{ same }')).toEqual({ 'Query.same/1': 5, 'Query.same/2': 6 });
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  for (const name of ['Query.twice/month', 'Query.twice/1h', 'Query.alike/day/ip', 'Query.same'])
    expect(metrics).toMatch(new RegExp(`^hem_limit_decisions_total\\{[^}]*limit="${name}"`, 'm'));
});

test('what is asked of an interface is one occurrence, whichever type there is', async () => {
  expect(await ask('pets', '{ pet { name } }')).toEqual({ 'Cat.name': 1 });
  expect(await ask('pets', '{ pet { ... on Cat { name } ... on Dog { name } } }')).toEqual({ 'Cat.name': 0 });
  expect(await ask('pets', '{ pet { ... on Dog { name } } }')).toBe('429 LIMIT_EXCEEDED Dog.name');
});

test('what is left out does not count', async () => {
  const query = 'query ($s: Boolean!) { free three @skip(if: $s) }';
  expect(await ask('skips', query, { variables: { s: true } })).toEqual({});
  expect(await ask('skips', query, { variables: { s: false } })).toEqual({ 'Query.three': 2 });
});

test('a view adds its own', async () => {
  expect(await ask('views', '{ added free }')).toEqual({ 'Query.added': 0 });
  expect(await ask('views', '{ added }')).toBe('429 LIMIT_EXCEEDED Query.added');
});

test('a connector counts for all clients, where it is not per client', async () => {
  expect(await ask('one', '{ shared }')).toEqual({ 'Query.shared': 1 });
  expect(await ask('other', '{ shared }')).toEqual({ 'Query.shared': 0 });
  expect(await ask('one', '{ shared }')).toBe('429 LIMIT_EXCEEDED Query.shared');
});

test('per claim', async () => {
  const as = async (sub: string) => ({
    headers: { authorization: `Bearer ${await sign(key, { sub })}` },
  });
  expect(await ask('known', '{ mine }', await as('a'))).toEqual({ 'Query.mine': 0 });
  expect(await ask('known', '{ mine }', await as('a'))).toBe('429 LIMIT_EXCEEDED Query.mine');
  expect(await ask('known', '{ mine }', await as('b'))).toEqual({ 'Query.mine': 0 });
});

test('more than it ever gives is no matter of waiting', async () => {
  expect(await ask('never', '{ a: three b: three c: three d: three }')).toBe('400 COST_EXCEEDED Query.three');
});
