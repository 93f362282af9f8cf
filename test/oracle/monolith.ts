/**
 * The independent witness for data: one hand-written schema per view over the data set itself. No connector, no record, no plan; where
 * the backends have a way of their own of answering, it is written down here once more.
 */
import {
  buildSchema,
  executeRootSelectionSet,
  type GraphQLSchema,
  isAbstractType,
  isEnumType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  parse,
  printSchema,
  validateExecutionArgs,
} from 'graphql';
import { dataDifference } from './compare.ts';
import {
  BOOKS,
  type Book,
  beingOf,
  type Film,
  type Game,
  ODDITIES,
  PEOPLE,
  type Person,
  type Pet,
  personOf,
  REVIEWS,
  ROBOTS,
  type Robot,
  SERIES,
  type Series,
  SHELVES,
  type Shelf,
  seriesOf,
  shelfOf,
  workOf,
} from './data.ts';
import type { Case, Subject } from './subject.ts';

type Claims = Readonly<Record<string, unknown>>;
type Args = Readonly<Record<string, never>>;
// biome-ignore lint/suspicious/noExplicitAny: resolvers take the objects that other resolvers here return
type Resolve = (source: any, args: any, claims: Claims) => unknown;
type Resolvers = Readonly<Record<string, Readonly<Record<string, Resolve>>>>;

/** A work as it arrives: the catalogue nests others inside to a depth. */
interface WorkAt {
  readonly type: 'Book' | 'Film' | 'Game';
  readonly work: Book | Film | Game;
  readonly depth: number;
  readonly meta?: unknown;
}

interface PersonAt {
  readonly type: 'Person';
  readonly id: string;
  /** Undefined when people do not know the person. */
  readonly person: Person | undefined;
}

interface SeriesAt {
  readonly type: 'Series';
  readonly slug: string | null;
  readonly org: string | null;
  readonly number: number | null;
  readonly series: Series | undefined;
}

const FULL = 2;
const work = (id: string | null, depth = FULL): WorkAt | null => {
  const found = id === null ? undefined : workOf(id);
  return found === undefined ? null : { type: found.type, work: found, depth };
};
const person = (id: string | null): PersonAt | null =>
  id === null ? null : { type: 'Person', id, person: personOf(id) };
const being = (id: string | null) => {
  if (id === null) return null;
  const found = beingOf(id);
  return found?.type === 'Robot' ? found : person(id);
};
const series = (found: Series | undefined): SeriesAt | null =>
  found === undefined
    ? null
    : { type: 'Series', slug: found.slug, org: found.org, number: found.number, series: found };
const shelf = (found: Shelf | undefined) => (found === undefined ? null : { ...found, type: 'Shelf' });
const clamp = (first: number | null | undefined, fallback: number) =>
  Math.max(0, Math.min(50, first ?? fallback));
const blurb = (title: string | null, max: number | null) =>
  `About ${title ?? 'nothing'}.`.slice(0, max === null ? 100 : Math.max(0, max));
const cityOf = (at: PersonAt | null) => at?.person?.address?.city ?? null;
const bookOf = ({ work }: WorkAt) => work as Book;
const filmOf = ({ work }: WorkAt) => work as Film;

function costOf(book: Book): number {
  return (book.rating?.grams ?? 5) + (cityOf(person(book.editor)) ?? '').length + book.authors.length;
}

function labelOf({ code, row, books }: Shelf, upper: boolean | null): string {
  return `${code}${row}${upper}${books === null ? '-' : books.join(',')}`;
}

function nick({ person: known }: PersonAt, style: string | null, max: number | null): string | null {
  if (known === undefined || known.name === null) return null;
  const text = style === null ? '?' : style === 'LONG' ? `${known.name} the ${known.id}th` : known.name;
  return text.slice(0, max === null ? 100 : Math.max(0, max));
}

interface Filter {
  readonly minPages: number;
  readonly maxPages?: number | null;
  readonly genres?: readonly string[] | null;
  readonly not?: Filter | null;
  readonly tag?: string | null;
}

function matches(book: Book, filter: Filter): boolean {
  if (book.pages < filter.minPages) return false;
  if (filter.maxPages != null && book.pages > filter.maxPages) return false;
  if (filter.genres != null && (book.genre === null || !filter.genres.includes(book.genre))) return false;
  if (filter.tag != null && book.tags?.includes(filter.tag) !== true) return false;
  return filter.not == null || !matches(book, filter.not);
}

interface BooksArgs {
  readonly genre?: string | null;
  readonly filter?: Filter | null;
  readonly genres?: ReadonlyArray<readonly string[] | null> | null;
  readonly first: number;
}

function books({ genre, filter, genres, first }: BooksArgs): ReadonlyArray<WorkAt | null> {
  return BOOKS.filter(
    (book) =>
      (genre == null || book.genre === genre) &&
      (filter == null || matches(book, filter)) &&
      (genres == null ||
        genres.every((group) => group == null || (book.genre !== null && group.includes(book.genre)))),
  )
    .slice(0, Math.max(0, first))
    .map(({ id }) => work(id));
}

function written(id: string, first: number | null, genre: string | null | undefined) {
  return BOOKS.filter((book) => book.authors.includes(id) && (genre == null || book.genre === genre))
    .slice(0, clamp(first, 2))
    .map((book) => work(book.id));
}

function nodes(ids: readonly string[] | null | undefined, first: number | null) {
  if (first !== null || ids == null)
    return (ids?.filter((id) => id !== '') ?? ['1', 'f1', 'g2', '9', '5', 'f3'])
      .slice(0, clamp(first, 3))
      .map((id) => work(id));
  return ids.toReversed().flatMap((id) => work(id) ?? []);
}

const SEARCHED: ReadonlyArray<readonly [string, () => object | null]> = [
  ['book 1', () => ({ ...work('1'), meta: { what: 'Book' } })],
  ['film f2', () => work('f2')],
  ['shelf A 1', () => shelf(shelfOf('A', 1))],
  ['note 3', () => ({ type: 'Note', text: 'a note on 3', about: work('3') })],
  ['book 4', () => ({ ...work('4'), meta: { what: 'Book' } })],
  ['note', () => ({ type: 'Note', text: 'a note on nothing', about: null })],
];
const search = (text: string | null | undefined) =>
  SEARCHED.filter(([what]) => what.includes(text ?? '')).map(([, make]) => make());

function oddity(index: number) {
  const found = ODDITIES[index];
  if (found === undefined || found.set === null) return null;
  return found.set === 'coin'
    ? { type: 'Coin', worth: found.worth, owner: person(found.owner) }
    : { type: 'Stamp', worth: found.worth, owner: person(found.owner), shows: work(found.shows) };
}

interface Tangle {
  readonly depth: number;
}
const tangled = ({ depth }: Tangle, max: number | null | undefined) => `${depth} ${max ?? 'none'}`;

const pet = (one: Pet | null) => one;
const scores = (known: Person | undefined, min: number, of: readonly number[]) =>
  known?.scores?.map((row) => [...row.filter((score) => score === null || score >= min), ...of]) ?? null;
const friends = (known: Person | undefined, first: number | null, order: string | null | undefined) => {
  if (known === undefined) return null;
  const listed = known.friends.slice(0, Math.max(0, first ?? 0)).map(person);
  return order === 'LONG' ? listed.reverse() : listed;
};

const WIRE: Readonly<Record<string, string>> = {
  SCIENCE_FICTION: 'sci-fi',
  POETRY: 'poetry',
  DRAMA: 'DRAMA',
  constructor: '__proto__',
};
type Echo = { genre?: string | null; inner?: Echo | null };
function echoed(value: Echo | null | undefined): unknown {
  if (value == null) return null;
  const copy = { ...value };
  if (copy.genre != null) copy.genre = WIRE[copy.genre]!;
  if (copy.inner != null) copy.inner = echoed(copy.inner) as Echo;
  return copy;
}

const NODE: Readonly<Record<string, Resolve>> = {
  id: ({ work }: WorkAt) => work.id,
  title: ({ work }: WorkAt) => work.title,
  tags: ({ work }: WorkAt) => work.tags,
  blurb: ({ work }: WorkAt, { max }: { max: number | null }) => blurb(work.title, max),
  related: ({ work: { related }, depth }: WorkAt) =>
    depth === 0 ? null : (related?.map((id) => work(id, depth - 1)) ?? null),
};

const BOOK: Readonly<Record<string, Resolve>> = {
  ...NODE,
  isbn: (at: WorkAt) => bookOf(at).isbn,
  genre: (at: WorkAt) => bookOf(at).genre,
  genres: (at: WorkAt) => bookOf(at).genres,
  pages: (at: WorkAt) => bookOf(at).pages,
  price: (at: WorkAt) => bookOf(at).price,
  printed: (at: WorkAt) => bookOf(at).printed,
  published: (at: WorkAt) => bookOf(at).published,
  colour: (at: WorkAt) => bookOf(at).colour,
  meta: (at: WorkAt) => at.meta ?? bookOf(at).meta,
  parts: (at: WorkAt) => bookOf(at).parts,
  strict: (at: WorkAt) => bookOf(at).strict,
  grid: (at: WorkAt) =>
    at.depth === 0 ? null : (bookOf(at).grid?.map((row) => row.map((id) => work(id, at.depth - 1))) ?? null),
  authors: (at: WorkAt) => bookOf(at).authors.map(person),
  editor: (at: WorkAt) => person(bookOf(at).editor),
  shelf: (at: WorkAt) => {
    const place = bookOf(at).shelf;
    return place && shelf(shelfOf(...place));
  },
  sequel: (at: WorkAt) => work(bookOf(at).sequel),
  versions: (at: WorkAt) =>
    at.depth === 0
      ? null
      : bookOf(at).versions.map(
          (row) => row?.map((one) => one && { no: one.no, book: work(one.book, at.depth - 1) }) ?? null,
        ),
  stars: (at: WorkAt) => bookOf(at).rating?.stars ?? null,
  votes: (at: WorkAt) => bookOf(at).rating?.votes ?? 0,
  weight: (at: WorkAt) => {
    const grams = bookOf(at).rating?.grams ?? null;
    return grams === null ? null : { grams };
  },
  reviews: (at: WorkAt, { first }: { first: number | null }) =>
    REVIEWS.slice(0, clamp(first, 2)).map((_, index) => review(bookOf(at), index)),
  loudest: (at: WorkAt) => review(bookOf(at), 0),
  series: (at: WorkAt) => {
    const slug = bookOf(at).rating?.series ?? null;
    if (slug === null) return null;
    return (
      series(seriesOf(slug)) ?? { type: 'Series', slug: null, org: 'gone', number: 0, series: undefined }
    );
  },
  postage: (at: WorkAt, { zone }: { zone: number | null }) => {
    const cost = costOf(bookOf(at));
    return { cost, zone, from: shelf(SHELVES[cost % SHELVES.length]) };
  },
  sticker: (at: WorkAt, { loud }: { loud?: boolean | null }) =>
    `${loud === true ? 'PAY' : 'pay'} ${costOf(bookOf(at))} for ${at.work.id}`,
  crate: (at: WorkAt) => {
    const { shelf: place, authors } = bookOf(at);
    const found = place === null ? undefined : shelfOf(...place);
    const [width, dust] = [found?.width ?? null, found?.dust ?? null];
    const size = width === null && dust === null ? null : { width, dust };
    return JSON.stringify({ size, names: authors.map((id) => personOf(id)?.name ?? null) });
  },
};

function review(book: Book, index: number) {
  return { stars: (Number(book.id) + index) % 5, text: REVIEWS[index], by: person(String(index + 1)) };
}

const FILM: Readonly<Record<string, Resolve>> = {
  ...NODE,
  minutes: (at: WorkAt) => filmOf(at).minutes,
  director: (at: WorkAt) => person(filmOf(at).director),
  series: (at: WorkAt) => {
    const slug = filmOf(at).seriesSlug;
    if (slug === null) return null;
    return series(seriesOf(slug)) ?? { type: 'Series', slug, org: null, number: null, series: undefined };
  },
  stars: (at: WorkAt) => filmOf(at).rating?.stars ?? null,
  awards: (at: WorkAt) => filmOf(at).rating?.awards ?? ['none'],
};

const PERSON: Readonly<Record<string, Resolve>> = {
  id: ({ id }: PersonAt) => id,
  name: ({ person }: PersonAt) => person?.name ?? null,
  nick: (at: PersonAt, { style, max }: { style: string | null; max?: number | null }) =>
    nick(at, style, max ?? null),
  must: ({ person }: PersonAt) => person?.must ?? 'nothing',
  address: ({ person }: PersonAt) => person?.address ?? null,
  city: (at: PersonAt) => cityOf(at),
  friends: ({ person }: PersonAt, { first, order }: { first: number | null; order?: string | null }) =>
    friends(person, first, order),
  best: ({ person: known }: PersonAt) => person(known?.best ?? null),
  pets: ({ person }: PersonAt) => person?.pets?.map(pet) ?? null,
  favourites: ({ person }: PersonAt) => person?.favourites?.map((id) => work(id)) ?? null,
  likes: ({ person }: PersonAt) => work(person?.likes ?? null),
  scores: (
    { person }: PersonAt,
    { of, filter }: { of?: number[] | null; filter?: { min?: number | null } | null },
  ) => scores(person, filter?.min ?? 0, of ?? []),
  mentor: ({ person }: PersonAt) => being(person?.mentor ?? null),
  written: ({ id }: PersonAt, { first, genre }: { first: number | null; genre?: string | null }) =>
    written(id, first, genre),
};

const WHOLE: Resolvers = {
  Query: {
    person: (_, { id }) => (personOf(id) === undefined ? null : person(id)),
    being: (_, { id }) => (beingOf(id) === undefined ? null : being(id)),
    everyone: (_, { first }) => PEOPLE.slice(0, Math.max(0, first)).map(({ id }) => person(id)),
    guests: (_, { first }) =>
      [person('2'), ROBOTS[0], null, PEOPLE[0]!.pets![0], ROBOTS[1]].slice(0, Math.max(0, first)),
    best: () => [work('1'), null, work('7')],
    allSeries: () => SERIES.map(series),
    node: (_, { id }) => work(id),
    nodes: (_, { ids, first }) => nodes(ids, first),
    book: (_, { id }) => (workOf(id)?.type === 'Book' ? work(id) : null),
    bookByIsbn: (_, { isbn }) => work(BOOKS.find((book) => book.isbn === isbn)?.id ?? null),
    books: (_, args) => books(args),
    search: (_, { text }) => search(text),
    oddities: (_, { first }) => ODDITIES.slice(0, clamp(first, 4)).map((_one, index) => oddity(index)),
    oddity: (_, { number }) => oddity(number),
    shelf: (_, { code, row }) => shelf(shelfOf(code, row)),
    shelves: () => [[shelf(SHELVES[0]), null], [], SHELVES.slice(2, 5).map(shelf)],
    mine: (_, _args, { sub }) =>
      BOOKS.filter((book) => book.editor === (sub ?? null)).map(({ id }) => work(id)),
    number: (_, { of, text }) => (of ?? 7) + (text ?? '').length,
    echo: (_, { value }) => echoed(value),
    constructor: () => ({ depth: 2 }),
  },
  Book: BOOK,
  Film: FILM,
  Game: {
    ...NODE,
    players: ({ work }: WorkAt) => (work as Game).players,
    maker: ({ work }: WorkAt) => being((work as Game).maker),
  },
  Person: PERSON,
  Robot: {
    model: ({ model }: Robot, { long }: { long: boolean | null }) =>
      long === true ? `model ${model}` : model,
    owner: ({ owner }: Robot) => person(owner),
  },
  Country: {
    name: ({ name }: { name: string }, { style }: { style?: string | null }) =>
      style === 'LONG' ? `The ${name}` : name,
  },
  Dog: {
    size: (dog: Extract<Pet, { type: 'Dog' }>, { unit }) =>
      unit === 'm' ? Math.round(dog.centimetres / 100) : dog.centimetres,
    owner: (dog: Extract<Pet, { type: 'Dog' }>) => person(dog.owner),
  },
  Shelf: {
    dust: ({ dust }: Shelf) => dust ?? null,
    label: (one: Shelf, { upper }) => labelOf(one, upper),
    books: ({ books }: Shelf) => books?.map((id) => work(id, 1)) ?? null,
  },
  Series: {
    org: ({ org }: SeriesAt) => org && { id: org },
    name: ({ series }: SeriesAt) => series?.name ?? null,
    volumes: ({ series }: SeriesAt) => series?.volumes?.map((id) => work(id)) ?? null,
  },
  Tangle: {
    constructor: ({ depth }: Tangle) => `built ${depth}`,
    then: ({ depth }: Tangle) => (depth === 0 ? null : 'later'),
    length: ({ depth }: Tangle) => depth,
    hasOwnProperty: ({ depth }: Tangle) => (depth === 0 ? null : depth === 2),
    toString: (one: Tangle, { max }: { max?: number | null }) => tangled(one, max),
    valueOf: ({ depth }: Tangle) => (depth === 0 ? null : { depth: depth - 1 }),
  },
};

const KIND: Readonly<Record<string, string>> = {
  SCIENCE_FICTION: 'SF',
  POETRY: 'POEMS',
  DRAMA: 'DRAMA',
  constructor: 'then',
};
const GENRE: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(KIND).map(([genre, kind]) => [kind, genre]),
);
const toGenre = (kind: string | null | undefined) => (kind == null ? kind : GENRE[kind]!);
const toKind = (genre: string | null) => (genre === null ? null : KIND[genre]!);

interface Wish {
  readonly atLeast: number;
  readonly maxPages?: number | null;
  readonly kinds?: readonly string[] | null;
  readonly except?: Wish | null;
}
const toFilter = (wish: Wish | null | undefined): Filter | null =>
  wish == null
    ? null
    : {
        minPages: wish.atLeast,
        maxPages: wish.maxPages ?? null,
        genres: wish.kinds?.map((kind) => GENRE[kind]!) ?? null,
        not: toFilter(wish.except),
      };

type Call = {
  words?: string | null;
  numbers?: unknown;
  kind?: string | null;
  again?: Call | null;
  flag: boolean;
};
/** In the order in which the view's input has its fields. */
function toEcho(call: Call): unknown {
  const result: Record<string, unknown> = {};
  if (call.words !== undefined) result.text = call.words;
  if (call.numbers !== undefined) result.numbers = call.numbers;
  if (call.kind !== undefined) result.genre = call.kind === null ? null : WIRE[GENRE[call.kind]!];
  if (call.again !== undefined) result.inner = call.again === null ? null : toEcho(call.again);
  result.flag = call.flag;
  // The graph's own default, of which the view says nothing.
  if (call.words === undefined) result.text = 'none';
  return result;
}

const NO_ARGS: Args = {};
const SHOP_NODE: Readonly<Record<string, Resolve>> = {
  key: NODE.id!,
  name: NODE.title!,
  teaser: ({ work }: WorkAt, { length }) => blurb(work.title, length),
  also: NODE.related!,
};
const editorOf = (at: WorkAt) => person(bookOf(at).editor);
const shelfAt = (at: WorkAt) => BOOK.shelf!(at, NO_ARGS, {}) as Shelf | null;
const seriesAt = (at: WorkAt) => BOOK.series!(at, NO_ARGS, {}) as SeriesAt | null;
const volumesOf = (at: SeriesAt | null) => at?.series?.volumes?.map((id) => work(id)) ?? null;

const SHOP: Resolvers = {
  Query: {
    item: (_, { id }) => work(id),
    items: (_, { keys, first }) => nodes(keys, first),
    tome: (_, { nr }) => (workOf(nr)?.type === 'Book' ? work(nr) : null),
    volumes: (_, { kind, wish, groups, first }) =>
      books({
        genre: toGenre(kind) ?? null,
        filter: toFilter(wish),
        genres:
          groups?.map((group: readonly string[] | null) => group?.map((one) => GENRE[one]!) ?? null) ?? null,
        first,
      }),
    long: (_, { tag, most }) =>
      books({ filter: { minPages: 300, tag, not: { minPages: 0, maxPages: 400 } }, first: most }),
    me: (_, _args, { sub }) => (typeof sub === 'string' ? person(sub) : null),
    myBooks: WHOLE.Query!.mine!,
    human: WHOLE.Query!.person!,
    who: WHOLE.Query!.being!,
    rack: WHOLE.Query!.shelf!,
    racks: WHOLE.Query!.shelves!,
    tangled: () => 2,
    deeply: () => 'later',
    text: (_, { max }) => tangled({ depth: 2 }, max),
    twenty: () => '1 20',
    hits: WHOLE.Query!.search!,
    oddities: () => ODDITIES.map((_one, index) => oddity(index)),
    sum: (_, { a }) => a + 4,
    echo: (_, { value }) => (value == null ? null : toEcho(value)),
  },
  Volume: {
    ...SHOP_NODE,
    long: ({ work }: WorkAt) => blurb(work.title, 100),
    kind: (at: WorkAt) => toKind(bookOf(at).genre),
    kinds: (at: WorkAt) => bookOf(at).genres?.map((group) => group?.map(toKind) ?? null) ?? null,
    pages: BOOK.pages!,
    votes: BOOK.votes!,
    editorName: (at: WorkAt) => editorOf(at)?.person?.name ?? null,
    editorMust: (at: WorkAt) => {
      const editor = editorOf(at);
      return editor === null ? null : (editor.person?.must ?? 'nothing');
    },
    editorShort: (at: WorkAt) => editorOf(at) && nick(editorOf(at)!, 'SHORT', 1),
    editorNick: (at: WorkAt, { max }: { max?: number | null }) =>
      editorOf(at) && nick(editorOf(at)!, 'LONG', max ?? null),
    editorCity: (at: WorkAt) => cityOf(editorOf(at)),
    editorCountry: (at: WorkAt) => {
      const name = editorOf(at)?.person?.address?.country?.name;
      return name === undefined ? null : `The ${name}`;
    },
    editorPets: (at: WorkAt) => editorOf(at)?.person?.pets ?? null,
    editorMentor: (at: WorkAt) => being(editorOf(at)?.person?.mentor ?? null),
    editorWrote: (at: WorkAt, { first }) => editorOf(at) && written(editorOf(at)!.id, first, null),
    editor: editorOf,
    writers: BOOK.authors!,
    rackDust: (at: WorkAt) => shelfAt(at)?.dust ?? null,
    rackWidth: (at: WorkAt) => shelfAt(at)?.width ?? null,
    rackLabel: (at: WorkAt) => shelfAt(at) && labelOf(shelfAt(at)!, true),
    rackBooks: (at: WorkAt) => shelfAt(at)?.books?.map((id) => work(id, 1)) ?? null,
    rack: BOOK.shelf!,
    seriesName: (at: WorkAt) => seriesAt(at)?.series?.name ?? null,
    seriesVolumes: (at: WorkAt) => volumesOf(seriesAt(at)),
    grams: (at: WorkAt) => bookOf(at).rating?.grams ?? null,
    cost: (at: WorkAt) => costOf(bookOf(at)),
    from: (at: WorkAt) => shelf(SHELVES[costOf(bookOf(at)) % SHELVES.length]),
    fee: BOOK.postage!,
    loudText: (at: WorkAt) => review(bookOf(at), 0).text,
    loudBy: () => personOf('1')!.name,
    sticker: (at: WorkAt) => `PAY ${costOf(bookOf(at))} for ${at.work.id}`,
    crate: BOOK.crate!,
    bits: BOOK.parts!,
    strict: BOOK.strict!,
    grid: BOOK.grid!,
  },
  Movie: {
    ...SHOP_NODE,
    directorName: (at: WorkAt) => personOf(filmOf(at).director ?? '')?.name ?? null,
    seriesName: (at: WorkAt) => seriesOf(filmOf(at).seriesSlug ?? '')?.name ?? null,
    seriesOrg: (at: WorkAt) => seriesOf(filmOf(at).seriesSlug ?? '')?.org ?? null,
    awards: FILM.awards!,
  },
  Play: { ...SHOP_NODE, maker: WHOLE.Game!.maker! },
  Bit: {
    innerName: ({ inner }) => inner?.name ?? null,
    deepest: ({ inner }) => inner?.inner?.no ?? null,
  },
  Fee: { fromDust: ({ from }) => from?.dust ?? null },
  Rack: {
    number: ({ row }: Shelf) => row,
    dust: WHOLE.Shelf!.dust!,
    label: (one: Shelf, { loud }) => labelOf(one, loud),
    books: WHOLE.Shelf!.books!,
  },
  Human: {
    called: PERSON.name!,
    nick: (at: PersonAt) => nick(at, 'SHORT', null),
    bestNick: ({ person: known }: PersonAt, { max }: { max?: number | null }) =>
      known?.best == null ? null : nick(person(known.best)!, 'LONG', max ?? null),
    bestBestCity: ({ person: known }: PersonAt) => cityOf(person(personOf(known?.best ?? '')?.best ?? null)),
    friends: ({ person }: PersonAt, { most }) => friends(person, most, null),
    likes: PERSON.likes!,
    favourites: PERSON.favourites!,
    scores: ({ person }: PersonAt, { least }) => scores(person, least ?? 0, [1]),
    pets: PERSON.pets!,
    wrote: ({ id }: PersonAt) => written(id, 2, 'POETRY'),
    all: ({ id }: PersonAt, { first }) => written(id, first, null),
  },
  Writer: {
    nick: (at: PersonAt) => nick(at, 'LONG', null),
    friends: ({ person }: PersonAt) => friends(person, 3, 'LONG'),
    best: PERSON.best!,
  },
  Machine: {
    called: ({ name }: Robot) => name,
    model: ({ model }: Robot) => `model ${model}`,
    ownerName: ({ owner }: Robot) => personOf(owner ?? '')?.name ?? null,
  },
  Kitten: { called: ({ name }: Pet) => name },
  Puppy: {
    called: ({ name }: Pet) => name,
    metres: (dog: Extract<Pet, { type: 'Dog' }>) => Math.round(dog.centimetres / 100),
    owner: WHOLE.Dog!.owner!,
  },
  Scrap: { aboutName: ({ about }: { about: WorkAt | null }) => about?.work.title ?? null },
  Penny: { owner: ({ owner }: { owner: PersonAt | null }) => owner?.person?.name ?? null },
  Sticker: { points: ({ worth }) => worth },
};

const SHOP_TYPES: Readonly<Record<string, string>> = {
  Book: 'Volume',
  Film: 'Movie',
  Game: 'Play',
  Person: 'Human',
  Robot: 'Machine',
  Cat: 'Kitten',
  Dog: 'Puppy',
  Shelf: 'Rack',
  Note: 'Scrap',
  Coin: 'Penny',
  Stamp: 'Sticker',
};

/** Compares the data of a case of the test graph with what the monolith says. */
export function openMonolith(subject: Subject): (one: Case, data: unknown) => Promise<string | undefined> {
  const schemas = new Map<string, GraphQLSchema>();
  for (const [name, { schema }] of subject.views) {
    schemas.set(
      name,
      toSchema(printSchema(schema), name === 'shop' ? SHOP : WHOLE, name === 'shop' ? SHOP_TYPES : {}),
    );
  }
  return async (one, data) => {
    // What `execute` does, but for refusing schemas with @defer: there is none in these documents.
    const validated = validateExecutionArgs({
      schema: schemas.get(one.view)!,
      document: parse(one.document),
      variableValues: one.variables,
      contextValue: one.claims ?? {},
    });
    const result = 'schema' in validated ? await executeRootSelectionSet(validated) : { data: null };
    // As it would have come over the wire.
    const expected: unknown = JSON.parse(JSON.stringify(result.data ?? null));
    const given: unknown = JSON.parse(JSON.stringify(data ?? null));
    const difference = dataDifference(given, expected);
    return difference === undefined ? undefined : `the monolith disagrees: ${difference}`;
  };
}

function toSchema(sdl: string, resolvers: Resolvers, names: Readonly<Record<string, string>>): GraphQLSchema {
  const schema = buildSchema(sdl);
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__') || isEnumType(type)) continue;
    if (isScalarType(type) && !isSpecifiedScalarType(type)) {
      if (type.name === 'BigInt' || type.name === 'Decimal') acceptNumbers(type);
    } else if (isAbstractType(type))
      type.resolveType = ({ type: name }: { type: string }) => names[name] ?? name;
    else if (isObjectType(type)) {
      const own = resolvers[type.name];
      for (const field of Object.values(type.getFields())) {
        const resolve = own !== undefined && Object.hasOwn(own, field.name) ? own[field.name] : undefined;
        if (resolve !== undefined) field.resolve = resolve;
      }
    }
  }
  return schema;
}

function acceptNumbers(type: { parseValue: unknown }): void {
  const accept = (value: unknown) => (typeof value === 'number' ? String(value) : value);
  const literal = (node: { readonly value?: unknown }) => String(node.value);
  Object.assign(type, {
    parseValue: accept,
    coerceInputValue: accept,
    parseLiteral: literal,
    coerceInputLiteral: literal,
  });
}
