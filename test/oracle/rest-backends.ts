/** The REST backends of the test graph. They keep nothing: an answer depends on the request and on its faults only. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  BOOKS,
  type Book,
  bookOf,
  CREW,
  currentId,
  FESTIVAL,
  markOf,
  ODDITIES,
  type Part,
  playedBy,
  READERS,
  REVIEWS,
  SERIES,
  type Series,
  SHELVES,
  type Shelf,
  seriesOf,
  shelfOf,
  workOf,
} from './data.ts';
import { FAULTS_HEADER, Faults } from './faults.ts';

const MAX_BODY_CHARACTERS = 1_000_000;
const WIRE_GENRES: Readonly<Record<string, string>> = {
  SCIENCE_FICTION: 'sci-fi',
  POETRY: 'poetry',
  DRAMA: 'DRAMA',
  constructor: '__proto__',
};
type Wire = Record<string, unknown>;

interface Asked {
  readonly connector: string;
  readonly method: string;
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly faults: Faults;
}

type Answer = { readonly status: number; readonly body: unknown };
const NONE: Answer = { status: 404, body: { error: 'none' } };
const ok = (body: unknown): Answer => ({ status: 200, body });

export async function openRestBackend(
  connector: 'works' | 'ratings' | 'shipping',
): Promise<{ url: string; server: Server }> {
  const answer = { works, ratings, shipping }[connector];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      if (text.length < MAX_BODY_CHARACTERS) text += chunk;
    });
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://localhost');
      const asked: Asked = {
        connector,
        method: request.method ?? 'GET',
        path: url.pathname.split('/').slice(1).map(decodeURIComponent),
        query: url.searchParams,
        body: text === '' ? undefined : JSON.parse(text),
        faults: new Faults(request.headers[FAULTS_HEADER] as string | undefined),
      };
      const { status, body } = failing(asked) ?? answer(asked);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof body === 'string' && status === 299 ? body : JSON.stringify(body));
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** Calls that carry keys of many must not fail by what they carry: then only the backend as a whole may. */
function failing({ connector, method, path, query, body, faults }: Asked): Answer | undefined {
  const batched = query.has('ids') || (typeof body === 'object' && body !== null && 'keys' in body);
  const fault = batched
    ? faults.ofCall(connector, 'batched', '')
    : faults.ofCall(connector, `${method} ${path[0]}`, JSON.stringify([path, [...query], body]));
  if (fault === undefined) return undefined;
  if (fault === 'garbage') return { status: 299, body: '<html>' };
  return fault === 'empty' ? { status: 200, body: null } : { status: fault, body: { error: 'fault' } };
}

/** Makes fields of a record wrong. */
function spoilt(asked: Asked, type: string, key: string, record: Wire): Wire {
  if (asked.faults.none) return record;
  for (const name of Object.keys(record)) {
    const wrong = asked.faults.ofField(asked.connector, `${type}.${name}`, key);
    if (wrong !== undefined) record[name] = wrong.value;
  }
  return record;
}

function firstOf(query: URLSearchParams, fallback: number): number {
  return Math.max(0, Math.min(50, Number(query.get('first') ?? fallback)));
}

function wideFirst(query: URLSearchParams): number {
  return Math.max(0, Number(query.get('first') ?? 100));
}

function works(asked: Asked): Answer {
  const { path, query, body } = asked;
  const [root, id = '', sub] = path;
  const route = `${asked.method} ${root}${sub === undefined ? '' : `/${sub}`}`;
  const one = (record: unknown): Answer => (record === null || record === undefined ? NONE : ok(record));
  switch (route) {
    case 'GET nodes': {
      if (path.length > 1) return one(workRecord(asked, id));
      const ids = query.get('ids')?.split(',').filter(Boolean);
      if (query.has('first') || ids === undefined) {
        const listed = ids ?? ['1', 'f1', 'g2', '9', '5', 'f3'];
        return ok({ items: listed.slice(0, firstOf(query, 3)).map((one) => workRecord(asked, one)) });
      }
      // Not in the order of the keys, and some are not there.
      const found = ids.filter((one) => !asked.faults.isMissing('works', 'nodes', one)).reverse();
      return ok({ items: found.map((one) => workRecord(asked, one)).filter((record) => record !== null) });
    }
    case 'GET nodes/blurb': {
      const work = workOf(id);
      return work === undefined
        ? NONE
        : ok(spoilt(asked, 'blurb', id, { text: blurbOf(work.title, query.get('max')) }));
    }
    case 'GET books':
      return one(bookOf(id) && workRecord(asked, id));
    case 'GET current':
      return one(bookOf(currentId(id)) && workRecord(asked, currentId(id)));
    case 'GET isbn':
      return one(BOOKS.filter((book) => book.isbn === id).map((book) => workRecord(asked, book.id))[0]);
    case 'POST books':
      return ok({ data: { books: booksLike(body as BooksQuery).map(({ id }) => workRecord(asked, id)) } });
    case 'POST books/title': {
      const record = bookOf(id) && workRecord(asked, id);
      if (!record) return NONE;
      return ok({ ...record, title: (body as Wire).title ?? 'untitled' });
    }
    case 'POST shout':
      return ok({ loud: String((body as Wire).text).toUpperCase() });
    case 'GET search':
      return ok(foundBy(query.get('text') ?? '').map((what) => foundRecord(asked, what)));
    case 'GET oddities':
      if (path.length > 1) return one(oddityRecord(asked, Number(id)));
      return ok(ODDITIES.slice(0, firstOf(query, 4)).map((_, index) => oddityRecord(asked, index)));
    case 'GET shelves':
      return ok([
        [shelfRecord(asked, SHELVES[0]!), null],
        [],
        SHELVES.slice(2, 5).map((shelf) => shelfRecord(asked, shelf)),
      ]);
    case 'GET mine':
      return ok(
        BOOKS.filter((book) => book.editor === query.get('reader')).map((book) => workRecord(asked, book.id)),
      );
    case 'GET readers':
      return ok(READERS.slice(0, wideFirst(query)).map(({ id }) => spoilt(asked, 'Reader', id, { id })));
    case 'GET crew':
      return ok(
        CREW.slice(0, wideFirst(query)).map(({ id, type }, index) =>
          spoilt(asked, 'Crew', String(index), { id, __typename: type }),
        ),
      );
    case 'GET festival':
      return ok(FESTIVAL.slice(0, wideFirst(query)).map(({ id }) => workRecord(asked, id, 0)));
    case 'GET number':
      return ok(Number(query.get('of') ?? 7) + (query.get('text') ?? '').length);
    case 'POST echo':
      return ok(body);
    case 'GET tangle':
      return path.length === 1
        ? ok(tangle(asked, 2))
        : ok(spoilt(asked, 'tangled', id, { text: `${id} ${query.get('max') ?? 'none'}` }));
    case 'GET authors/books': {
      const genre = query.get('genre');
      const found = BOOKS.filter(
        (book) => book.authors.includes(id) && (genre === null || toWire(book.genre) === genre),
      );
      return ok(found.slice(0, firstOf(query, 2)).map((book) => workRecord(asked, book.id)));
    }
  }
  if (root === 'shelves' && path.length === 3) {
    const shelf = shelfOf(id, Number(sub));
    return one(shelf && shelfRecord(asked, shelf));
  }
  return NONE;
}

export interface BooksQuery {
  readonly genre?: string | null;
  readonly filter?: BooksFilter | null;
  readonly genres?: ReadonlyArray<readonly string[] | null> | null;
  readonly first: number;
}

interface BooksFilter {
  readonly minPages: number;
  readonly maxPages?: number | null;
  readonly genres?: readonly string[] | null;
  readonly not?: BooksFilter | null;
  readonly tag?: string | null;
}

function booksLike({ genre, filter, genres, first }: BooksQuery): readonly Book[] {
  return BOOKS.filter(
    (book) =>
      (genre == null || toWire(book.genre) === genre) &&
      (filter == null || matches(book, filter)) &&
      (genres == null || genres.every((group) => group == null || group.includes(toWire(book.genre) ?? ''))),
  ).slice(0, Math.max(0, first));
}

function matches(book: Book, { minPages, maxPages, genres, not, tag }: BooksFilter): boolean {
  return (
    book.pages >= minPages &&
    (maxPages == null || book.pages <= maxPages) &&
    (genres == null || genres.includes(toWire(book.genre) ?? '')) &&
    (tag == null || book.tags?.includes(tag) === true) &&
    (not == null || !matches(book, not))
  );
}

function toWire(genre: string | null): string | null {
  return genre === null ? null : WIRE_GENRES[genre]!;
}

export function blurbOf(title: string | null, max: string | number | null): string {
  return `About ${title ?? 'nothing'}.`.slice(0, max === null ? 100 : Math.max(0, Number(max)));
}

export function foundBy(text: string): readonly string[] {
  return ['book 1', 'film f2', 'shelf A 1', 'note 3', 'book 4', 'note'].filter((what) => what.includes(text));
}

function workRecord(asked: Asked, id: string | null, depth = 2): Wire | null {
  const work = id === null ? undefined : workOf(id);
  if (work === undefined) return null;
  const related =
    depth === 0 ? null : (work.related?.map((other) => workRecord(asked, other, depth - 1)) ?? null);
  const base = { title: work.title, tags: work.tags, related };
  if (work.type === 'Film') {
    return spoilt(asked, 'Film', work.id, {
      kind: 'f',
      id: work.id,
      ...base,
      minutes: work.minutes,
      director_id: work.director === null ? null : Number(work.director),
      series_slug: work.seriesSlug,
    });
  }
  if (work.type === 'Game') {
    return spoilt(asked, 'Game', work.id, {
      kind: 'Game',
      id: work.id,
      ...base,
      players: work.players,
      maker_id: work.maker,
      maker_type: work.maker === null ? null : work.maker.startsWith('r') ? 'Robot' : 'Person',
    });
  }
  return spoilt(asked, 'Book', work.id, {
    kind: 'b',
    // A number here, text elsewhere.
    id: Number(work.id),
    ...base,
    isbn: work.isbn,
    genre_code: toWire(work.genre),
    genre_table: work.genres?.map((group) => group?.map(toWire) ?? null) ?? null,
    pages: work.pages,
    price: work.price,
    printed: work.printed,
    published: work.published,
    colour: work.colour,
    meta: work.meta,
    parts: work.parts?.map((part) => partRecord(asked, work.id, part)) ?? null,
    strict: work.strict.map((part) => partRecord(asked, work.id, part)),
    grid:
      depth === 0
        ? null
        : (work.grid?.map((row) => row.map((other) => workRecord(asked, other, depth - 1))) ?? null),
    author_ids: work.authors.map(Number),
    editor_id: work.editor,
    place: work.shelf === null ? null : { code: work.shelf[0], row: work.shelf[1] },
    sequel_id: work.sequel,
    sequel_type: work.sequel === null ? null : workOf(work.sequel)!.type,
    versions:
      depth === 0
        ? null
        : work.versions.map(
            (row) =>
              row?.map(
                (version) => version && { no: version.no, book: workRecord(asked, version.book, depth - 1) },
              ) ?? null,
          ),
  });
}

function partRecord(asked: Asked, id: string, part: Part | null): Wire | null {
  if (part === null) return null;
  return spoilt(asked, 'Part', `${id} ${part.no}`, {
    no: part.no,
    name: part.name,
    inner: partRecord(asked, id, part.inner),
  });
}

function shelfRecord(asked: Asked, shelf: Shelf): Wire {
  return spoilt(asked, 'Shelf', `${shelf.code} ${shelf.row}`, {
    meta: { what: 'Shelf' },
    code: shelf.code,
    row_no: shelf.row,
    width: shelf.width,
    books: shelf.books?.map((id) => workRecord(asked, id, 1)) ?? null,
  });
}

function foundRecord(asked: Asked, what: string): Wire | null {
  const [type, id = '', row] = what.split(' ');
  if (type === 'book') return { ...workRecord(asked, id), meta: { what: 'Book' } };
  if (type === 'film') return { ...workRecord(asked, id), meta: { what: 'Film' } };
  if (type === 'shelf') return shelfRecord(asked, shelfOf(id[0]!, Number(row ?? id[1]))!);
  return spoilt(asked, 'Note', id, {
    meta: { what: 'Note' },
    text: `a note on ${id || 'nothing'}`,
    about: id === '' ? null : workRecord(asked, id),
  });
}

function oddityRecord(asked: Asked, index: number): Wire | null {
  const oddity = ODDITIES[index];
  if (oddity === undefined) return null;
  if (oddity.set === null) return { number: index };
  const inner: Wire = { worth: oddity.worth, owner_id: oddity.owner };
  if (oddity.set === 'stamp') inner.shows = workRecord(asked, oddity.shows);
  return spoilt(asked, 'Oddity', String(index), {
    set: oddity.set,
    [oddity.set]: spoilt(asked, 'OddityInner', String(index), inner),
  });
}

function tangle(asked: Asked, depth: number): Wire {
  const record: Wire = Object.create(null);
  return spoilt(
    asked,
    'Tangle',
    String(depth),
    Object.assign(record, {
      constructor: `built ${depth}`,
      // Absent in the innermost: what objects inherit must not show.
      ...(depth === 0
        ? {}
        : { then: 'later', hasOwnProperty: depth === 2, valueOf: tangle(asked, depth - 1) }),
      length: depth,
    }),
  );
}

function ratings(asked: Asked): Answer {
  const { path, query, body, faults } = asked;
  const [root, id = '', sub] = path;
  const keys = ((body as { keys?: readonly unknown[] } | undefined)?.keys ?? []) as ReadonlyArray<
    Wire & string
  >;
  const present = <T>(name: string, list: readonly T[], keyOf: (one: T) => string) =>
    list.filter((one) => !faults.isMissing('ratings', name, keyOf(one))).reverse();
  switch (`${asked.method} ${root}${sub === undefined ? '' : `/${sub}`}`) {
    case 'POST books':
      return ok({
        found: present(
          'books',
          BOOKS.filter((book) => keys.some((key) => String(key) === book.id) && book.rating),
          ({ id }) => id,
        ).map((book) => ratedRecord(asked, book)),
      });
    case 'GET best':
      return ok([ratedRecord(asked, BOOKS[0]!), null, ratedRecord(asked, BOOKS[6]!)]);
    case 'GET books/reviews': {
      const book = bookOf(id);
      if (book === undefined) return NONE;
      const list = REVIEWS.map((_, index) => reviewRecord(asked, book, index));
      return ok({ list: list.slice(0, firstOf(query, 2)) });
    }
    case 'GET books/loudest': {
      const book = bookOf(id);
      return book === undefined ? NONE : ok(reviewRecord(asked, book, 0));
    }
    case 'GET films': {
      const film = workOf(id);
      if (film?.type !== 'Film' || film.rating === undefined) return NONE;
      return ok(spoilt(asked, 'Film', id, { id, stars: film.rating.stars, awards: [...film.rating.awards] }));
    }
    case 'GET games': {
      const played = playedBy(id, query.get('by'));
      return played === undefined ? NONE : ok(spoilt(asked, 'Played', id, { id, played }));
    }
    case 'POST shelves': {
      const wanted = SHELVES.filter(
        ({ code, row, dust }) =>
          dust !== undefined && keys.some((key) => key.code === code && Number(key.row) === row),
      );
      return ok({
        found: present('shelves', wanted, ({ code, row }) => `${code} ${row}`).map(({ code, row, dust }) =>
          spoilt(asked, 'Shelf', `${code} ${row}`, { code, row: String(row), dust }),
        ),
      });
    }
    case 'POST series': {
      const wanted = SERIES.filter(({ org, number }) =>
        keys.some((key) => key.org === org && Number(key.number) === number),
      );
      return ok({
        found: present('series', wanted, ({ slug }) => slug).map((series) => seriesRecord(asked, series)),
      });
    }
    case 'GET series': {
      if (path.length === 1) return ok(SERIES.map((series) => seriesRecord(asked, series)));
      const series = seriesOf(id);
      return series === undefined ? NONE : ok(seriesRecord(asked, series));
    }
  }
  return NONE;
}

function ratedRecord(asked: Asked, book: Book): Wire {
  const { rating } = book;
  const series = rating?.series == null ? undefined : seriesOf(rating.series);
  return spoilt(asked, 'Book', book.id, {
    id: book.id,
    stars: rating?.stars ?? null,
    counts: spoilt(asked, 'Counts', book.id, { votes: rating?.votes ?? 0 }),
    weight: rating?.grams == null ? null : { grams: rating.grams },
    weightGrams: rating?.grams ?? null,
    series: rating?.series == null ? null : { org: series?.org ?? 'gone', no: series?.number ?? 0 },
  });
}

function reviewRecord(asked: Asked, book: Book, index: number): Wire {
  return spoilt(asked, 'Review', `${book.id} ${index}`, {
    stars: (Number(book.id) + index) % 5,
    text: REVIEWS[index],
    person: String(index + 1),
  });
}

function seriesRecord(asked: Asked, { slug, org, number, name, volumes }: Series): Wire {
  return spoilt(asked, 'Series', slug, { slug, org: { id: org }, number, name, ids: volumes });
}

function shipping(asked: Asked): Answer {
  const { query, body, path } = asked;
  switch (path[0]) {
    case 'marks': {
      const { keys, by } = body as { keys: readonly unknown[]; by: string };
      const books = BOOKS.filter(({ id }) => keys.some((key) => String(key) === id));
      const present = books.filter(({ id }) => !asked.faults.isMissing('shipping', 'marks', id));
      return ok({
        found: present.toReversed().flatMap(({ id }) => {
          const mark = markOf(id, by);
          return mark === undefined ? [] : [spoilt(asked, 'Mark', id, { id, mark })];
        }),
      });
    }
    case 'postage': {
      const zone = query.get('zone');
      const cost =
        Number(query.get('grams') ?? 5) +
        (query.get('city') ?? '').length +
        (query.get('people') ?? '').split(',').length;
      const shelf = SHELVES[Math.abs(cost) % SHELVES.length]!;
      return ok(
        spoilt(asked, 'Postage', String(cost), {
          cost,
          zone: zone === null ? null : Number(zone),
          from: { code: shelf.code, row: shelf.row },
        }),
      );
    }
    case 'sticker': {
      const { cost, loud, id } = body as { cost: number; loud?: boolean | null; id: unknown };
      return ok({ text: `${loud === true ? 'PAY' : 'pay'} ${cost} for ${id}` });
    }
    case 'crate':
      return ok({ text: JSON.stringify(body) });
    case 'label':
      return ok({
        text: `${query.get('code')}${query.get('row')}${query.get('upper')}${query.get('books') ?? '-'}`,
      });
  }
  return NONE;
}
