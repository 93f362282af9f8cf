/**
 * Ways to reach what is protected × callers × doors × engines × what is answered instead. Each cell says what the caller reads, and
 * that the backend was not asked for what was denied.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CERTIFICATE_CALLERS, type CertificateDoors, openCertificateDoors } from './certificate-callers.ts';
import { DOORS, type Passed } from './doors.ts';
import { sign } from './issuer.ts';
import { CLIENTS, PAGE, startVault, TREASURE, type VaultGateway } from './vault.ts';

let vault: VaultGateway;
let certificates: CertificateDoors;
const tokens = new Map<string, string>();
const keys = new Map<string, string>();

interface CallerFacts {
  /** Of the token; undefined without one. */
  readonly scopes?: readonly string[];
  /** Whether the token is one. */
  readonly valid?: boolean;
  readonly plan?: keyof typeof PLAN_SCOPES;
  /** The key stands in a web page. */
  readonly publishable?: boolean;
  /** The key was revoked. */
  readonly revoked?: boolean;
  /** Whose certificate a sidecar tells of. */
  readonly certificate?: keyof typeof CERTIFICATE_CALLERS;
}

const PLAN_SCOPES = { full: ['a', 'b'], bare: [], tagged: ['a', 'b'], named: ['a', 'b'] } as const;

/** What the callers bring along. */
const CALLERS: Readonly<Record<string, CallerFacts>> = {
  anonymous: {},
  known: { scopes: [] },
  half: { scopes: ['a'] },
  'other case': { scopes: ['A', 'B', 'ADMIN'] },
  both: { scopes: ['b', 'x', 'a'] },
  admin: { scopes: ['admin'] },
  expired: { scopes: ['admin'], valid: false },
  ...CERTIFICATE_CALLERS,
  'a key': { plan: 'full' },
  'a key without scopes': { plan: 'bare' },
  'a key and a user with less': { plan: 'full', scopes: ['a'] },
  'a key and a user with more': { plan: 'bare', scopes: ['admin'] },
  'a key and an expired token': { plan: 'full', scopes: ['admin'], valid: false },
  'a revoked key': { plan: 'full', revoked: true },
  'a revoked key and a user': { plan: 'full', revoked: true, scopes: ['admin'] },
  'a publishable key': { plan: 'full', publishable: true },
  'a publishable key and a user': { plan: 'full', publishable: true, scopes: ['admin'] },
  'a key, and a certificate with scopes': { plan: 'bare', certificate: 'by certificate, with scopes' },
  'a publishable key, and a certificate': { plan: 'full', publishable: true, certificate: 'by certificate' },
  'a key, a certificate, and a user': {
    plan: 'full',
    certificate: 'by certificate, with scopes',
    scopes: ['a'],
  },
  'a plan that leaves out by name, and a certificate': {
    plan: 'named',
    certificate: 'by certificate, with scopes',
  },
  'a plan that leaves out by tag': { plan: 'tagged' },
  'a plan that leaves out by tag, and a user': { plan: 'tagged', scopes: ['admin'] },
  'a plan that leaves out by name': { plan: 'named' },
  'a plan that leaves out by name, and a user': { plan: 'named', scopes: ['admin'] },
  'a plan that leaves out by name, in a page': { plan: 'named', publishable: true },
};

/** Undefined for who is not known. */
function scopesOf({ scopes, plan, publishable, certificate }: CallerFacts): readonly string[] | undefined {
  if (scopes !== undefined || plan === undefined) return scopes;
  const ofPlan = publishable === true ? [] : PLAN_SCOPES[plan];
  if (certificate !== undefined) return [...ofPlan, ...CERTIFICATE_CALLERS[certificate].scopes];
  return publishable === true ? undefined : ofPlan;
}

const SCOPED = (scopes: readonly string[]) =>
  (scopes.includes('a') && scopes.includes('b')) || scopes.includes('admin');
const KNOWN = (_scopes: readonly string[]) => true;
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
  /** A tag is on the way to it. */
  readonly tagged?: boolean;
  /** It is asked for by an interface, so that a plan without its type leaves it out and refuses nothing. */
  readonly behind?: boolean;
  /** It is asked of the backend with a claim, which keys and certificates have none of. */
  readonly claim?: boolean;
}

const WAYS: Readonly<Record<string, Way>> = {
  'nothing protected': { query: '{ open }', rule: ANYBODY },
  direct: {
    tagged: true,
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
    tagged: true,
    query: '{ open: secret }',
    rule: SCOPED,
    call: '/secret',
    path: ['open'],
    coordinate: 'Query.secret',
  },
  'alias with a nasty name': {
    tagged: true,
    query: '{ __proto__: secret }',
    rule: SCOPED,
    call: '/secret',
    coordinate: 'Query.secret',
  },
  fragment: {
    tagged: true,
    query: '{ ...F } fragment F on Query { ...G } fragment G on Query { secret }',
    rule: SCOPED,
    call: '/secret',
    path: ['secret'],
    coordinate: 'Query.secret',
  },
  'inline fragment': {
    tagged: true,
    query: '{ ... on Query { ... { secret } } }',
    rule: SCOPED,
    call: '/secret',
    path: ['secret'],
    coordinate: 'Query.secret',
  },
  renamed: {
    tagged: true,
    query: '{ renamed }',
    rule: SCOPED,
    call: '/secret',
    path: ['renamed'],
    coordinate: 'Query.renamed',
  },
  'tightened by the view': {
    tagged: true,
    query: '{ tightened }',
    rule: SCOPED,
    call: '/open',
    path: ['tightened'],
    coordinate: 'Query.tightened',
  },
  nested: {
    tagged: true,
    query: '{ safe { place content } }',
    rule: SCOPED,
    call: '/content/wall',
    path: ['safe', 'content'],
    coordinate: 'Safe.content',
  },
  'nested, by name of a type': {
    tagged: true,
    query: '{ safe { ... on Safe { content } } }',
    rule: SCOPED,
    call: '/content/wall',
    path: ['safe', 'content'],
    coordinate: 'Safe.content',
  },
  'flattened, at the end of a path': {
    tagged: true,
    query: '{ flat }',
    rule: SCOPED,
    call: '/code/cell',
    path: ['flat'],
    coordinate: 'Query.flat',
  },
  'flattened, through a type': {
    tagged: true,
    query: '{ cut }',
    rule: SCOPED,
    call: '/gem',
    path: ['cut'],
    coordinate: 'Query.cut',
  },
  'a type': {
    tagged: true,
    query: '{ gem { __typename } }',
    rule: SCOPED,
    call: '/gem',
    path: ['gem'],
    coordinate: 'Query.gem',
  },
  'a type behind an interface': {
    tagged: true,
    query: '{ node(kind: "coin") { ... on Coin { weight } } }',
    rule: SCOPED,
    call: '/weight/c',
    path: ['node', 'weight'],
    coordinate: 'Coin.weight',
  },
  'a field of an interface': {
    tagged: true,
    behind: true,
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
    tagged: true,
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
    tagged: true,
    query: '{ owner(id: "u1") { name pin } }',
    rule: SCOPED,
    call: '/pin/u1',
    path: ['owner', 'pin'],
    coordinate: 'Owner.pin',
  },
  'an entity of another connector': {
    tagged: true,
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
    claim: true,
    query: '{ me { name } }',
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
    tagged: true,
    query: 'query ($s: Boolean!) { open secret @include(if: $s) }',
    variables: { s: true },
    rule: SCOPED,
    call: '/secret',
    path: ['secret'],
    coordinate: 'Query.secret',
  },
  'left out once of two': {
    tagged: true,
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
  for (const [name, { scopes, valid = true, plan, publishable, revoked }] of Object.entries(CALLERS)) {
    const expiresIn = valid ? 600 : -600;
    if (scopes !== undefined && !(name in CERTIFICATE_CALLERS))
      tokens.set(name, await sign(vault.key, { scope: scopes.join(' ') }, { expiresIn }));
    if (plan === undefined) continue;
    const key = await vault.keys.make(plan, publishable === true ? { origins: [PAGE] } : {});
    if (revoked === true) await vault.keys.revoke(key);
    keys.set(name, key.text);
  }
});
afterAll(async () => {
  await certificates?.[Symbol.asyncDispose]();
  await vault?.[Symbol.asyncDispose]();
});

const callers = Object.keys(CALLERS);
const doors = Object.keys(DOORS);
const ways = Object.values(WAYS);

/** Without a key every cell; with one a fifth of them, so that each caller still comes by every door and on every way. */
function isTried(caller: string, way: Way, door: string): boolean {
  const turn = callers.indexOf(caller) + ways.indexOf(way) + doors.indexOf(door);
  return CALLERS[caller]!.plan === undefined || turn % 5 === 0;
}

const perClient = callers.flatMap((caller) =>
  ways.flatMap((way) => doors.filter((door) => isTried(caller, way, door))),
);
const count = perClient.length * CLIENTS.length;

test(`the matrix has enough cells: ${count}`, () => {
  expect(count).toBeGreaterThan(10_000);
});

describe.each(CLIENTS)('%s', (client) => {
  describe.each(doors)('%s', (door) => {
    test.each(Object.entries(WAYS))('%s', async (_name, way) => {
      for (const caller of callers) {
        if (!isTried(caller, way, door)) continue;
        const before = vault.backend.requests.length;
        const passed = await DOORS[door]!({
          gateway: certificates.gatewayFor(CALLERS[caller]!.certificate ?? caller),
          client,
          query: way.query,
          variables: way.variables,
          token: tokens.get(caller),
          key: keys.get(caller),
          origin: CALLERS[caller]!.publishable === true ? PAGE : undefined,
        });
        const calls = vault.backend.requests.slice(before);
        judge(way, { caller, client, passed, calls });
      }
    });
  });
});

interface Cell {
  readonly caller: string;
  readonly client: string;
  readonly passed: Passed;
  readonly calls: readonly string[];
}

function judge(way: Way, { caller, client, passed, calls }: Cell): void {
  const facts = CALLERS[caller]!;
  const { valid = true, revoked = false, plan } = facts;
  const scopes = scopesOf(facts);
  const { body, status } = passed;
  const called = calls.filter((call) => call === `GET ${way.call}`).length;
  const codes = [...new Set((body.errors ?? []).map(({ extensions }) => extensions.code))];
  if (!valid || revoked) {
    expect({ caller, codes, calls, data: body.data }).toEqual({
      caller,
      codes: ['UNAUTHENTICATED'],
      calls: [],
      data: undefined,
    });
    if (status !== 4403) expect(status).toBe(401);
    return;
  }
  const ruled = way.rule !== undefined && !(scopes !== undefined && way.rule(scopes));
  const ungranted =
    (plan === 'tagged' && way.tagged === true) || (plan === 'named' && way.rule !== undefined);
  if (!ruled && !ungranted && way.claim === true && !tokens.has(caller)) {
    expect({ caller, codes, called }).toEqual({ caller, codes: ['UNAUTHENTICATED'], called: 0 });
    return;
  }
  if (!ruled && !ungranted) {
    expect({ caller, errors: body.errors }).toEqual({ caller, errors: undefined });
    expect(body.data).toBeDefined();
    if (way.call !== undefined) expect({ caller, called }).toEqual({ caller, called: 1 });
    return;
  }
  // What a plan leaves out, no token would give.
  const left = ungranted && way.behind === true;
  const code = scopes === undefined && !(ungranted && !left) ? 'UNAUTHENTICATED' : 'FORBIDDEN';
  expect({ caller, called }).toEqual({ caller, called: 0 });
  expect(JSON.stringify(body)).not.toMatch(TREASURE);
  // Of a type that the plan takes away, and the caller cannot know of, no scopes are asked for.
  if (client.endsWith('-reject') && !left) {
    expect({ caller, codes, calls, data: body.data }).toEqual({
      caller,
      codes: [code],
      calls: [],
      data: undefined,
    });
    const { denied } = body.errors![0]!.extensions as {
      denied: Array<{ coordinate: string; plan?: string; scopes?: unknown }>;
    };
    const named = denied.filter(({ coordinate }) => coordinate === way.coordinate);
    expect({ caller, plan: named.some((each) => each.plan === plan && plan !== undefined) }).toEqual({
      caller,
      plan: ungranted && !left,
    });
    expect({ caller, scopes: named.some((each) => each.scopes !== undefined) }).toEqual({
      caller,
      scopes: ruled,
    });
    if (status === undefined) return;
    expect(status).toBe(code === 'FORBIDDEN' ? 403 : 401);
    if (code === 'UNAUTHENTICATED') expect(passed.challenge).toMatch(/^Bearer realm="hem"$/);
    else if (ruled && way.rule !== KNOWN) expect(passed.challenge).toMatch(/error="insufficient_scope"/);
    else expect(passed.challenge).toBeNull();
    return;
  }
  expect(codes.every((each) => each === 'FORBIDDEN' || each === code)).toBe(true);
  expect(body.data).not.toBeNull();
  if (way.path === undefined) return;
  expect(way.path.reduce((value, step) => value?.[step] ?? null, body.data)).toBeNull();
  const paths = body.errors!.map(({ path }) => JSON.stringify(path).slice(1, -1));
  const path = JSON.stringify(way.path).slice(1, -1);
  expect({ caller, path, isTold: paths.some((told) => path.startsWith(told)) }).toMatchObject({
    isTold: true,
  });
}
