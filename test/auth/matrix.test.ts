/**
 * Ways to reach what is protected × callers × doors × engines × what is answered instead. Each cell says what the caller reads, and
 * that the backend was not asked for what was denied.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CERTIFICATE_CALLERS, type CertificateDoors, openCertificateDoors } from './certificate-callers.ts';
import { DOORS, type Passed } from './doors.ts';
import { sign } from './issuer.ts';
import { CLIENTS, startVault, TREASURE, type VaultGateway } from './vault.ts';

let vault: VaultGateway;
let certificates: CertificateDoors;
const tokens = new Map<string, string>();

/** What the callers may do, and whether their token is one. */
const CALLERS = {
  anonymous: { scopes: undefined, valid: true },
  known: { scopes: [], valid: true },
  half: { scopes: ['a'], valid: true },
  'other case': { scopes: ['A', 'B', 'ADMIN'], valid: true },
  both: { scopes: ['b', 'x', 'a'], valid: true },
  admin: { scopes: ['admin'], valid: true },
  expired: { scopes: ['admin'], valid: false },
  ...CERTIFICATE_CALLERS,
} as const;
type Caller = keyof typeof CALLERS;

const SCOPED = (scopes: readonly string[]) =>
  (scopes.includes('a') && scopes.includes('b')) || scopes.includes('admin');
const KNOWN = () => true;
const ANYBODY = undefined;

interface Way {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Who gets it. */
  readonly rule: ((scopes: readonly string[]) => boolean) | undefined;
  /** It is asked for with a claim. */
  readonly claims?: true;
  /** What is asked of the backend for it, and for nobody else. */
  readonly call?: string;
  /** Where null stands instead. */
  readonly path?: readonly (string | number)[];
  /** Named in a refusal. */
  readonly coordinate?: string;
}

const WAYS: Readonly<Record<string, Way>> = {
  'nothing protected': { query: '{ open }', rule: ANYBODY },
  direct: {
    query: '{ open secret }',
    rule: SCOPED,
    call: '/secret',
    path: ['secret'],
    coordinate: 'Query.secret',
  },
  authenticated: {
    query: '{ known }',
    rule: KNOWN,
    call: '/known',
    path: ['known'],
    coordinate: 'Query.known',
  },
  alias: {
    query: '{ open: secret }',
    rule: SCOPED,
    call: '/secret',
    path: ['open'],
    coordinate: 'Query.secret',
  },
  'alias with a nasty name': {
    query: '{ __proto__: secret }',
    rule: SCOPED,
    call: '/secret',
    coordinate: 'Query.secret',
  },
  fragment: {
    query: '{ ...F } fragment F on Query { ...G } fragment G on Query { secret }',
    rule: SCOPED,
    call: '/secret',
    path: ['secret'],
    coordinate: 'Query.secret',
  },
  'inline fragment': {
    query: '{ ... on Query { ... { secret } } }',
    rule: SCOPED,
    call: '/secret',
    path: ['secret'],
    coordinate: 'Query.secret',
  },
  renamed: {
    query: '{ renamed }',
    rule: SCOPED,
    call: '/secret',
    path: ['renamed'],
    coordinate: 'Query.renamed',
  },
  'tightened by the view': {
    query: '{ tightened }',
    rule: SCOPED,
    call: '/open',
    path: ['tightened'],
    coordinate: 'Query.tightened',
  },
  nested: {
    query: '{ safe { place content } }',
    rule: SCOPED,
    call: '/content/wall',
    path: ['safe', 'content'],
    coordinate: 'Safe.content',
  },
  'nested, by name of a type': {
    query: '{ safe { ... on Safe { content } } }',
    rule: SCOPED,
    call: '/content/wall',
    path: ['safe', 'content'],
    coordinate: 'Safe.content',
  },
  'flattened, at the end of a path': {
    query: '{ flat }',
    rule: SCOPED,
    call: '/code/cell',
    path: ['flat'],
    coordinate: 'Query.flat',
  },
  'flattened, through a type': {
    query: '{ cut }',
    rule: SCOPED,
    call: '/gem',
    path: ['cut'],
    coordinate: 'Query.cut',
  },
  'a type': {
    query: '{ gem { __typename } }',
    rule: SCOPED,
    call: '/gem',
    path: ['gem'],
    coordinate: 'Query.gem',
  },
  'a type behind an interface': {
    query: '{ node(kind: "coin") { ... on Coin { weight } } }',
    rule: SCOPED,
    call: '/weight/c',
    path: ['node', 'weight'],
    coordinate: 'Coin.weight',
  },
  'a field of an interface': {
    query: '{ node(kind: "coin") { value } }',
    rule: SCOPED,
    path: ['node', 'value'],
    coordinate: 'Coin.value',
  },
  'another type behind an interface': {
    query: '{ node(kind: "plain") { ... on Plain { value } } }',
    rule: ANYBODY,
  },
  'a union': {
    query: '{ found { __typename ... on Plain { value } ... on Coin { value weight } } }',
    rule: SCOPED,
    call: '/weight/c',
    path: ['found', 1, 'weight'],
    coordinate: 'Coin.weight',
  },
  'an enum': { query: '{ grade }', rule: SCOPED, call: '/grade', path: ['grade'], coordinate: 'Query.grade' },
  'a literal of an input type': {
    query: '{ search(by: { text: "t" }) }',
    rule: SCOPED,
    call: '/search?by=t',
    path: ['search'],
    coordinate: 'Query.search',
  },
  'a variable of an input type': {
    query: 'query ($by: Search) { search(by: $by) }',
    variables: { by: { text: 't' } },
    rule: SCOPED,
    call: '/search?by=t',
    path: ['search'],
    coordinate: 'Query.search',
  },
  'a variable inside an input type': {
    query: 'query ($t: String) { search(by: { text: $t }) }',
    variables: { t: 't' },
    rule: SCOPED,
    call: '/search?by=t',
    path: ['search'],
    coordinate: 'Query.search',
  },
  'an argument of an enum': {
    query: '{ rank(of: HIGH) }',
    rule: SCOPED,
    call: '/rank?of=HIGH',
    path: ['rank'],
    coordinate: 'Query.rank',
  },
  'an argument that the view locks': {
    query: '{ locked }',
    rule: SCOPED,
    call: '/rank?of=HIGH',
    path: ['locked'],
    coordinate: 'Query.locked',
  },
  'a call of an entity': {
    query: '{ owner(id: "u1") { name pin } }',
    rule: SCOPED,
    call: '/pin/u1',
    path: ['owner', 'pin'],
    coordinate: 'Owner.pin',
  },
  'an entity of another connector': {
    query: '{ account { owner { id pin } } }',
    rule: SCOPED,
    call: '/pin/u1',
    path: ['account', 'owner', 'pin'],
    coordinate: 'Owner.pin',
  },
  'what a field requires': {
    query: '{ account { owner { statement } } }',
    rule: SCOPED,
    call: '/pin/u1',
    path: ['account', 'owner', 'statement'],
    coordinate: 'Owner.statement',
  },
  'what a field requires, from there': {
    query: '{ owner(id: "u1") { statement } }',
    rule: SCOPED,
    call: '/pin/u1',
    path: ['owner', 'statement'],
    coordinate: 'Owner.statement',
  },
  'a claim': {
    query: '{ me { name } }',
    claims: true,
    rule: KNOWN,
    call: '/owners/u1',
    path: ['me'],
    coordinate: 'Query.me',
  },
  'left out by a literal': { query: '{ open secret @skip(if: true) }', rule: ANYBODY },
  'left out by a variable': {
    query: 'query ($s: Boolean = false) { open secret @include(if: $s) }',
    variables: { s: false },
    rule: ANYBODY,
  },
  'left out by a default': {
    query: 'query ($s: Boolean = false) { open ... @include(if: $s) { secret } }',
    rule: ANYBODY,
  },
  'put in by a variable': {
    query: 'query ($s: Boolean!) { open secret @include(if: $s) }',
    variables: { s: true },
    rule: SCOPED,
    call: '/secret',
    path: ['secret'],
    coordinate: 'Query.secret',
  },
  'left out once of two': {
    query: '{ secret @skip(if: true) secret }',
    rule: SCOPED,
    call: '/secret',
    path: ['secret'],
    coordinate: 'Query.secret',
  },
};

beforeAll(async () => {
  vault = await startVault();
  certificates = await openCertificateDoors(vault.gateway);
  for (const [name, { scopes, valid }] of Object.entries(CALLERS)) {
    if (scopes === undefined || name in CERTIFICATE_CALLERS) continue;
    tokens.set(name, await sign(vault.key, { scope: scopes.join(' ') }, { expiresIn: valid ? 600 : -600 }));
  }
});
afterAll(async () => {
  await certificates?.[Symbol.asyncDispose]();
  await vault?.[Symbol.asyncDispose]();
});

const callers = Object.keys(CALLERS) as Caller[];
const count = Object.keys(WAYS).length * callers.length * Object.keys(DOORS).length * CLIENTS.length;

test(`the matrix has enough cells: ${count}`, () => {
  expect(count).toBeGreaterThan(500);
});

describe.each(CLIENTS)('%s', (client) => {
  describe.each(Object.keys(DOORS))('%s', (door) => {
    test.each(Object.entries(WAYS))('%s', async (_name, way) => {
      for (const caller of callers) {
        // A certificate has no claims.
        if (way.claims === true && caller in CERTIFICATE_CALLERS) continue;
        const before = vault.backend.requests.length;
        const passed = await DOORS[door]!({
          gateway: certificates.gatewayFor(caller),
          client,
          query: way.query,
          variables: way.variables,
          token: tokens.get(caller),
        });
        const calls = vault.backend.requests.slice(before);
        judge(way, { caller, client, passed, calls });
      }
    });
  });
});

interface Cell {
  readonly caller: Caller;
  readonly client: string;
  readonly passed: Passed;
  readonly calls: readonly string[];
}

function judge(way: Way, { caller, client, passed, calls }: Cell): void {
  const { scopes, valid } = CALLERS[caller];
  const { body, status } = passed;
  const called = calls.filter((call) => call === `GET ${way.call}`).length;
  const codes = [...new Set((body.errors ?? []).map(({ extensions }) => extensions.code))];
  if (!valid) {
    expect({ caller, codes, calls, data: body.data }).toEqual({
      caller,
      codes: ['UNAUTHENTICATED'],
      calls: [],
      data: undefined,
    });
    if (status !== 4403) expect(status).toBe(401);
    return;
  }
  if (way.rule === undefined || (scopes !== undefined && way.rule(scopes))) {
    expect({ caller, errors: body.errors }).toEqual({ caller, errors: undefined });
    expect(body.data).toBeDefined();
    if (way.call !== undefined) expect({ caller, called }).toEqual({ caller, called: 1 });
    return;
  }
  const code = scopes === undefined ? 'UNAUTHENTICATED' : 'FORBIDDEN';
  expect({ caller, codes, called }).toEqual({ caller, codes: [code], called: 0 });
  expect(JSON.stringify(body)).not.toMatch(TREASURE);
  if (client.endsWith('-reject')) {
    expect({ caller, calls, data: body.data }).toEqual({ caller, calls: [], data: undefined });
    const { denied } = body.errors![0]!.extensions as { denied: Array<{ coordinate: string }> };
    expect(denied.map(({ coordinate }) => coordinate)).toContain(way.coordinate);
    if (status === undefined) return;
    expect(status).toBe(code === 'FORBIDDEN' ? 403 : 401);
    expect(passed.challenge).toMatch(
      code === 'FORBIDDEN' ? /error="insufficient_scope"/ : /^Bearer realm="hem"$/,
    );
    return;
  }
  expect(body.data).not.toBeNull();
  if (way.path === undefined) return;
  expect(way.path.reduce((value, step) => value[step], body.data)).toBeNull();
  expect(body.errors!.map(({ path }) => path)).toContainEqual(way.path);
}
