/** What operations use, as `/metrics` shows it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Library, startLibrary } from './library.ts';

let library: Library;
beforeEach(async () => {
  library = await startLibrary({ client: 'batching: { max: 5 }' });
});
afterEach(() => library[Symbol.asyncDispose]());

const ask = (query: string, variables?: Record<string, unknown>) =>
  library.gateway.query('web', query, variables === undefined ? {} : { variables });

/** Without the client, which is always the same. */
async function used(name: string): Promise<Readonly<Record<string, number>>> {
  const all = (await library.scrape()).all(name);
  return Object.fromEntries(
    Object.entries(all).map(([labels, value]) => [
      [...labels.replace('client="web",', '').matchAll(/="([^"]*)"/g)].map(([, text]) => text).join(' '),
      value,
    ]),
  );
}

describe('fields', () => {
  it('are counted once per executed operation, however often they stand in it', async () => {
    await ask('{ book(id: 1) { title again: title } other: book(id: 2) { title } }');
    await ask('{ book(id: 1) { title again: title } other: book(id: 2) { title } }');
    await ask('{ book(id: 1) { id } }');
    expect(await used('hem_field_used_total')).toEqual({ 'Query.book': 3, 'Book.title': 2, 'Book.id': 1 });
  });

  it('go on being counted after they were read', async () => {
    const query = '{ book(id: 1) { title } }';
    await ask(query);
    await used('hem_field_used_total');
    await ask(query);
    expect(await used('hem_field_used_total')).toEqual({ 'Query.book': 2, 'Book.title': 2 });
  });

  it('that conditions leave out do not count', async () => {
    const query = `query ($with: Boolean!, $not: Boolean = true) {
      book(id: 1) { title @include(if: $with)  id @skip(if: $not)  ...F @skip(if: $with)  reviews @include(if: false) { text } }
    } fragment F on Book { pages }`;
    await ask(query, { with: true });
    await ask(query, { with: false, not: false });
    await ask(query, { with: false, not: false });
    expect(await used('hem_field_used_total')).toEqual({
      'Query.book': 3,
      'Book.title': 1,
      'Book.id': 2,
      'Book.pages': 2,
    });
  });

  it('of an interface count for the interface and for all that may stand there', async () => {
    await ask('{ things { title ... on Film { minutes } } }');
    expect(await used('hem_field_used_total')).toEqual({
      'Query.things': 1,
      'Thing.title': 1,
      'Book.title': 1,
      'Film.title': 1,
      'Film.minutes': 1,
    });
  });

  it('of a fragment on an interface count for what may stand where it is spread', async () => {
    const query = '{ book(id: 1) { ...F } } fragment F on Thing { title }';
    await ask(query);
    expect(await used('hem_field_used_total')).toEqual({
      'Query.book': 1,
      'Thing.title': 1,
      'Book.title': 1,
    });
    // Elsewhere the same fragment is of others, too.
    await ask('{ book(id: 1) { ...F } things { ...F } } fragment F on Thing { title }');
    expect(await used('hem_field_used_total')).toEqual({
      'Query.book': 2,
      'Query.things': 1,
      'Thing.title': 2,
      'Book.title': 2,
      'Film.title': 1,
    });
  });

  it('of introspection do not count', async () => {
    await ask('{ __typename __schema { queryType { name } } }');
    expect(await used('hem_field_used_total')).toEqual({});
  });

  it('of what was refused do not count', async () => {
    await ask('{ nothing }');
    await ask('query ($id: ID!) { book(id: $id) { title } }');
    expect(await used('hem_field_used_total')).toEqual({});
    expect(await used('hem_errors_total')).toEqual({
      '- GRAPHQL_VALIDATION_FAILED': 1,
      '- BAD_VARIABLES': 1,
    });
  });

  it('are counted through every door', async () => {
    const query = '{ book(id: 1) { title } }';
    await ask(query);
    await library.gateway.fetch(`/web/graphql?query=${encodeURIComponent(query)}`);
    await library.gateway.fetch('/web/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([{ query }, { query }]),
    });
    await library.gateway.subscribe('web', query).next();
    const parts = await library.gateway.fetch('/web/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'multipart/mixed;incrementalSpec=v0.2' },
      body: JSON.stringify({ query: '{ book(id: 1) { id ... @defer { title } } }' }),
    });
    expect(await parts.text()).toContain('"hasNext":false');
    expect(await used('hem_field_used_total')).toEqual({ 'Query.book': 6, 'Book.title': 6, 'Book.id': 1 });
  });

  it('of more documents than are kept are all counted', async () => {
    const documents = Array.from({ length: 1300 }, (_, index) => `{ a${index}: book(id: 1) { title } }`);
    for (let at = 0; at < documents.length; at += 50)
      await Promise.all(documents.slice(at, at + 50).map((query) => ask(query)));
    expect(await used('hem_field_used_total')).toEqual({ 'Query.book': 1300, 'Book.title': 1300 });
  });
});

describe('arguments and enum values', () => {
  it('count where they are given', async () => {
    await ask('{ search { id } }');
    await ask(
      '{ search(kind: AUDIO, filter: { kinds: [PAPER], and: [{ kinds: [DIGITAL] }] }) { pages(kind: AUDIO) } }',
    );
    expect(await used('hem_argument_used_total')).toEqual({
      'Query.search kind': 1,
      'Query.search filter': 1,
      'Book.pages kind': 1,
    });
    expect(await used('hem_enum_value_used_total')).toEqual({
      'Kind AUDIO': 1,
      'Kind PAPER': 1,
      'Kind DIGITAL': 1,
    });
  });

  it('count in variables and their defaults, each value once per operation', async () => {
    const query =
      'query ($kind: Kind = DIGITAL, $filter: Filter) { search(kind: $kind, filter: $filter) { id } }';
    await ask(query, {
      kind: 'AUDIO',
      filter: { kinds: ['PAPER', 'PAPER'], and: [{ kinds: ['AUDIO'] }, {}] },
    });
    await ask(query, { kind: 'PAPER' });
    expect(await used('hem_enum_value_used_total')).toEqual({
      'Kind DIGITAL': 2,
      'Kind AUDIO': 1,
      'Kind PAPER': 2,
    });
  });

  it('do not count where the field they are for is left out', async () => {
    const query = /* GraphQL */ `
      query ($kind: Kind, $preset: Kind = DIGITAL, $filter: Filter, $skip: Boolean!) {
        things { id }
        search(kind: $kind, filter: $filter) @skip(if: $skip) { id }
        other: search(kind: $preset) @include(if: false) { id }
      }
    `;
    const variables = { kind: 'AUDIO', filter: { kinds: ['PAPER'] } };
    await ask(query, { ...variables, skip: true });
    expect(await used('hem_enum_value_used_total')).toEqual({});
    await ask(query, { ...variables, skip: false });
    expect(await used('hem_enum_value_used_total')).toEqual({ 'Kind AUDIO': 1, 'Kind PAPER': 1 });
  });

  it('that are no value of the enum make no series', async () => {
    await ask('query ($kind: Kind) { search(kind: $kind) { id } }', { kind: '__proto__' });
    await ask('query ($filter: Filter) { search(filter: $filter) { id } }', {
      filter: JSON.parse('{"__proto__": {"kinds": ["AUDIO"]}}'),
    });
    expect(await used('hem_enum_value_used_total')).toEqual({});
  });
});

it('an operation that is as deep as it may be is counted like others', async () => {
  const deep = `${'{ and: '.repeat(1500)}{ kinds: [AUDIO] }${' }'.repeat(1500)}`;
  await ask(`{ search(filter: ${deep}) { id } }`);
  await ask('{ book(id: 1) { id } }');
  expect((await used('hem_field_used_total'))['Query.book']).toBe(1);
});

describe('errors', () => {
  it('count by the field and the code, also where the field is of a list', async () => {
    await ask('{ broken { id } search { reviews { text } } }');
    expect(await used('hem_errors_total')).toEqual({
      'Query.broken UPSTREAM_UNAVAILABLE': 1,
      'Book.reviews UPSTREAM_UNAVAILABLE': 1,
    });
  });
});
