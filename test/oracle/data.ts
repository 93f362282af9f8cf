/** The one data set behind the test graph: backends serve it as records, the monolith as itself. Everything may be null somewhere. */

export type WorkType = 'Book' | 'Film' | 'Game';

export interface Work {
  readonly type: WorkType;
  readonly id: string;
  readonly title: string | null;
  readonly tags: readonly string[] | null;
  readonly related: ReadonlyArray<string | null> | null;
}

export interface Part {
  readonly no: number;
  readonly name: string | null;
  readonly inner: Part | null;
}

export interface Book extends Work {
  readonly type: 'Book';
  readonly isbn: string;
  readonly genre: string | null;
  readonly genres: ReadonlyArray<readonly string[] | null> | null;
  readonly pages: number;
  readonly price: string | null;
  readonly printed: string;
  readonly published: string | null;
  readonly colour: unknown;
  readonly meta: unknown;
  readonly parts: ReadonlyArray<Part | null> | null;
  readonly strict: readonly Part[];
  readonly grid: ReadonlyArray<ReadonlyArray<string | null>> | null;
  readonly authors: readonly string[];
  readonly editor: string | null;
  readonly shelf: readonly [string, number] | null;
  readonly sequel: string | null;
  readonly versions: ReadonlyArray<ReadonlyArray<{ no: number | null; book: string | null } | null> | null>;
  /** What ratings know; undefined when they do not know the book. */
  readonly rating:
    | {
        readonly stars: number | null;
        readonly votes: number;
        readonly grams: number | null;
        readonly series: string | null;
      }
    | undefined;
}

export interface Film extends Work {
  readonly type: 'Film';
  readonly minutes: number | null;
  readonly director: string | null;
  readonly seriesSlug: string | null;
  readonly rating: { readonly stars: number; readonly awards: readonly string[] } | undefined;
}

export interface Game extends Work {
  readonly type: 'Game';
  readonly players: readonly number[] | null;
  readonly maker: string | null;
}

export interface Shelf {
  readonly code: string;
  readonly row: number;
  readonly width: number | null;
  readonly books: readonly string[] | null;
  /** Undefined when ratings do not know the shelf. */
  readonly dust: number | null | undefined;
}

export interface Series {
  readonly slug: string;
  readonly org: string;
  readonly number: number;
  readonly name: string | null;
  readonly volumes: readonly string[] | null;
}

export interface Person {
  readonly type: 'Person';
  readonly id: string;
  readonly name: string | null;
  readonly must: string;
  readonly address: {
    readonly city: string;
    readonly country: { readonly code: string; readonly name: string } | null;
  } | null;
  readonly friends: readonly string[];
  readonly best: string | null;
  readonly pets: ReadonlyArray<Pet | null> | null;
  readonly favourites: readonly string[] | null;
  readonly likes: string | null;
  readonly scores: ReadonlyArray<ReadonlyArray<number | null>> | null;
  readonly mentor: string | null;
}

export interface Robot {
  readonly type: 'Robot';
  readonly id: string;
  readonly name: string | null;
  readonly model: string;
  readonly owner: string | null;
}

export type Pet =
  | {
      readonly type: 'Cat';
      readonly name: string;
      readonly lives: number | null;
      readonly size: string | null;
    }
  | {
      readonly type: 'Dog';
      readonly name: string;
      readonly centimetres: number;
      readonly owner: string | null;
    };

const GENRES = ['SCIENCE_FICTION', 'POETRY', 'DRAMA', 'constructor'];
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const part = (no: number, depth = 1): Part => ({
  no,
  name: no % 3 === 0 ? null : `part ${no}`,
  inner: depth === 0 ? null : part(no + 10, depth - 1),
});

export const BOOKS: readonly Book[] = numbers(8).map(
  (n): Book => ({
    type: 'Book',
    id: String(n),
    title: n === 4 ? null : `A book ${n}`,
    tags: n === 3 ? null : ['t', `tag${n}`].slice(n % 2),
    related: n === 5 ? null : [String((n % 8) + 1), null, `f${(n % 4) + 1}`, 'g1'].slice(0, n % 5),
    isbn: `isbn-${n}`,
    genre: n === 6 ? null : GENRES[n % 4]!,
    genres: n === 2 ? null : [[GENRES[n % 4]!, 'POETRY'], null, []].slice(0, (n % 3) + 1),
    pages: n * 100,
    price: n === 7 ? null : `${n}.50`,
    printed: `90071992547409${90 + n}`,
    published: n === 1 ? null : `20${10 + n}-01-0${n}`,
    colour: n % 2 === 0 ? { r: n, g: null } : 'red',
    meta: n === 3 ? null : { constructor: n, list: [n, null], what: 'Book' },
    parts: n === 6 ? null : [part(n), null, part(3)].slice(0, n % 4),
    strict: numbers(n % 3).map((no) => part(no, 0)),
    grid: n === 7 ? null : [[String((n % 8) + 1), null, 'f2'], [], ['g2', 'f1']].slice(0, n % 4),
    authors: [String((n % 8) + 1), '1', String((n % 3) + 1)].slice(n % 2),
    editor: n === 5 ? null : n === 8 ? '99' : String((n % 6) + 1),
    shelf: n === 3 ? null : [['A', 'B'][n % 2]!, (n % 3) + 1],
    sequel: n === 8 ? null : n % 3 === 0 ? 'f3' : n % 3 === 1 ? String(n + 1) : 'g2',
    versions: [[{ no: n, book: String((n % 8) + 1) }, null], null, [{ no: null, book: null }]].slice(n % 2),
    rating:
      n === 6
        ? undefined
        : {
            stars: n === 2 ? null : n / 2,
            votes: n * 3,
            grams: n === 4 ? null : n * 111,
            series: n % 4 === 0 ? null : ['one', 'two', 'gone'][n % 3]!,
          },
  }),
);

const film = (n: number): Film => ({
  type: 'Film',
  id: `f${n}`,
  title: `A film ${n}`,
  tags: n === 2 ? [] : null,
  related: [String(((n - 1) % 8) + 1), `f${(n % 4) + 1}`],
  minutes: n % 10 === 3 ? null : 80 + n,
  director: n % 10 === 4 ? null : String(n),
  seriesSlug: [null, 'one', 'two', 'gone'][(n - 1) % 4]!,
  rating: n % 10 === 1 ? undefined : { stars: n, awards: n % 10 === 2 ? [] : [`award ${n}`] },
});

export const FILMS: readonly Film[] = numbers(4).map(film);

/** A long list in which every film stands two or three times. */
const MANY_FILMS = numbers(40).map((n) => film(100 + n));
export const FESTIVAL: readonly Film[] = numbers(100).map((n) => MANY_FILMS[(n * 7) % MANY_FILMS.length]!);

export const GAMES: readonly Game[] = numbers(3).map(
  (n): Game => ({
    type: 'Game',
    id: `g${n}`,
    title: n === 2 ? '' : `A game ${n}`,
    tags: [`g${n}`],
    related: n === 1 ? null : [],
    players: n === 3 ? null : numbers(n),
    maker: [null, '2', 'r1'][n - 1]!,
  }),
);

export const SHELVES: readonly Shelf[] = ['A', 'B'].flatMap((code) =>
  numbers(3).map(
    (row): Shelf => ({
      code,
      row,
      width: row === 2 ? null : row * 1.5,
      books:
        row === 3
          ? null
          : BOOKS.filter(({ shelf }) => shelf?.[0] === code && shelf[1] === row).map(({ id }) => id),
      dust: code === 'B' && row === 1 ? undefined : row === 2 ? null : row * 10,
    }),
  ),
);

export const SERIES: readonly Series[] = [
  { slug: 'one', org: 'o1', number: 1, name: 'One', volumes: ['1', '3'] },
  { slug: 'two', org: 'o1', number: 2, name: null, volumes: null },
  { slug: 'three', org: 'o2', number: 1, name: 'Three', volumes: [] },
];

const person = (n: number): Person => ({
  type: 'Person',
  id: String(n),
  name: n === 7 ? null : `P${n}`,
  must: `must ${n}`,
  address:
    n === 4
      ? null
      : { city: `City ${n}`, country: n === 5 ? null : { code: `C${n % 3}`, name: `Country ${n % 3}` } },
  friends: [String((n % 8) + 1), String(((n + 3) % 8) + 1), '2'].slice(0, n % 4),
  best: n === 3 ? null : String(((n + 1) % 8) + 1),
  pets:
    n === 2
      ? null
      : (
          [
            { type: 'Cat', name: `cat ${n}`, lives: n === 1 ? null : 9 - n, size: 'small' },
            null,
            { type: 'Dog', name: `dog ${n}`, centimetres: n * 10, owner: String((n % 8) + 1) },
          ] as const
        ).slice(0, (n % 3) + 1),
  favourites: n === 6 ? null : [String(((n - 1) % 8) + 1), '3', '5'].slice(0, n % 4),
  likes: [null, '3', 'f2', 'g3'][n % 4]!,
  scores: n === 5 ? null : [[n, null, 2], []].slice(n % 2),
  mentor: n === 1 ? null : n % 2 === 0 ? `r${(n % 2) + 1}` : String(((n - 2) % 8) + 1),
});

export const PEOPLE: readonly Person[] = numbers(8).map(person);

/** A long list of different people. */
export const READERS: readonly Person[] = numbers(100).map((n) => person(100 + n));

const robot = (n: number): Robot => ({
  type: 'Robot',
  id: `r${n}`,
  name: n === 1 ? 'Robbie' : null,
  model: `M-${n}`,
  owner: n === 2 ? null : '3',
});

export const ROBOTS: readonly Robot[] = numbers(2).map(robot);

/** A long list of robots and people, of whom some are not known. */
const MANY_ROBOTS = numbers(50).map((n) => robot(100 + n));
export const CREW: ReadonlyArray<{ readonly id: string; readonly type: 'Person' | 'Robot' }> = numbers(
  100,
).map((n) =>
  n % 25 === 0
    ? { id: `r${900 + n}`, type: 'Robot' }
    : n % 2 === 0
      ? MANY_ROBOTS[n / 2 - 1]!
      : { id: String((n % 12) + 1), type: 'Person' },
);

/** Books had ids like "x2" before. */
export const currentId = (id: string): string => id.replace(/^x/, '');

/** What a person marked a book with. */
export const markOf = (book: string, person: string): number | undefined =>
  book === '5' ? undefined : Number(book) * 10 + Number(person);

/** How often a game was played by a person; the last game is not known where that is counted. */
export const playedBy = (game: string, person: string | null): number | undefined =>
  game === 'g3' || person === null ? undefined : Number(game.slice(1)) * Number(person);

const byId = <T extends { readonly id: string }>(list: readonly T[]) =>
  new Map(list.map((one) => [one.id, one]));

const books = byId(BOOKS);
const works = byId<Book | Film | Game>([...BOOKS, ...FILMS, ...MANY_FILMS, ...GAMES]);
const people = byId([...PEOPLE, ...READERS]);
const beings = byId<Person | Robot>([...people.values(), ...ROBOTS, ...MANY_ROBOTS]);

export const bookOf = (id: string): Book | undefined => books.get(id);
export const workOf = (id: string): Book | Film | Game | undefined => works.get(id);
export const beingOf = (id: string): Person | Robot | undefined => beings.get(id);
export const personOf = (id: string): Person | undefined => people.get(id);
export const shelfOf = (code: string, row: number): Shelf | undefined =>
  SHELVES.find((shelf) => shelf.code === code && shelf.row === row);
export const seriesOf = (slug: string): Series | undefined => SERIES.find((series) => series.slug === slug);

/** What is found by a text, whatever it is. */
export const FOUND = ['book 1', 'film 2', 'shelf A1', 'note', 'book 4', 'note of nothing'] as const;

/** Things of which a protobuf-like oneof says what they are; the third is unset. */
export const ODDITIES: ReadonlyArray<
  | { readonly set: 'coin'; readonly worth: string; readonly owner: string | null }
  | {
      readonly set: 'stamp';
      readonly worth: number;
      readonly owner: string | null;
      readonly shows: string | null;
    }
  | { readonly set: null }
> = [
  { set: 'coin', worth: '1.25', owner: '2' },
  { set: 'stamp', worth: 4, owner: null, shows: 'f1' },
  { set: null },
  { set: 'stamp', worth: 5, owner: '6', shows: '2' },
];

export const REVIEWS = ['loved it', null, 'meh'] as const;
