/** What the tests configure: a REST and a GraphQL backend, two clients, and plans of every kind. */
import { AUDIENCE, ISSUER, type SigningKey } from '../auth/issuer.ts';

const SHOP = `
type Query {
  item(id: ID!): Item @lookup @rest(get: "/items/{id}")
  invoices: [Invoice!] @rest(get: "/invoices") @tag(name: "billing")
}
type Item @key(fields: "id") { id: ID!  name: String  price: Int @tag(name: "billing") }
type Invoice { number: Int }
`;
const RIDERS = `
type Query { rider(id: ID!): Rider @lookup @graphql }
type Subscription { riderMoved(id: ID!): Rider @graphql }
type Rider @key(fields: "id") { id: ID!  name: String }
`;
const WEB = `
type Query {
  item(id: ID!): Item
  invoices: [Invoice!]
  mine: Item @from(field: "item", args: "{ id: $claims.sub }") @authenticated
}
type Subscription { riderMoved(id: ID!): Rider }
type Item { id: ID!  name: String  price: Int }
type Invoice { number: Int }
type Rider { id: ID!  name: String }
`;
const PARTNERS = `
type Query { article(id: ID!): Article @from(field: "item") }
type Article @from(type: "Item") { id: ID!  title: String @from(field: "name") }
`;

/** Within a month nothing comes back while a test runs. */
export const PLANS = {
  open: { clients: ['web', 'partners'] },
  small: {
    title: 'For trying out',
    clients: ['web', 'partners'],
    limits: [{ name: 'small', limit: 12, per: 'month' }],
  },
  short: { clients: ['web'], limits: [{ name: 'short', limit: 5, algorithm: 'rolling', per: '4s' }] },
  many: { clients: ['web', 'partners'], limits: [{ name: 'many', limit: 200, per: 'month' }] },
  sliced: { clients: ['web'], limits: [{ name: 'sliced', limit: 1000, per: 'month' }] },
  kept: { clients: ['web'], limits: [{ name: 'kept', limit: 160, per: 'month' }] },
  lost: { clients: ['web'], limits: [{ name: 'lost', limit: 900, per: 'month' }] },
  changing: {
    clients: ['web'],
    fields: { exclude: ['tag:billing'] },
    limits: [{ name: 'changing', limit: 20, per: 'month' }],
  },
  trial: { clients: ['web'], approval: 'automatic', limits: [{ name: 'trial', limit: 2, per: 'month' }] },
  contract: { clients: ['web', 'partners'], approval: 'operator' },
} as const;

export interface Surroundings {
  readonly shop: string;
  readonly riders: string;
  readonly issuer: SigningKey;
  readonly store: object;
}

export function configurationFiles({ shop, riders, issuer, store }: Surroundings): Record<string, string> {
  const jwt = {
    issuers: [
      {
        ...{ issuer: ISSUER, audience: AUDIENCE, algorithms: [issuer.alg] },
        jwks: { keys: [issuer.publicJwk] },
      },
    ],
  };
  return {
    'hem.yml': JSON.stringify({
      log: { level: 'warn', requests: false },
      store,
      keys: { peppers: { 1: 'the same text of 32 characters or more for all of them' } },
      usage: { flush: '1s' },
    }),
    'connectors/shop/connector.yml': `kind: rest\nendpoint: ${shop}\n`,
    'connectors/shop/schema.graphql': SHOP,
    'connectors/riders/connector.yml': `kind: graphql\nendpoint: ${riders}\nspec: riders.graphql\n`,
    'connectors/riders/riders.graphql':
      'type Query { rider(id: ID!): Rider }\ntype Subscription { riderMoved(id: ID!): Rider }\ntype Rider { id: ID!  name: String! }\n',
    'connectors/riders/schema.graphql': RIDERS,
    'schemas/web.graphql': WEB,
    'clients/web/client.yml': JSON.stringify({ auth: { anonymous: false, keys: {}, jwt } }),
    'schemas/partners.graphql': PARTNERS,
    'clients/partners/client.yml': 'auth: { keys: { required: true } }\n',
    'clients/plans.yml': plansFile(PLANS),
  };
}

export function plansFile(plans: object): string {
  return JSON.stringify({ plans }, null, 2);
}
