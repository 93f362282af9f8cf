/** A graph in which what is protected is reached in every way there is, four clients of it, and a backend that counts. */

import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, startJsonBackend } from '../support/json-backend.ts';
import { CERTIFICATES, TRUSTED_PROXIES } from './certificate-callers.ts';
import { clientYml, newKey, type SigningKey } from './issuer.ts';
import { KeyMaker } from './key-maker.ts';

/** Engine and what is answered instead, in the name. */
export const CLIENTS = [
  'compiled-reject',
  'compiled-nullify',
  'reference-reject',
  'reference-nullify',
] as const;

/** The page for whose visitors there is a key. */
export const PAGE = 'https://app.example';

/** One connector protects, the other joins, requires and is joined. */
const VAULT = `
type Query {
  open: String @rest(get: "/open")
  secret: String @rest(get: "/secret") @tag(name: "treasure") @requiresScopes(scopes: [["a", "b"], ["admin"]])
  known: String @rest(get: "/known") @authenticated
  safe: Safe @rest(get: "/safe")
  owner(id: ID!): Owner @lookup @rest(get: "/owners/{id}")
  node(kind: String!): Node @rest(get: "/nodes/{kind}")
  found: [Found] @rest(get: "/found")
  gem: Gem @rest(get: "/gem")
  grade: Grade @rest(get: "/grade")
  search(by: Search): String @rest(get: "/search?by={by.text}")
  rank(of: Grade): String @rest(get: "/rank?of={of}")
}
type Safe {
  place: String
  content: String @rest(get: "/content/{parent.place}") @tag(name: "treasure") @requiresScopes(scopes: [["a", "b"], ["admin"]])
  lock: Lock
}
type Lock { made: String  inner: Inner }
type Inner { name: String  code: String @rest(get: "/code/{parent.name}") @tag(name: "treasure") @requiresScopes(scopes: [["a", "b"], ["admin"]]) }
interface Node { id: ID!  value: String }
type Plain implements Node { id: ID!  value: String }
type Coin implements Node @tag(name: "treasure") @requiresScopes(scopes: [["a", "b"], ["admin"]]) {
  id: ID!
  value: String
  weight: String @rest(get: "/weight/{parent.id}")
}
union Found = Plain | Coin
type Gem @tag(name: "treasure") @requiresScopes(scopes: [["a", "b"], ["admin"]]) { id: ID!  cut: String }
enum Grade @requiresScopes(scopes: [["a", "b"], ["admin"]]) { HIGH LOW }
input Search @requiresScopes(scopes: [["a", "b"], ["admin"]]) { text: String }
type Owner @key(fields: "id") {
  id: ID!
  name: String
  pin: String @rest(get: "/pin/{parent.id}") @tag(name: "treasure") @requiresScopes(scopes: [["a", "b"], ["admin"]])
}
`;
const LEDGER = `
type Query { account: Account @rest(get: "/account") }
type Account { id: ID!  owner: Owner @from(path: "{ id: owner_id }") }
extend type Owner @key(fields: "id") {
  id: ID!
  statement(pin: String @require(field: "pin")): String @rest(get: "/statement?pin={pin}")
}
`;
const VIEW = `
type Query {
  open: String
  secret: String
  renamed: String @from(field: "secret")
  known: String
  tightened: String @from(field: "open") @tag(name: "treasure") @requiresScopes(scopes: [["a", "b"], ["admin"]])
  safe: Safe
  flat: String @from(path: "safe.lock.inner.code")
  owner(id: ID!): Owner
  account: Account
  node(kind: String!): Node
  found: [Found]
  gem: Gem
  cut: String @from(path: "gem.cut")
  grade: Grade
  search(by: Search): String
  locked: String @from(field: "rank", args: "{ of: HIGH }")
  rank(of: Grade): String
  me: Owner @from(field: "owner", args: "{ id: $claims.sub }") @authenticated
}
type Safe { place: String  content: String  lock: Lock }
type Lock { made: String  inner: Inner }
type Inner { name: String  code: String }
interface Node { id: ID!  value: String }
type Plain implements Node { id: ID!  value: String }
type Coin implements Node { id: ID!  value: String  weight: String }
union Found = Plain | Coin
type Gem { id: ID!  cut: String }
enum Grade { HIGH LOW }
input Search { text: String }
type Owner { id: ID!  name: String  pin: String  statement: String }
type Account { id: ID!  owner: Owner }
`;

const ANSWERS: Readonly<Record<string, unknown>> = {
  '/safe': { place: 'wall', lock: { made: 'steel', inner: { name: 'cell' } } },
  '/nodes/plain': { __typename: 'Plain', id: 'p', value: 'paper' },
  '/nodes/coin': { __typename: 'Coin', id: 'c', value: 'gold' },
  '/found': [
    { __typename: 'Plain', id: 'p', value: 'paper' },
    { __typename: 'Coin', id: 'c', value: 'gold' },
  ],
  '/gem': { id: 'g', cut: 'round' },
  '/grade': 'HIGH',
  '/account': { id: 'acc', owner_id: 'u1' },
};

/** `tagged` leaves out by tag what has one, `named` by coordinate all that has a rule. */
const SCOPES = ['a', 'b'];
const PLANS = {
  full: { clients: CLIENTS, scopes: SCOPES },
  bare: { clients: CLIENTS },
  tagged: { clients: CLIENTS, scopes: SCOPES, fields: { exclude: ['tag:treasure'] } },
  named: {
    clients: CLIENTS,
    scopes: SCOPES,
    fields: {
      exclude: [
        ...[
          'secret',
          'renamed',
          'known',
          'tightened',
          'flat',
          'cut',
          'grade',
          'search',
          'locked',
          'rank',
          'me',
        ].map((field) => `Query.${field}`),
        ...['Safe.content', 'Inner.code', 'Coin.*', 'Gem.*', 'Owner.pin', 'Owner.statement'],
      ],
    },
  },
};

/** What every answer to a caller without rights must not have. */
export const TREASURE = /treasure|gold|round|"HIGH"|steelcode/;

export interface VaultGateway extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly backend: JsonBackend;
  readonly key: SigningKey;
  readonly keys: KeyMaker;
}

export async function startVault(): Promise<VaultGateway> {
  await using started = new AsyncDisposableStack();
  const key = await newKey('k1');
  const backend = started.use(
    await startJsonBackend(({ path }) => {
      if (path in ANSWERS) return ANSWERS[path];
      if (path.startsWith('/owners/')) return { id: path.slice(8), name: 'Ann' };
      return path === '/open' ? 'open' : `treasure of ${path}`;
    }),
  );
  const clients = CLIENTS.flatMap((name) => {
    const [engine, denied] = name.split('-');
    const client = { engine, batching: { max: 5 }, uploads: {}, cors: { origins: [PAGE] } };
    const auth = { denied, keys: { publishable: true }, certificates: CERTIFICATES };
    const yml = clientYml({ keys: [key.publicJwk] }, { auth, client });
    return [
      [`clients/${name}/client.yml`, yml],
      [`schemas/${name}.graphql`, VIEW],
    ];
  });
  const gateway = started.use(
    await startGateway({
      files: {
        'hem.yml': JSON.stringify({ trustedProxies: TRUSTED_PROXIES }),
        'connectors/vault/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
        'connectors/vault/schema.graphql': VAULT,
        'connectors/ledger/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
        'connectors/ledger/schema.graphql': LEDGER,
        'clients/plans.yml': JSON.stringify({ plans: PLANS }),
        ...Object.fromEntries(clients),
      },
    }),
  );
  const keys = new KeyMaker(gateway);
  const everything = started.move();
  return { gateway, backend, key, keys, [Symbol.asyncDispose]: () => everything.disposeAsync() };
}
