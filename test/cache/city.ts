/** A small city whose answers may be kept, and a backend that counts what it is asked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { clientYml, newKey, type SigningKey } from '../auth/issuer.ts';
import { type GraphQLBody, startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, type JsonRequest, Refusal, startJsonBackend } from '../support/json-backend.ts';

const CITY = `
type Query {
  station(id: ID!): Station @lookup @rest(get: "/stations/{id}") @cacheControl(maxAge: 60)
  stations: [Station!] @rest(get: "/stations") @cacheControl(maxAge: 60)
  weather(at: Spot): Weather @rest(get: "/weather?lat={at.lat}&lon={at.lon}")
  echo(text: JSON, list: [Int], flag: Boolean): String @rest(post: "/echo", body: "{ text: $text, list: $list, flag: $flag }") @cacheControl(maxAge: 60)
  brief: String @rest(get: "/brief") @cacheControl(maxAge: 1)
  never: String @rest(get: "/never")
  me: Me @rest(get: "/people/{claims.sub}") @cacheControl(maxAge: 60, scope: PRIVATE)
  careless: String @rest(get: "/careless/{claims.sub}") @cacheControl(maxAge: 60, scope: PUBLIC)
  mine(id: ID @is(claim: "sub")): String @rest(get: "/mine/{id}") @cacheControl(maxAge: 60)
  secret: String @rest(get: "/secret") @cacheControl(maxAge: 60) @requiresScopes(scopes: [["see"]])
}
input Spot { lat: Float  lon: Float }
type Me @cacheControl(inheritMaxAge: true) { id: ID!  name: String }
type Station @key(fields: "id") @cacheControl(maxAge: 120) { id: ID!  name: String  dock: Dock  owner: Owner }
type Dock { id: ID!  free: Int }
type Owner @cacheControl(inheritMaxAge: true) { name: String  city: String @cacheControl(maxAge: 30) }
type Weather @cacheControl(maxAge: 10) { sky: String }
type Mutation {
  rename(id: ID!, name: String!): Station @rest(put: "/stations/{id}", body: "{ name: $name }") @invalidates(type: "Station", key: "id")
  swap(name: String!): Station @rest(post: "/swap?name={name}") @invalidates(type: "Station", key: "id")
  reset: Boolean @rest(post: "/reset") @invalidates(type: "Station")
  write(name: String!): String @rest(put: "/brief?name={name}")
}
`;
/** Knows its caller by a header that travels on. */
const DESK = `
type Query {
  desk: String @rest(get: "/desk") @cacheControl(maxAge: 60)
}
extend type Station @key(fields: "id") @cacheControl(maxAge: 5) { id: ID!  bikes: Int }
extend type Query { bikesAt(id: ID!): Station @lookup @internal @rest(get: "/bikes/{id}") }
`;
const VIEW = `
type Query {
  station(id: ID!): Place
  stations: [Place!]
  weather(at: Spot): Weather
  echo(text: JSON, list: [Int], flag: Boolean): String
  brief: String
  never: String
  me: Me
  careless: String
  viewer: String @from(field: "mine")
  secret: String
  desk: String
  shorter: String @from(field: "brief") @cacheControl(maxAge: 0)
  narrow: [Place!] @from(field: "stations") @cacheControl(scope: PRIVATE)
  dockFree(id: ID!): Station2 @from(field: "station")
}
input Spot { lat: Float  lon: Float }
type Me { id: ID!  name: String }
type Place @from(type: "Station") { number: ID! @from(field: "id")  name: String  dock: Dock  owner: Owner  bikes: Int  ownerName: String @from(path: "owner.name")  ownerCity: String @from(path: "owner.city") }
type Station2 @from(type: "Station") { name: String }
type Dock { id: ID!  free: Int }
type Owner { name: String  city: String }
type Weather { sky: String }
type Mutation {
  call(place: ID! @from(argument: "id"), name: String!): Place @from(field: "rename")
  swap(name: String!): Place
  reset: Boolean
  write(name: String!): String
}
`;

/** Without what takes a known caller. */
const FOR_ALL = VIEW.replace(/^ {2}(secret|me|careless|viewer): .*\n/gm, '').replace(/^type Me .*\n/m, '');

export interface City extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly backend: JsonBackend;
  readonly key: SigningKey;
  /** Names of stations, by id. */
  readonly names: Map<string, string>;
  /** Instead of what the backend answers. */
  instead: ((request: JsonRequest) => unknown) | undefined;
  /** How often a path was asked for, since the beginning. */
  asked(path: string): number;
  ask(query: string, options?: Asking): Promise<Asked>;
}

export interface Asking {
  readonly client?: string;
  readonly variables?: Record<string, unknown>;
  readonly headers?: Record<string, string>;
}

export interface Asked {
  readonly status: number;
  readonly body: GraphQLBody;
  readonly headers: Headers;
}

export interface CityOptions {
  readonly cache?: object;
  /** More lines of client.yml. */
  readonly client?: object;
  readonly hem?: object;
  /** More lines of the connectors' connector.yml. */
  readonly connector?: object;
  /** A backend that several gateways share. */
  readonly backend?: JsonBackend;
}

/** Clients: `open` asks nobody, `web` knows callers by tokens, `plain` keeps nothing. */
export async function startCity({
  cache = { responses: {} },
  hem = {},
  connector = {},
  client: more = {},
  backend: given,
}: CityOptions = {}): Promise<City> {
  await using started = new AsyncDisposableStack();
  const key = await newKey('k1');
  const names = new Map([
    ['1', 'Harbour'],
    ['2', 'Market'],
  ]);
  const answer = async (request: JsonRequest): Promise<unknown> => {
    const replaced = await city.instead?.(request);
    return replaced ?? answerOf(request, names);
  };
  const backend = given ?? started.use(await startJsonBackend(answer));
  const yml = (own: object) => JSON.stringify({ kind: 'rest', endpoint: backend.url, ...connector, ...own });
  const client = { cache, batching: { max: 5 }, uploads: {}, ...more };
  const gateway = started.use(
    await startGateway({
      files: {
        'hem.yml': JSON.stringify(hem),
        'connectors/city/connector.yml': yml({}),
        'connectors/city/schema.graphql': CITY,
        'connectors/desk/connector.yml': yml({ headers: { forward: ['authorization', 'x-request-id'] } }),
        'connectors/desk/schema.graphql': DESK,
        'clients/open/client.yml': JSON.stringify(client),
        'schemas/open.graphql': FOR_ALL,
        'clients/web/client.yml': clientYml(
          { keys: [key.publicJwk] },
          { client, auth: { denied: 'nullify' } },
        ),
        'schemas/web.graphql': VIEW,
        'clients/plain/client.yml': '{}',
        'schemas/plain.graphql': FOR_ALL,
      },
    }),
  );
  const everything = started.move();
  const city: City = {
    gateway,
    backend,
    key,
    names,
    instead: undefined,
    asked: (path) => backend.requests.filter((text) => text.split(' ')[1]!.split('?')[0] === path).length,
    ask: (query, { client: name = 'open', ...options } = {}) => gateway.query(name, query, options),
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  };
  return city;
}

function answerOf({ path, method, body, headers, query }: JsonRequest, names: Map<string, string>): unknown {
  const [, first, id = ''] = path.split('/');
  const station = (number: string) => ({
    id: number,
    name: names.get(number),
    dock: { id: `d${number}`, free: 3 },
    owner: { name: 'City', city: 'Here' },
  });
  switch (first) {
    case 'stations':
      if (method === 'PUT') names.set(id, body.name);
      if (id === '') return [...names.keys()].map(station);
      return names.has(id) ? station(id) : new Refusal(404);
    case 'swap':
      names.set('2', query.get('name')!);
      return station('2');
    case 'reset':
      names.set('1', 'Reset');
      return true;
    case 'bikes':
      return { id, bikes: 7 };
    case 'people':
      return { id, name: `name of ${id}` };
    case 'weather':
      return { sky: 'blue' };
    case 'echo':
      return JSON.stringify(body);
    case 'desk':
      return `desk of ${headers.authorization ?? 'nobody'}`;
    default:
      return path;
  }
}

/** Waits for a condition, a few seconds at most. */
export async function eventually(what: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + 8000;
  while (!(await what())) {
    if (performance.now() > end) throw new Error(`never came to be: ${what}`);
    await sleep(20);
  }
}
