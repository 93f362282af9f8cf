/** One operation cannot make an answer of millions of errors: regression of lists whose every item is denied under many aliases. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientYml, newKey } from '../auth/issuer.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';

const ITEMS = 2000;
const MAX_TOLD = 1000;
const FRIENDS = Array.from({ length: 3 }, () => ({ wrong: 'one' }));
const SCHEMA = `
type Query { people: [Person] @rest(get: "/people")  all: [Friend!] @rest(get: "/all")  ping: String @rest(get: "/ping") }
type Person { name: String  salary: Int @requiresScopes(scopes: [["see"]])  wrong: Int  sure: Int! friends: [Friend!] }
type Friend { wrong: Int  sure: Int! }
`;
const VIEW = `
type Query { people: [Person]  all: [Friend!]  ping: String }
type Person { name: String  salary: Int  wrong: Int  sure: Int! friends: [Friend!] }
type Friend { wrong: Int  sure: Int! }
`;
const ENGINES = ['compiled', 'reference'] as const;

let backend: JsonBackend;
let gateway: TestGateway;

beforeAll(async () => {
  const bodies: Readonly<Record<string, unknown>> = {
    '/ping': 'pong',
    '/all': Array.from({ length: ITEMS }, (_, at) => ({ wrong: 'one', sure: at === ITEMS - 1 ? null : 1 })),
    '/people': Array.from({ length: ITEMS }, () => ({ name: 'Ann', wrong: 'one', friends: FRIENDS })),
  };
  backend = await startJsonBackend(({ path }) => bodies[path]);
  const { publicJwk } = await newKey('k1');
  const clients = ENGINES.map((engine) => ({
    [`clients/${engine}/client.yml`]: clientYml(
      { keys: [publicJwk] },
      { client: { engine, limits: { values: 1_000_000 } }, auth: { denied: 'nullify' } },
    ),
    [`schemas/${engine}.graphql`]: VIEW,
  }));
  gateway = await startGateway({
    files: {
      'connectors/staff/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
      'connectors/staff/schema.graphql': SCHEMA,
      ...Object.assign({}, ...clients),
    },
  });
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});

describe.each(ENGINES)('%s', (client) => {
  test('what is denied in each item is told a thousand times, then counted', async () => {
    const aliases = Array.from({ length: 50 }, (_, at) => `x${at}: salary`).join(' ');
    const { body } = await gateway.query(client, `{ people { name ${aliases} } }`);
    expect(body.data.people).toHaveLength(ITEMS);
    expect(body.data.people.at(-1)).toMatchObject({ name: 'Ann', x0: null, x49: null });
    expect(body.errors).toHaveLength(MAX_TOLD + 1);
    const codes = Map.groupBy(body.errors!, ({ extensions }) => extensions.code);
    expect(codes.get('UNAUTHENTICATED')).toHaveLength(MAX_TOLD);
    expect(body.errors!.at(-1)!.extensions.code).toBe('ERRORS_LEFT_OUT');
    expect(codes.get('ERRORS_LEFT_OUT')).toMatchObject([
      { message: `${ITEMS * 50 - MAX_TOLD} more errors are not told.` },
    ]);
  });

  test('so are values that a backend sends wrong, and what they leave null', async () => {
    for (const field of ['wrong', 'sure']) {
      const { body } = await gateway.query(client, `{ people { name ${field} } }`);
      expect(body.errors).toHaveLength(MAX_TOLD + 1);
      expect(body.data.people).toHaveLength(ITEMS);
    }
  });

  test('a position that is null because of many below it is one error', async () => {
    const { body } = await gateway.query(client, '{ people { friends { wrong sure } } ping }');
    const paths = body.errors!.slice(0, -1).map(({ path }) => `${path![0]} ${path![1]} ${path![2]}`);
    expect(new Set(paths).size).toBe(paths.length);
    expect(body.errors!.at(-1)!.message).toMatch(/^\d+ more errors are not told\.$/);
    if (client === 'compiled') {
      expect(body.errors).toHaveLength(MAX_TOLD + 1);
      expect(body.errors!.at(-1)!.message).toBe(`${ITEMS - MAX_TOLD} more errors are not told.`);
    }
  });

  test('of a thousand and more below a null the one is told that made it so', async () => {
    const { body } = await gateway.query(client, '{ sure: all { wrong sure } ping }');
    expect(body.data).toEqual({ sure: null, ping: 'pong' });
    expect(body.errors).toMatchObject([
      { path: ['sure', ITEMS - 1, 'sure'], extensions: { code: 'UPSTREAM_INVALID' } },
      ...(client === 'compiled' ? [] : [{ extensions: { code: 'ERRORS_LEFT_OUT' } }]),
    ]);
  });

  test('an answer without any tells none', async () => {
    const { body } = await gateway.query(client, '{ ping people { name } }');
    expect(body.errors).toBeUndefined();
  });

  test('a variable that is null where @skip needs one is the caller’s, not the gateway’s failure', async () => {
    const query = 'query ($off: Boolean = true) { ping @skip(if: $off) }';
    const { body } = await gateway.query(client, query, { variables: { off: null } });
    expect(body.errors?.[0]?.extensions.code).toBe('BAD_VARIABLES');
  });
});
