/** The same questions from many callers at the same time, through every door, with everything on that keeps or shares answers. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DOORS } from '../auth/doors.ts';
import { sign } from '../auth/issuer.ts';
import { Random } from '../oracle/random.ts';
import { Reply } from '../support/json-backend.ts';
import { type City, startCity } from './city.ts';

let city: City;
let tokens: string[];
const USERS = 100;
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

beforeAll(async () => {
  city = await startCity({
    cache: { responses: { staleWhileRevalidate: '1m', staleIfError: '1m' } },
    connector: { cache: {}, dedupe: true },
  });
  // Kept of the backend's answers, too: what knows its caller by a header, for that caller.
  const control = { 'cache-control': 'private, max-age=60' };
  city.instead = ({ path, headers }) =>
    path === '/desk' ? new Reply(`desk of ${headers.authorization ?? 'nobody'}`, control) : undefined;
  tokens = await Promise.all(
    Array.from({ length: USERS }, (_, user) =>
      sign(city.key, { sub: `u${user}`, scope: user % 2 ? 'see' : 'other' }),
    ),
  );
});
afterAll(() => city[Symbol.asyncDispose]());

/** What each may read, by number. */
const QUESTIONS: Readonly<Record<string, (user: number) => unknown>> = {
  '{ me { id name } }': (user) => ({ me: { id: `u${user}`, name: `name of u${user}` } }),
  '{ careless }': (user) => ({ careless: `/careless/u${user}` }),
  '{ viewer }': (user) => ({ viewer: `/mine/u${user}` }),
  '{ desk }': (user) => ({ desk: `desk of Bearer ${tokens[user]}` }),
  '{ desk brief station(id: 1) { bikes } }': (user) => ({
    desk: `desk of Bearer ${tokens[user]}`,
    brief: '/brief',
    station: { bikes: 7 },
  }),
  '{ secret }': (user) => ({ secret: user % 2 ? '/secret' : null }),
  '{ brief }': () => ({ brief: '/brief' }),
  'query ($n: [Int]) { me { id } echo(list: $n) }': (user) => ({
    me: { id: `u${user}` },
    echo: JSON.stringify({ list: [user % 3] }),
  }),
};

test(`100 callers at all doors at once read their own data (SEED=${SEED})`, { timeout: 60_000 }, async () => {
  const random = new Random(SEED);
  const doors = Object.keys(DOORS);
  const asks = Object.entries(QUESTIONS).flatMap(([query, expected]) =>
    Array.from({ length: USERS }, (_, user) => ({ query, user, expected: expected(user) })),
  );
  // Twice: what the first left behind is there for the second.
  const mixed = [...asks, ...asks]
    .map((ask) => ({ ...ask, order: random.next(), door: doors[random.whole(0, doors.length - 1)]! }))
    .sort((a, b) => a.order - b.order);
  for (let at = 0; at < mixed.length; at += 100) {
    await Promise.all(
      mixed.slice(at, at + 100).map(async ({ query, user, expected, door }) => {
        const variables = query.includes('$n') ? { n: [user % 3] } : undefined;
        const token = tokens[user];
        const asked = { gateway: city.gateway, client: 'web', query, variables, token };
        const { body } = await DOORS[door]!(asked);
        expect(body.data, `${query} of u${user} at ${door}`).toEqual(expected);
        expect(body.errors === undefined, query).toBe(query !== '{ secret }' || user % 2 === 1);
      }),
    );
  }
});

test('they were not all asked of the backend: of each user, and in all, once is enough', () => {
  for (let user = 0; user < USERS; user++) expect(city.asked(`/people/u${user}`)).toBeLessThan(8);
  expect(city.asked('/secret')).toBeLessThan(5);
});

test('a new token is the same caller; other claims, and other scopes, are another', async () => {
  const ask = async (claims: Record<string, unknown>, expiresIn: number) => {
    const headers = { authorization: `Bearer ${await sign(city.key, claims, { expiresIn })}` };
    const { headers: said } = await city.ask('{ me { id } }', { client: 'web', headers });
    return said.get('cache-status');
  };
  expect(await ask({ sub: 'renewed', jti: 'a' }, 600)).toBe('hem; fwd=miss; stored');
  expect(await ask({ sub: 'renewed', jti: 'b' }, 700)).toMatch(/^hem; hit/);
  expect(await ask({ sub: 'renewed', jti: 'b', tenant: 'x' }, 700)).toBe('hem; fwd=miss; stored');
  expect(await ask({ sub: 'renewed', scope: 'more' }, 700)).toBe('hem; fwd=miss; stored');
});

test('what is private is kept for nobody whom nothing is known of', async () => {
  for (let count = 0; count < 2; count++) {
    const { headers } = await city.ask('{ narrow { name } }');
    expect(headers.get('cache-status')).toBe('hem; fwd=miss');
    expect(headers.get('cache-control')).toBe('max-age=60, private');
  }
});
