/** Whoever changes something reads the change, and what depends on it is out of date however it depends on it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { Reply, startJsonBackend } from '../support/json-backend.ts';

const ENGINES = ['compiled', 'reference'] as const;

async function startPlaces({ engine, slowMs = 0 }: { readonly engine: string; readonly slowMs?: number }) {
  const names = new Map([
    ['1', 'Old'],
    ['kind', 'Old'],
  ]);
  const backend = await startJsonBackend(async ({ method, path, query, body }) => {
    const [, area, id = ''] = path.split('/');
    if (method === 'POST') {
      names.set(area === 'rename-zone' ? 'kind' : id, body.name);
      return { id, kind: 'in_town' };
    }
    if (area === 'tags') return `tag of ${query.get('name')}`;
    const name = names.get(area === 'zones' ? 'kind' : '1');
    await sleep(slowMs);
    // The backend lets it be kept, too.
    return new Reply(
      area === 'bikes' ? { id, station_id: '1' } : { id, kind: 'in_town', name, __typename: 'Station' },
      { 'cache-control': 'max-age=60' },
    );
  });
  const connector = { kind: 'rest', endpoint: backend.url, cache: {}, dedupe: true };
  const gateway = await startGateway({
    files: {
      'connectors/places/connector.yml': JSON.stringify(connector),
      'connectors/places/schema.graphql': `
        type Query {
          station(id: ID!): Station @lookup @rest(get: "/stations/{id}")
          bike(id: ID!): Bike @lookup @rest(get: "/bikes/{id}")
          zone(kind: Kind!): Zone @lookup @rest(get: "/zones/{kind}")
        }
        interface Place @key(fields: "id") { id: ID! }
        type Station implements Place @key(fields: "id") @cacheControl(maxAge: 60) { id: ID! name: String }
        type Bike @key(fields: "id") @cacheControl(maxAge: 60) { id: ID! station: Station @from(path: "{ id: station_id }") }
        enum Kind { IN_TOWN @from(value: "in_town") OUT_OF_TOWN }
        type Zone @key(fields: "kind") @cacheControl(maxAge: 60) { kind: Kind! name: String }
        type Mutation {
          rename(id: ID!, name: String!): Renamed @rest(post: "/rename/{id}", body: "{ name: $name }") @invalidates(type: "Station", key: "id")
          renameZone(kind: Kind!, name: String!): Zone @rest(post: "/rename-zone/{kind}", body: "{ name: $name }") @invalidates(type: "Zone", key: "kind")
          renamePlace(id: ID!, name: String!): Renamed @rest(post: "/rename/{id}", body: "{ name: $name }") @invalidates(type: "Place")
        }
        type Renamed { station: Station @from(path: "{ id: id }") }`,
      'connectors/tags/connector.yml': JSON.stringify({ kind: 'rest', endpoint: backend.url }),
      'connectors/tags/schema.graphql': `
        extend type Bike @key(fields: "id") {
          id: ID!
          tag(name: String @require(field: "station.name")): String @rest(get: "/tags/{parent.id}?name={name}") @cacheControl(maxAge: 60)
        }`,
      'clients/web/client.yml': JSON.stringify({ engine, cache: { responses: {} } }),
      'schemas/web.graphql': `
        type Query { station(id: ID!): Station  bike(id: ID!): Bike  area(kind: Sort! @from(argument: "kind")): Area @from(field: "zone") }
        type Station { id: ID!  name: String }
        type Bike { tag: String }
        enum Sort @from(type: "Kind") { TOWN @from(value: "IN_TOWN") }
        type Area @from(type: "Zone") { kind: Sort!  name: String }
        type Renamed { station: Station }
        type Mutation {
          rename(id: ID!, name: String!): Renamed
          renamePlace(id: ID!, name: String!): Renamed
          renameZone(kind: Sort!, name: String!): Area
        }`,
    },
  });
  const ask = async (query: string) => (await gateway.query('web', query)).body.data;
  return {
    ask,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}

/** What an operator says. */
async function invalidate({ adminUrl, gateway }: TestGateway, body: unknown): Promise<number> {
  const { status } = await fetch(`${adminUrl}/api/cache/invalidate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return status;
}

test.each(ENGINES)('a mutation reads what it has changed, kept or not, %s', async (engine) => {
  await using places = await startPlaces({ engine });
  const { ask } = places;
  expect(await ask('{ station(id: 1) { name } }')).toEqual({ station: { name: 'Old' } });
  expect(await ask('mutation { rename(id: 1, name: "New") { station { name } } }')).toEqual({
    rename: { station: { name: 'New' } },
  });
  expect(await ask('{ station(id: 1) { name } }')).toEqual({ station: { name: 'New' } });
  expect(
    await ask(
      'mutation { a: rename(id: 1, name: "A") { station { name } } b: rename(id: 1, name: "B") { station { name } } }',
    ),
  ).toEqual({ a: { station: { name: 'A' } }, b: { station: { name: 'B' } } });
  expect(await ask('{ station(id: 1) { name } }')).toEqual({ station: { name: 'B' } });
});

test.each(ENGINES)('a mutation waits for no answer that began before it, %s', async (engine) => {
  await using places = await startPlaces({ engine, slowMs: 300 });
  const reading = places.ask('{ station(id: 1) { name } }');
  await sleep(100);
  expect(await places.ask('mutation { rename(id: 1, name: "New") { station { name } } }')).toEqual({
    rename: { station: { name: 'New' } },
  });
  expect(await reading).toEqual({ station: { name: 'Old' } });
});

test.each([
  [
    'what is only required',
    '{ bike(id: 5) { tag } }',
    { bike: { tag: 'tag of Old' } },
    { bike: { tag: 'tag of New' } },
  ],
  [
    'a type by its interface',
    '{ station(id: 1) { id name } }',
    { station: { id: '1', name: 'Old' } },
    { station: { id: '1', name: 'New' } },
  ],
])('%s is out of date, by a mutation and by an operator', async (_what, query, before, after) => {
  await using places = await startPlaces({ engine: 'compiled' });
  const { ask, gateway } = places;
  for (const mutation of ['renamePlace', 'rename']) {
    expect(await ask(query)).toEqual(before);
    await ask(`mutation { ${mutation}(id: 1, name: "New") { station { id } } }`);
    expect(await ask(query)).toEqual(after);
    await ask(`mutation { ${mutation}(id: 1, name: "Old") { station { id } } }`);
  }
  expect(await ask(query)).toEqual(before);
  for (const body of [{ type: 'Place' }, { type: 'Place', key: '1' }, { type: 'Station' }]) {
    const hit = await gateway.query('web', query);
    expect(hit.headers.get('cache-status')).toMatch(/^hem; hit/);
    expect(await invalidate(gateway, body)).toBe(204);
    const made = await gateway.query('web', query);
    expect(made.headers.get('cache-status')).not.toMatch(/^hem; hit/);
  }
});

test('a key that is an enum of another name in the view is found', async () => {
  await using places = await startPlaces({ engine: 'compiled' });
  const { ask, gateway } = places;
  const query = '{ area(kind: TOWN) { kind name } }';
  expect(await ask(query)).toEqual({ area: { kind: 'TOWN', name: 'Old' } });
  await ask('mutation { renameZone(kind: TOWN, name: "New") { kind } }');
  expect(await ask(query)).toEqual({ area: { kind: 'TOWN', name: 'New' } });
  await invalidate(gateway, { type: 'Zone', key: 'IN_TOWN' });
  expect((await gateway.query('web', query)).headers.get('cache-status')).not.toMatch(/^hem; hit/);
});

test('one field of a key of several says of no entity that it is out of date', async () => {
  const loading = startGateway({
    files: {
      'connectors/parts/connector.yml': 'kind: rest\nendpoint: http://parts.test',
      'connectors/parts/schema.graphql': `
        type Query { part(org: ID!, number: Int!): Part @lookup @rest(get: "/parts/{org}/{number}") }
        type Part @key(fields: "org number") { org: ID! number: Int! }
        type Mutation { change(number: Int!): Boolean @rest(post: "/parts/{number}") @invalidates(type: "Part", key: "number") }`,
      'clients/web/client.yml': '{}',
      'schemas/web.graphql': 'type Query { part(org: ID!, number: Int!): Part } type Part { org: ID! }',
    },
  });
  await expect(loading).rejects.toThrow(/"Part" is found by org and number/);
});
