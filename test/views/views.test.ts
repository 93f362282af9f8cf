/** What a client's schema can make of the graph: names, shapes, arguments, values, and what it leaves out. */
import { buildClientSchema, getIntrospectionQuery, printSchema } from 'graphql';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, type JsonRequest, startJsonBackend } from '../support/json-backend.ts';

const ITEMS: Readonly<Record<string, unknown>> = {
  '1': {
    type: 'book',
    id: '1',
    title: 'Roads',
    state: 'new',
    states: ['new', 'worn', 'lost'],
    address: { city: 'Lindhaven', geo: { lat: 1.5 } },
    owner_id: 'u1',
    pages: 12,
  },
  '2': { type: 'film', id: '2', title: 'Rails', state: 'lost', address: null, owner_id: 'u404', minutes: 90 },
  '3': { type: 'song', id: '3', title: 'Rivers', state: 'worn', owner_id: null },
};

function answer({ method, path, query, body }: JsonRequest): unknown {
  const [, area, id = ''] = path.split('/');
  if (area === 'users') return id === 'u1' ? { id, name: 'Ida', home: { city: 'Ostwick' } } : undefined;
  if (method === 'POST') return { ...(ITEMS['1'] as object), title: JSON.stringify(body) };
  if (id !== '') return ITEMS[id];
  return { asked: Object.fromEntries([...query].sort()), items: Object.values(ITEMS) };
}

const ITEM_FIELDS = `
  id: ID!
  title: String
  state: State
  states: [State!]
  address: Address
  owner: User @from(path: "{ id: owner_id }")
  related(first: Int = 3, deep: Boolean! = false): [Item!] @rest(get: "/items?near={parent.id}&first={first}&deep={deep}", select: "items")
`;

const FILES = {
  'connectors/items/schema.graphql': `
    type Query {
      "One item."
      item("Its number." id: ID!): Item @rest(get: "/items/{id}")
      items(filter: Filter!, order: Order = BY_TITLE, first: Int = 10): Found
        @rest(get: "/items?text={filter.text}&state={filter.state}&states={filter.states|csv}&inner={filter.inner.text}&innerState={filter.inner.state}&order={order}&first={first}")
      anything(id: ID!): Anything @rest(get: "/items/{id}")
      old: String @deprecated(reason: "Nobody knows it any more.") @rest(get: "/old")
    }
    type Mutation {
      add(item: NewItem!): Book @rest(post: "/items", body: "$item")
    }
    type Found { asked: JSON items: [Item] }
    "Something to lend."
    interface Item @discriminator(property: "type", mapping: [{ value: "book", type: "Book" }, { value: "film", type: "Film" }, { value: "song", type: "Song" }]) { ${ITEM_FIELDS.replace(/@rest\(.*\)/, '').replace(/@from\(.*\)/, '')} }
    type Book implements Item { ${ITEM_FIELDS} pages: Int }
    type Film implements Item { ${ITEM_FIELDS} minutes: Int }
    type Song implements Item { ${ITEM_FIELDS} }
    union Anything @discriminator(property: "type", mapping: [{ value: "book", type: "Book" }, { value: "film", type: "Film" }, { value: "song", type: "Song" }]) = Book | Film | Song
    type Address { "Where it stands." city: String geo: Geo }
    type Geo { lat: Float! }
    extend type User @key(fields: "id") { id: ID! }
    "How it is."
    enum State { "Never used." NEW @from(value: "new") WORN @from(value: "worn") LOST @from(value: "lost") @deprecated(reason: "It is in a drawer.") }
    enum Order { BY_TITLE @from(value: "title") BY_STATE @from(value: "state") }
    input Filter { "Any word." text: String state: State states: [State!] inner: Filter }
    input NewItem { title: String! state: State = NEW tags: [String!] }
  `,
  'connectors/users/schema.graphql': `
    type Query { user(id: ID!): User @lookup @rest(get: "/users/{id}") }
    type User @key(fields: "id") { id: ID! name: String home: Address2 }
    type Address2 { city: String }
  `,
  'clients/web/client.yml': '{}',
  'schemas/web.graphql': `
    type Query {
      thing(number: ID! @from(argument: "id")): Thing @from(field: "item")
      "A book of one's own."
      book: Thing @from(field: "item", args: "{ id: 1 }")
      search(text: String!, kind: How = TITLE, howMany: Int): Found
        @from(field: "items", args: "{ filter: { text: $text, inner: { text: $text } }, order: $kind, first: $howMany }")
      find(query: Search! @from(argument: "filter")): Found @from(field: "items")
      worn: Found @from(field: "items", args: "{ filter: { state: WORN, states: [NEW, WORN] } }")
      some(id: ID!): Some @from(field: "anything")
      old: String
      user(id: ID!): Person
    }
    type Mutation { add(item: Draft!): Volume }
    type Found { asked: JSON items: [Thing] }
    interface Thing @from(type: "Item") { id: ID! name: String @from(field: "title") state: Condition city: String @from(path: "address.city") }
    type Volume implements Thing @from(type: "Book") {
      id: ID!
      name: String @from(field: "title")
      state: Condition
      states: [Condition]
      sure: [Condition!] @from(field: "states")
      city: String @from(path: "address.city")
      latitude: Float @from(path: "address.geo.lat")
      ownerName: String @from(path: "owner.name")
      ownerCity: String @from(path: "owner.home.city")
      near(count: Int = 2 @from(argument: "first")): [Thing!] @from(field: "related")
      deepest: [Thing!] @from(field: "related", args: "{ first: 1, deep: true }")
      pages: Int
    }
    type Movie implements Thing @from(type: "Film") { id: ID! name: String @from(field: "title") state: Condition city: String @from(path: "address.city") minutes: Int ownerName: String @from(path: "owner.name") }
    "A book, in few words."
    type Card @from(type: "Book") { title: String }
    union Some @from(type: "Anything") = Card | Movie
    enum Condition @from(type: "State") { UNUSED @from(value: "NEW") WORN }
    enum How @from(type: "Order") { TITLE @from(value: "BY_TITLE") STATE @from(value: "BY_STATE") }
    input Search @from(type: "Filter") { words: String @from(field: "text") condition: Condition @from(field: "state") conditions: [Condition!] @from(field: "states") also: Search @from(field: "inner") }
    input Draft @from(type: "NewItem") { name: String! @from(field: "title") state: Condition = WORN }
    type Person @from(type: "User") { name: String town: String @from(path: "home.city") }
  `,
};

let backend: JsonBackend;
let gateway: TestGateway;

beforeAll(async () => {
  backend = await startJsonBackend(answer);
  const settings = `kind: rest\nendpoint: ${backend.url}\n`;
  gateway = await startGateway({
    files: {
      ...FILES,
      'connectors/items/connector.yml': settings,
      'connectors/users/connector.yml': settings,
    },
  });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await backend?.[Symbol.asyncDispose]();
});
beforeEach(() => {
  backend.requests.length = 0;
});

async function ask(query: string, variables?: Record<string, unknown>) {
  const { body } = await gateway.query('web', query, { variables });
  return body;
}

describe('names', () => {
  test('of types, fields, arguments and enum values', async () => {
    expect(await ask('{ thing(number: 1) { __typename name state } }')).toEqual({
      data: { thing: { __typename: 'Volume', name: 'Roads', state: 'UNUSED' } },
    });
  });

  test('of inputs, their fields, and values inside of lists and nested inputs', async () => {
    const { data } = await ask(
      '{ find(query: { words: "a", condition: UNUSED, conditions: [WORN, UNUSED], also: { words: "b", condition: WORN } }) { asked } }',
    );
    expect(data).toEqual({
      find: {
        asked: {
          text: 'a',
          state: 'new',
          states: 'worn,new',
          inner: 'b',
          innerState: 'worn',
          order: 'title',
          first: '10',
        },
      },
    });
  });

  test('the same from variables', async () => {
    const { data } = await ask('query ($q: Search!) { find(query: $q) { asked } }', {
      q: { condition: 'WORN', conditions: 'UNUSED' },
    });
    expect(data.find.asked).toEqual({ state: 'worn', states: 'new', order: 'title', first: '10' });
  });

  test('a view’s own default of an input field', async () => {
    const { data } = await ask('mutation { add(item: { name: "N" }) { name } }');
    expect(JSON.parse(data.add.name)).toEqual({ title: 'N', state: 'worn' });
  });

  test('the graph’s names are unknown here', async () => {
    for (const query of [
      '{ item(id: 1) { id } }',
      '{ thing(id: 1) { id } }',
      '{ thing(number: 1) { title } }',
    ])
      expect((await ask(query)).errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
  });
});

describe('arguments', () => {
  test('locked', async () => {
    expect((await ask('{ book { id } }')).data).toEqual({ book: { id: '1' } });
    expect((await ask('{ worn { asked } }')).data.worn.asked).toEqual({
      state: 'worn',
      states: 'new,worn',
      order: 'title',
      first: '10',
    });
  });

  test('combined, and absent ones dropped so that the graph’s defaults hold', async () => {
    expect((await ask('{ search(text: "x") { asked } }')).data.search.asked).toEqual({
      text: 'x',
      inner: 'x',
      order: 'title',
      first: '10',
    });
    expect((await ask('{ search(text: "x", kind: STATE, howMany: 2) { asked } }')).data.search.asked).toEqual(
      {
        text: 'x',
        inner: 'x',
        order: 'state',
        first: '2',
      },
    );
  });

  test('of fields below: with the view’s default, given, and locked', async () => {
    await ask('{ book { ... on Volume { near { id } more: near(count: 9) { id } deepest { id } } } }');
    expect(backend.requests.slice(1).sort()).toEqual([
      'GET /items?near=1&first=1&deep=true',
      'GET /items?near=1&first=2&deep=false',
      'GET /items?near=1&first=9&deep=false',
    ]);
  });
});

describe('shapes', () => {
  test('flattened through objects, through joins, and through what is null', async () => {
    const query = `query ($id: ID!) { thing(number: $id) {
      city ... on Volume { latitude ownerName ownerCity } ... on Movie { ownerName } } }`;
    expect(await ask(query, { id: 1 })).toEqual({
      data: { thing: { city: 'Lindhaven', latitude: 1.5, ownerName: 'Ida', ownerCity: 'Ostwick' } },
    });
    expect(await ask(query, { id: 2 })).toEqual({ data: { thing: { city: null, ownerName: null } } });
  });

  test('two types for one of the graph’s', async () => {
    expect(await ask('{ some(id: 1) { __typename ... on Card { title } } book { __typename } }')).toEqual({
      data: { some: { __typename: 'Card', title: 'Roads' }, book: { __typename: 'Volume' } },
    });
  });
});

describe('narrowed', () => {
  test('a hidden enum value is null with an error', async () => {
    const { data, errors } = await ask('{ thing(number: 2) { id state } }');
    expect(data).toEqual({ thing: { id: '2', state: null } });
    expect(errors).toHaveLength(1);
    expect(errors![0]).toMatchObject({
      path: ['thing', 'state'],
      extensions: { code: 'HIDDEN_VALUE' },
    });
    expect(JSON.stringify(errors)).not.toMatch(/LOST|lost/);
  });

  test('in a list, at its index; where null is not allowed, the list goes', async () => {
    const { data, errors } = await ask('{ book { ... on Volume { states sure } } }');
    expect(data).toEqual({ book: { states: ['UNUSED', 'WORN', null], sure: null } });
    expect(errors!.map(({ path }) => path)).toEqual([
      ['book', 'states', 2],
      ['book', 'sure', 2],
    ]);
  });

  test('a hidden member of a union or an interface is null with an error', async () => {
    const { data, errors } = await ask(
      '{ some(id: 3) { __typename } thing(number: 3) { id } worn { items { id } } }',
    );
    expect(data).toEqual({ some: null, thing: null, worn: { items: [{ id: '1' }, { id: '2' }, null] } });
    expect(errors!.map(({ path, extensions }) => [path, extensions.code])).toEqual([
      [['some'], 'HIDDEN_VALUE'],
      [['thing'], 'HIDDEN_VALUE'],
      [['worn', 'items', 2], 'HIDDEN_VALUE'],
    ]);
    expect(JSON.stringify(errors)).not.toMatch(/Song|song/);
  });

  test('a hidden value is refused as input', async () => {
    for (const value of ['LOST', 'NEW']) {
      const { errors } = await ask(`{ find(query: { condition: ${value} }) { asked } }`);
      expect(errors![0]!.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    }
    expect(backend.requests).toEqual([]);
  });
});

describe('what a client can read of its schema', () => {
  test('is its view and nothing else, the same by introspection and as a file', async () => {
    const { data } = await ask(getIntrospectionQuery());
    const printed = printSchema(buildClientSchema(data));
    expect(printed).not.toMatch(
      /@from|@rest|@discriminator|Item\b|LOST|Song|NewItem|Filter|BY_TITLE|address/,
    );
    const file = await (await gateway.fetch('/web/schema.graphql')).text();
    expect(file.trim()).toBe(printed.trim());
  });

  test('inherits descriptions and deprecations, and may have its own', async () => {
    const { data } = await ask(`{
      query: __type(name: "Query") { fields(includeDeprecated: true) { name description deprecationReason args { name description } } }
      thing: __type(name: "Thing") { description fields { name description } }
      condition: __type(name: "Condition") { description enumValues(includeDeprecated: true) { name description deprecationReason } }
      search: __type(name: "Search") { inputFields { name description } }
      card: __type(name: "Card") { description }
    }`);
    const named = (list: Array<{ name: string }>, name: string) => list.find((entry) => entry.name === name);
    expect(named(data.query.fields, 'thing')).toMatchObject({
      description: 'One item.',
      args: [{ name: 'number', description: 'Its number.' }],
    });
    expect(named(data.query.fields, 'book')).toMatchObject({ description: "A book of one's own." });
    expect(named(data.query.fields, 'old')).toMatchObject({ deprecationReason: 'Nobody knows it any more.' });
    expect(data.thing.description).toBe('Something to lend.');
    expect(named(data.thing.fields, 'city')).toMatchObject({ description: 'Where it stands.' });
    expect(data.condition).toEqual({
      description: 'How it is.',
      enumValues: [
        { name: 'UNUSED', description: 'Never used.', deprecationReason: null },
        { name: 'WORN', description: null, deprecationReason: null },
      ],
    });
    expect(named(data.search.inputFields, 'words')).toMatchObject({ description: 'Any word.' });
    expect(data.card.description).toBe('A book, in few words.');
  });
});
