/** A library with weights, for tests of what operations cost. */
import type { JsonRequest } from '../support/json-backend.ts';

export const SCHEMA = `
type Query {
  plain: Int @rest(get: "/number")
  dear: Int @rest(get: "/number") @cost(weight: 5)
  text: Int @rest(get: "/number") @cost(weight: "2.5")
  free: Author @rest(get: "/author") @cost(weight: 0)
  author: Author @rest(get: "/author")
  authors: [Author!]! @rest(get: "/authors")
  known: [Author!] @rest(get: "/authors") @listSize(assumedSize: 3)
  books(first: Int = 20, last: Int): [Book!] @rest(get: "/books?first={first}&last={last}") @listSize(slicingArguments: ["first", "last"], requireOneSlicingArgument: false)
  unset(first: Int): [Book!] @rest(get: "/books?first={first}") @listSize(assumedSize: 4, slicingArguments: ["first"], requireOneSlicingArgument: false)
  exact(first: Int, last: Int): [Book!] @rest(get: "/books?first={first}&last={last}") @listSize(slicingArguments: ["first", "last"])
  paged(page: Page): [Book!] @rest(get: "/books?first={page.first}") @listSize(slicingArguments: ["page.first"], requireOneSlicingArgument: false)
  byIds(ids: [ID!]!): [Book] @rest(get: "/books?ids={ids}") @listSize(slicingArguments: ["ids"])
  big(count: BigInt): [Book!] @rest(get: "/books?first={count}") @listSize(slicingArguments: ["count"], requireOneSlicingArgument: false)
  matrix: [[Book!]!] @rest(get: "/matrix")
  genres: [Genre!] @rest(get: "/genres")
  search(first: Int = 5): Results @rest(get: "/results?first={first}") @listSize(slicingArguments: ["first"], sizedFields: ["nodes", "inner.nodes"])
  filtered(filter: Filter, dearest: Int @cost(weight: 7)): Int @rest(get: "/number?name={filter.name}&d={dearest}")
  things: [Thing!] @rest(get: "/things")
  named: Named @rest(get: "/thing")
}
type Mutation {
  touch: Int @rest(post: "/number")
  cheap: Int @rest(post: "/number") @cost(weight: 1)
  write: Author @rest(post: "/author")
}
type Author { name: String  genre: Genre  books(first: Int = 2): [Book!] @rest(get: "/books?first={first}") @listSize(slicingArguments: ["first"])  best: Book  isbn: Isbn }
type Book @cost(weight: 3) { title: String  author: Author }
type Results { nodes: [Book!]  inner: Inner  total: Int }
type Inner { nodes: [Author!] }
enum Genre @cost(weight: "0.5") { CRIME POEMS }
scalar Isbn @cost(weight: 4)
input Page { first: Int = 6 }
input Filter { name: String @cost(weight: 2)  genre: Genre  all: [Filter!] @cost(weight: 1) }
interface Named { name: String }
type Small implements Named { name: String }
type Large implements Named @cost(weight: 50) { name: String  book: Book }
union Thing = Small | Large
`;

export const VIEW = `
type Query {
  plain: Int
  dear: Int
  dearer: Int @from(field: "dear") @cost(weight: 6)
  text: Int
  free: Author
  author: Author
  authors: [Author!]!
  many: [Author!]! @from(field: "authors") @listSize(assumedSize: 30)
  known: [Author!]
  books(first: Int, last: Int): [Book!]
  renamed(limit: Int = 7 @from(argument: "first")): [Book!] @from(field: "books")
  locked: [Book!] @from(field: "books", args: "{ first: 9 }")
  mine: [Book!] @from(field: "books", args: "{ first: $claims.size? }")
  unset(first: Int): [Book!]
  exact(first: Int, last: Int): [Book!]
  paged(page: Page): [Book!]
  byIds(ids: [ID!]!): [Book]
  big(count: BigInt): [Book!]
  matrix: [[Book!]!]
  genres: [Genre!]
  search(first: Int): Results
  found: [Book!] @from(path: "search.nodes")
  bestTitle: String @from(path: "author.best.title")
  filtered(filter: Filter, dearest: Int): Int
  things: [Thing!]
  named: Named
}
type Mutation { touch: Int  cheap: Int  write: Author }
type Author { name: String  genre: Genre  books(first: Int): [Book!]  best: Book  isbn: Isbn }
type Book { title: String  author: Author }
type Results { items: [Book!] @from(field: "nodes")  inner: Inner  authors: [Author!] @from(path: "inner.nodes")  total: Int }
type Inner { nodes: [Author!] }
enum Genre { CRIME POEMS }
scalar Isbn
input Page { first: Int }
input Filter { name: String  genre: Genre  all: [Filter!] }
interface Named { name: String }
type Small implements Named { name: String }
type Large implements Named { name: String  book: Book }
union Thing = Small | Large
`;

const AUTHOR = { name: 'Ada', genre: 'CRIME', best: { title: 'The Seam' }, isbn: '1' };

/** Lists have as many as `first` says, at most five. */
export function answerLibrary({ path, query }: JsonRequest): unknown {
  const count = Math.min(5, Number(query.get('first') ?? 2));
  const books = Array.from({ length: Math.max(0, count) }, (_, index) => ({
    title: `Book ${index}`,
    author: index === 0 ? null : AUTHOR,
  }));
  switch (path) {
    case '/number':
      return 1;
    case '/author':
      return AUTHOR;
    case '/authors':
      return [AUTHOR, AUTHOR];
    case '/books':
      return books;
    case '/matrix':
      return [books, books];
    case '/genres':
      return ['CRIME'];
    case '/results':
      return { nodes: books, inner: { nodes: [AUTHOR] }, total: 1 };
    case '/things':
      return [
        { __typename: 'Small', name: 's' },
        { __typename: 'Large', name: 'l', book: { title: 'Big' } },
      ];
    case '/thing':
      return { __typename: 'Small', name: 's' };
    default:
      return undefined;
  }
}

export function libraryFiles(
  url: string,
  clients: Readonly<Record<string, string>>,
  {
    schema = SCHEMA,
    view = VIEW,
    hem = '',
  }: { readonly schema?: string; readonly view?: string; readonly hem?: string } = {},
): Record<string, string> {
  return {
    'hem.yml': `log: { level: silent }\n${hem}`,
    'connectors/library/connector.yml': `kind: rest\nendpoint: ${url}\n`,
    'connectors/library/schema.graphql': schema,
    ...Object.fromEntries(
      Object.entries(clients).flatMap(([name, settings]) => [
        [`clients/${name}/client.yml`, settings],
        [`schemas/${name}.graphql`, view],
      ]),
    ),
  };
}
