/** A gateway over one backend with what there is to count: interfaces, enums, inputs, conditions, and fields that fail. */
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type JsonBackend, Refusal, startJsonBackend } from '../support/json-backend.ts';

const SCHEMA = /* GraphQL */ `
  type Query {
    book(id: ID!): Book @lookup @rest(get: "/books/{id}")
    search(kind: Kind = PAPER, filter: Filter): [Book!] @rest(post: "/search", body: "{ kind: $kind, filter: $filter }")
    things: [Thing!] @rest(get: "/things")
    broken: Book @rest(get: "/broken")
    slow: Book @rest(get: "/slow")
  }
  type Mutation { lend(id: ID!): Book @rest(post: "/books/{id}/lend") }
  enum Kind { PAPER AUDIO DIGITAL }
  input Filter { kinds: [Kind!]  and: [Filter!]  title: String }
  interface Thing @discriminator(property: "type") { id: ID!  title: String }
  type Book implements Thing @key(fields: "id") {
    id: ID!
    title: String
    pages(kind: Kind): Int @rest(get: "/pages/{parent.id}?kind={kind}", select: "count")
    reviews: [Review!] @rest(get: "/reviews/{parent.id}")
  }
  type Film implements Thing { id: ID!  title: String  minutes: Int @deprecated(reason: "seconds") }
  type Review { text: String  stars: Int }
`;

const OPERATIONS = /* GraphQL */ `
  query ShowBook($id: ID!) { book(id: $id) { title } }
`;

export interface Library extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly backend: JsonBackend;
  /** What Prometheus would read. */
  scrape(): Promise<Scraped>;
}

/** @param hem hem.yml @param client client.yml */
export async function startLibrary({
  hem = '{}',
  client = '{}',
  store,
  files = {},
}: {
  readonly hem?: string;
  readonly client?: string;
  /** hem.yml's `store` as JSON. */
  readonly store?: object;
  /** Besides the library's own. */
  readonly files?: Readonly<Record<string, string>>;
} = {}): Promise<Library> {
  await using started = new AsyncDisposableStack();
  const backend = started.use(await startJsonBackend(({ path, body }) => answer(path, body)));
  const gateway = started.use(
    await startGateway({
      files: {
        'hem.yml': store === undefined ? hem : JSON.stringify({ store }),
        'connectors/books/connector.yml': `kind: rest\nendpoint: ${backend.url}`,
        'connectors/books/schema.graphql': SCHEMA,
        'schemas/web.graphql': SCHEMA.replace(/@(?!deprecated)\w+(\((?:"[^"]*"|[^()"])*\))?/g, ''),
        'clients/web/client.yml': client,
        'clients/web/operations/book.graphql': OPERATIONS,
        ...files,
      },
    }),
  );
  const everything = started.move();
  return {
    gateway,
    backend,
    scrape: async () => new Scraped(await (await fetch(`${gateway.adminUrl}/metrics`)).text()),
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  };
}

function answer(path: string, body: { readonly kind?: string } | undefined): unknown {
  const id = path.split('/')[2];
  if (path === '/things')
    return [
      { type: 'Book', id: '1', title: 'The Seam' },
      { type: 'Film', id: '2', title: 'Hems', minutes: 90 },
    ];
  if (path === '/search')
    return Array.from({ length: body?.kind === 'DIGITAL' ? 150 : 1 }, (_, index) => ({ id: `${index}` }));
  if (path.startsWith('/books/')) return { id, title: 'The Seam' };
  if (path === '/slow') return new Promise((resolve) => setTimeout(resolve, 1000, { id: '1' }));
  if (path.startsWith('/pages/')) return { count: 120 };
  return new Refusal(503);
}

/** Series by what they are called in a scrape. */
export class Scraped {
  readonly text: string;
  readonly #series: ReadonlyMap<string, number>;

  constructor(text: string) {
    this.text = text;
    this.#series = new Map(
      text
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => {
          const at = line.lastIndexOf(' ');
          return [line.slice(0, at), Number(line.slice(at + 1))];
        }),
    );
  }

  /** @param labels in their order: `client="web",coordinate="Book.title"` */
  value(name: string, labels = ''): number | undefined {
    return this.#series.get(labels === '' ? name : `${name}{${labels}}`);
  }

  /** The series of one metric: their labels, and the value. */
  all(name: string): Readonly<Record<string, number>> {
    return Object.fromEntries(
      [...this.#series]
        .filter(([series]) => series.startsWith(`${name}{`))
        .map(([series, value]) => [series.slice(name.length + 1, -1), value]),
    );
  }
}
