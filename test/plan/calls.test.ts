/** How many calls an operation makes and when: counted at the backend, for both engines. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RestBackend, type SentRequest } from '../support/backends/rest.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';

const SCHEMAS = {
  library: `
    type Query {
      books(first: Int! = 3): [Book!] @rest(get: "/books?first={first}")
      best: Book @rest(get: "/best")
      shelf: [Piece] @rest(get: "/shelf")
      slow: Slow @rest(get: "/slow")
    }
    type Mutation {
      add(title: String!): Book @rest(post: "/add", body: "{ title: $title }")
      must(title: String!): Book! @rest(post: "/must", body: "{ title: $title }")
    }
    interface Piece @discriminator(property: "kind") { id: ID! }
    type Book implements Piece @key(fields: "id") {
      id: ID!
      author: Person @from(path: "{ id: author_id }")
      editors: [Person!] @from(path: "editor_ids[] { id: . }")
      related: [Piece]
      rated: Rated @from(path: "{ id: id }")
    }
    extend type Rated @key(fields: "id") { id: ID! }
    type Film implements Piece @key(fields: "id") {
      id: ID!
      director: Person @from(path: "{ id: director_id }")
      related: [Piece]
    }
    type Slow { text: String }
    extend type Person @key(fields: "id") { id: ID! }`,
  people: `
    type Query { people(ids: [ID!]! @is(field: "id")): [Person]! @lookup @internal @rest(get: "/people?ids={ids|csv}") }
    type Person @key(fields: "id") { id: ID! name: String friend: Person @from(path: "{ id: friend_id }") }`,
  scores: `
    type Query { score(id: ID!): Book @lookup @internal @rest(get: "/scores/{id}") }
    extend type Book @key(fields: "id") { id: ID! score: Int }`,
  ratings: `
    type Query { rating(id: ID!): Rated @lookup @rest(get: "/ratings/{id}") }
    type Rated @key(fields: "id") { id: ID! stars: Int }`,
  notes: `
    extend type Book @key(fields: "id") {
      id: ID!
      note(score: Int @require(field: "score")): String @rest(get: "/notes/{parent.id}?score={score}", select: "text")
    }`,
};

const VIEW = `
  type Query { books(first: Int! = 3): [Book!] best: Book shelf: [Piece] slow: Slow rating(id: ID!): Rated }
  type Mutation { add(title: String!): Book must(title: String!): Book! }
  interface Piece { id: ID! }
  type Book implements Piece { id: ID! author: Person editors: [Person!] related: [Piece] score: Int note: String rated: Rated }
  type Rated { id: ID! stars: Int }
  type Film implements Piece { id: ID! director: Person related: [Piece] }
  type Slow { text: String }
  type Person { id: ID! name: String friend: Person }`;

const book = (n: number) => ({ kind: 'Book', id: String(n), author_id: n % 4, editor_ids: [n, n + 1, n] });
const film = (n: number) => ({ kind: 'Film', id: `f${n}`, director_id: n });

/** The backends of all connectors. */
class Library {
  readonly backend: RestBackend;
  /** Paths with queries, in the order of arrival. */
  readonly asked: string[] = [];
  /** Holds back what it is given; undefined answers at once. */
  hold: (path: string) => Promise<void> | undefined = () => undefined;
  /** Keys of the authors of books. */
  names: readonly string[] | undefined;
  /** How many were held at the same time. */
  most = 0;
  #now = 0;

  constructor(backend: RestBackend) {
    this.backend = backend;
    backend.answer = async (request) => {
      this.asked.push(request.url);
      const held = this.hold(request.url);
      if (held !== undefined) {
        this.most = Math.max(this.most, ++this.#now);
        await held;
        this.#now--;
      }
      return { body: answerTo(request, this.names) };
    };
  }

  timesAsked(path: string): number {
    return this.asked.filter((asked) => asked.startsWith(path)).length;
  }
}

function answerTo({ url, body }: SentRequest, names: readonly string[] | undefined): unknown {
  const address = new URL(url, 'http://library');
  const [, what, id = ''] = address.pathname.split('/');
  switch (what) {
    case 'books':
      return Array.from({ length: Number(address.searchParams.get('first')) }, (_, n) => ({
        ...book(n),
        ...(names === undefined ? {} : { author_id: names[n] }),
      }));
    case 'best':
      return book(9);
    case 'shelf':
      return [{ ...book(1), related: [book(5), film(6)] }, { ...film(2), related: [film(7), book(8)] }, null];
    case 'people':
      return (address.searchParams.get('ids') ?? '')
        .split(',')
        .map((id) => ({ id, name: `P${id}`, friend_id: Number(id) + 1 }));
    case 'scores':
      return { id, score: Number(id) * 10 };
    case 'ratings':
      return { id, stars: 5 };
    case 'must':
      return null;
    case 'notes':
      return { text: `note ${id} ${address.searchParams.get('score')}` };
    case 'slow':
      return { text: 'late' };
    case 'add':
      return { id: JSON.parse(String(body)).title };
    default:
      return null;
  }
}

const later = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe.each(['compiled', 'reference'])('the %s engine', (engine) => {
  let library: Library;
  let gateway: TestGateway;
  let configuration: Readonly<Record<string, string>>;

  beforeEach(async () => {
    library = new Library(await RestBackend.start());
    const settings = `kind: rest\nendpoint: ${library.backend.url}\n`;
    const files = Object.entries(SCHEMAS).flatMap(([name, schema]) => [
      [
        `connectors/${name}/connector.yml`,
        name === 'scores' ? `${settings}limits: { callsAtOnce: 5 }\n` : settings,
      ],
      [`connectors/${name}/schema.graphql`, schema],
    ]);
    configuration = {
      ...Object.fromEntries(files),
      'schemas/web.graphql': VIEW,
      'clients/web/client.yml': `engine: ${engine}\n`,
    };
    gateway = await startGateway({ files: configuration });
  });
  afterEach(async () => {
    await gateway[Symbol.asyncDispose]();
    await library.backend[Symbol.asyncDispose]();
  });

  const ask = async (query: string) => {
    const { body } = await gateway.query('web', query);
    expect(body.errors).toBeUndefined();
    return body.data;
  };

  test('asks once for all objects of a level, whatever field, list or type they stand in', async () => {
    await ask('{ books { author { name } editors { name } } }');
    expect(library.timesAsked('/people')).toBe(1);
    library.asked.length = 0;
    await ask(
      '{ shelf { ... on Book { related { ...P } } ... on Film { related { ...P } } } } fragment P on Piece { ... on Book { author { name } } ... on Film { director { name } } }',
    );
    expect(library.timesAsked('/people')).toBe(1);
  });

  test('asks once for all objects of a level below a field that several types have', async () => {
    await ask(
      '{ shelf { ...R } } fragment R on Piece { ... on Book { related { ...P } } ... on Film { related { ...P } } } fragment P on Piece { id ... on Book { author { name } } ... on Film { director { name } } }',
    );
    expect(library.timesAsked('/people')).toBe(1);
  });

  test('asks for every key once', async () => {
    await ask('{ books(first: 12) { author { name } editors { name } } }');
    const keys = new URL(library.asked.find((path) => path.startsWith('/people'))!, 'http://library');
    const asked = keys.searchParams.get('ids')!.split(',');
    expect(asked.toSorted()).toEqual([...new Set(asked)].toSorted());
    expect(asked).toHaveLength(13);
  });

  test('asks level by level: three levels, three calls', async () => {
    const data = await ask('{ books { author { friend { friend { name } } } } }');
    expect(library.timesAsked('/people')).toBe(3);
    expect(data.books[1].author.friend.friend.name).toBe('P3');
  });

  test('without a call for many asks as often as connector.yml allows at the same time', async () => {
    library.hold = (path) => (path.startsWith('/scores') ? later(2) : undefined);
    const data = await ask('{ books(first: 60) { score } }');
    expect(data.books.map(({ score }: { score: number }) => score)).toEqual(
      Array.from({ length: 60 }, (_, n) => n * 10),
    );
    expect(library.timesAsked('/scores')).toBe(60);
    expect(library.most).toBe(5);
  });

  test('starts what it can while something else is slow', async () => {
    let release = () => {};
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    library.hold = (path) => (path.startsWith('/slow') ? slow : undefined);
    const answer = ask('{ slow { text } books(first: 2) { note } best { author { friend { name } } } }');
    // Two calls after another on one side, three on the other.
    await expect.poll(() => library.timesAsked('/notes')).toBe(2);
    await expect.poll(() => library.timesAsked('/people')).toBe(2);
    release();
    expect(await answer).toEqual({
      slow: { text: 'late' },
      books: [{ note: 'note 0 0' }, { note: 'note 1 10' }],
      best: { author: { friend: { name: 'P2' } } },
    });
  });

  test('makes the calls of a mutation one after the other, and each as often as it is asked for', async () => {
    library.hold = (path) => (path.startsWith('/add') ? later(path.length) : undefined);
    const data = await ask(
      'mutation { a: add(title: "1") { id score } b: add(title: "1") { id } c: add(title: "2") { score } }',
    );
    expect(data).toEqual({ a: { id: '1', score: 10 }, b: { id: '1' }, c: { score: 20 } });
    // What hangs on the first is there before the second begins.
    expect(library.asked).toEqual(['/add', '/scores/1', '/add', '/add', '/scores/2']);
    expect(library.most).toBe(1);
  });

  test('begins nothing after a field of a mutation that may not be null and is', async () => {
    const { body } = await gateway.query(
      'web',
      'mutation { a: add(title: "1") { id } b: must(title: "2") { id } c: add(title: "3") { id } }',
    );
    expect(body).toMatchObject({ data: null, errors: [{ path: ['b'] }] });
    expect(library.asked).toEqual(['/add', '/must']);
  });

  test('reads anew after each field of a mutation', async () => {
    await ask('mutation { a: add(title: "1") { score } b: add(title: "1") { score } }');
    expect(library.asked).toEqual(['/add', '/scores/1', '/add', '/scores/1']);
  });

  test('asks once for what is a root field and a lookup', async () => {
    const data = await ask('{ rating(id: "9") { stars } best { rated { stars } } }');
    expect(data).toEqual({ rating: { stars: 5 }, best: { rated: { stars: 5 } } });
    expect(library.timesAsked('/ratings')).toBe(1);
  });

  test('a key that cannot be sent beside others fails alone', async () => {
    library.names = ['1', '2', '3,4', '5', '\ud800', '6'];
    const { body } = await gateway.query('web', '{ books(first: 6) { author { name } } }');
    const names = body.data.books.map(({ author }: { author: { name: string } | null }) => author?.name);
    expect(names).toEqual(['P1', 'P2', null, 'P5', null, 'P6']);
    expect(body.errors).toMatchObject([
      { path: ['books', 2, 'author', 'name'], extensions: { code: 'BAD_ARGUMENT' } },
      { path: ['books', 4, 'author', 'name'], extensions: { code: 'BAD_ARGUMENT' } },
    ]);
  });

  test('what has arrived by the deadline is answered, and the rest is null with an error', async () => {
    const hem = 'limits: { deadline: 1s }';
    await using hurried = await startGateway({ files: { ...configuration, 'hem.yml': hem } });
    library.hold = (path) => (/\/scores\/[357]$/.test(path) ? later(3000) : undefined);
    const query = '{ books(first: 9) { score } best { score } }';
    // Timers of the same time come as they come, so once is not enough.
    const asking = Array.from({ length: 10 }, async (_, n) => {
      await later(n * 7);
      return hurried.query('web', query);
    });
    for (const { body } of await Promise.all(asking)) {
      expect(body.data).toEqual({
        books: [0, 10, 20, null, 40, null, 60, null, 80].map((score) => ({ score })),
        best: { score: 90 },
      });
      expect(body.errors).toMatchObject(
        [3, 5, 7].map((index) => ({
          path: ['books', index, 'score'],
          extensions: { code: 'UPSTREAM_TIMEOUT', connector: 'scores' },
        })),
      );
    }
  });
});
