/**
 * Paths and value maps: how a value is picked out of a record. One grammar, described in `docs/mapping.md`, serves
 * `select`, `@from(path:)`, `@is(field:)`, `@require(field:)` and the references inside templates and literals.
 *
 *     valueMap := path | path? "{" entry ("," entry)* "}"
 *     entry    := name (":" valueMap)?
 *     path     := "." | segment ( "." segment | "[" integer "]" | "[]" )*
 *     segment  := name | "'" any characters but "'" "'"
 *
 * `[]` maps the rest of the path over a list; "." is the record itself: `bike_ids[] { id: . }`. A missing step gives undefined,
 * never an error.
 */
export type PathStep =
  | { readonly kind: 'key'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'each' };

export type Path = readonly PathStep[];

export type ValueMap =
  | { readonly kind: 'path'; readonly path: Path }
  | {
      readonly kind: 'object';
      /** What the entries are read from; empty for the record itself. */
      readonly of: Path;
      readonly entries: ReadonlyArray<{ readonly name: string; readonly value: ValueMap }>;
    };

/** A function of a record. */
export type Reader = (record: unknown) => unknown;

/** Where and why a text is not of the grammar. */
export class GrammarError extends Error {
  /** Character offset within the text. */
  readonly offset: number;
  readonly found: string;
  readonly expected: string;

  constructor(offset: number, found: string, expected: string) {
    super(`expected ${expected}, found ${found}`);
    this.name = 'GrammarError';
    this.offset = offset;
    this.found = found;
    this.expected = expected;
  }
}

/** @throws {GrammarError} */
export function parsePath(text: string): Path {
  const scanner = new Scanner(text);
  const path = scanner.path();
  scanner.end();
  return path;
}

/** @throws {GrammarError} */
export function parseValueMap(text: string): ValueMap {
  const scanner = new Scanner(text);
  const map = scanner.valueMap();
  scanner.end();
  return map;
}

export function formatPath(path: Path): string {
  if (path.length === 0) return '.';
  return path
    .map((step, index) => {
      if (step.kind === 'index') return `[${step.index}]`;
      if (step.kind === 'each') return '[]';
      const name = NAME.test(step.name) ? step.name : `'${step.name}'`;
      return index === 0 ? name : `.${name}`;
    })
    .join('');
}

/** Compiles a path into a function. */
export function toPathReader(path: Path): Reader {
  const [step, ...rest] = path;
  if (step === undefined) return (record) => record;
  const next = rest.length === 0 ? undefined : toPathReader(rest);
  if (step.kind === 'each') {
    return (record) => {
      if (!Array.isArray(record)) return undefined;
      return next === undefined ? record : record.map(next);
    };
  }
  if (step.kind === 'index') {
    const { index } = step;
    return (record) => {
      const value = Array.isArray(record) ? record[index] : undefined;
      return next === undefined ? value : next(value);
    };
  }
  const own = toKeyReader(step.name);
  return next === undefined ? own : (record) => next(own(record));
}

/** Compiles a value map into a function. An object all of whose parts are absent or null is null. */
export function toReader(map: ValueMap): Reader {
  if (map.kind === 'path') return toPathReader(map.path);
  const parts = map.entries.map(({ name, value }) => [name, toReader(value)] as const);
  const toObject = (record: unknown) => {
    const result: Record<string, unknown> = Object.create(null);
    let present = false;
    for (const [name, read] of parts) {
      const value = read(record);
      if (value !== undefined && value !== null) present = true;
      result[name] = value;
    }
    return present ? result : null;
  };
  if (map.of.length === 0) return toObject;
  const base = toPathReader(map.of);
  const levels = map.of.filter(({ kind }) => kind === 'each').length;
  const toObjects = atLevels(toObject, Math.max(levels, 1));
  return (record) => toObjects(base(record));
}

/** Applies a reader to what is in lists, and in lists of lists. */
function atLevels(read: Reader, levels: number): Reader {
  if (levels === 0) return read;
  const item = atLevels(read, levels - 1);
  return (value) => (Array.isArray(value) ? value.map(item) : read(value));
}

/** Reads one key of a record as data: names that every object inherits are looked up as own properties only. */
export function toKeyReader(name: string): Reader {
  if (name in Object.prototype || name === 'length') {
    return (record) =>
      typeof record === 'object' && record !== null && Object.hasOwn(record, name)
        ? (record as Record<string, unknown>)[name]
        : undefined;
  }
  return (record) =>
    typeof record === 'object' && record !== null ? (record as Record<string, unknown>)[name] : undefined;
}

/** The paths that a value map reads. */
export function pathsOf(map: ValueMap): readonly Path[] {
  if (map.kind === 'path') return [map.path];
  return map.entries.flatMap(({ value }) => pathsOf(value)).map((path) => [...map.of, ...path]);
}

/** Readers are one function in another. */
const MAX_STEPS = 200;

const NAME = /^[A-Za-z_$@][\w$@-]*$/;
const NAME_AT = /[A-Za-z_$@][\w$@-]*/y;
const SPACE_AT = /[\s,]*/y;
const INTEGER_AT = /\d{1,9}/y;

/** Reads the grammar above from a text. */
class Scanner {
  readonly #text: string;
  #offset = 0;

  constructor(text: string) {
    this.#text = text;
  }

  valueMap(depth = 0): ValueMap {
    this.#space();
    const of = this.#text[this.#offset] === '{' ? [] : this.path();
    this.#space();
    if (this.#text[this.#offset] !== '{') return { kind: 'path', path: of };
    if (depth > 16) throw this.#unexpected('at most 16 levels of braces');
    this.#offset++;
    const entries: Array<{ name: string; value: ValueMap }> = [];
    for (;;) {
      this.#space();
      if (this.#text[this.#offset] === '}') break;
      const name = this.#match(NAME_AT, 'a name or "}"');
      this.#space();
      if (this.#text[this.#offset] === ':') {
        this.#offset++;
        entries.push({ name, value: this.valueMap(depth + 1) });
      } else {
        entries.push({ name, value: { kind: 'path', path: [{ kind: 'key', name }] } });
      }
    }
    this.#offset++;
    if (entries.length === 0) throw this.#unexpected('at least one name between the braces');
    return { kind: 'object', of, entries };
  }

  path(): Path {
    this.#space();
    if (this.#text[this.#offset] === '.') {
      this.#offset++;
      return [];
    }
    const steps: PathStep[] = [this.#segment()];
    for (;;) {
      if (steps.length > MAX_STEPS) throw this.#unexpected(`the end: at most ${MAX_STEPS} steps`);
      const character = this.#text[this.#offset];
      if (character === '.') {
        this.#offset++;
        steps.push(this.#segment());
      } else if (character === '[') {
        this.#offset++;
        if (this.#text[this.#offset] === ']') steps.push({ kind: 'each' });
        else steps.push({ kind: 'index', index: Number(this.#match(INTEGER_AT, 'an index or "]"')) });
        if (this.#text[this.#offset] !== ']') throw this.#unexpected('"]"');
        this.#offset++;
      } else {
        return steps;
      }
    }
  }

  end(): void {
    this.#space();
    if (this.#offset < this.#text.length) throw this.#unexpected('the end');
  }

  #segment(): PathStep {
    if (this.#text[this.#offset] !== "'") return { kind: 'key', name: this.#match(NAME_AT, 'a name') };
    const close = this.#text.indexOf("'", this.#offset + 1);
    if (close === -1) throw this.#unexpected('a closing quote');
    const name = this.#text.slice(this.#offset + 1, close);
    this.#offset = close + 1;
    return { kind: 'key', name };
  }

  #space(): void {
    SPACE_AT.lastIndex = this.#offset;
    SPACE_AT.exec(this.#text);
    this.#offset = SPACE_AT.lastIndex;
  }

  #match(pattern: RegExp, expected: string): string {
    pattern.lastIndex = this.#offset;
    const match = pattern.exec(this.#text);
    if (match === null) throw this.#unexpected(expected);
    this.#offset = pattern.lastIndex;
    return match[0];
  }

  #unexpected(expected: string): GrammarError {
    const found = this.#text[this.#offset];
    return new GrammarError(this.#offset, found === undefined ? 'the end' : `"${found}"`, expected);
  }
}
