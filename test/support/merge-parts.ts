/**
 * Puts the parts of an answer together as a client does, by the proposal for `@defer` and `@stream` (GraphQL, 7: Response), and
 * insists on everything that it promises: ids are announced before they are used, used until they are completed, and none is left open.
 */
import type { GraphQLBody } from './gateway.ts';

type Path = ReadonlyArray<string | number>;
type Errors = NonNullable<GraphQLBody['errors']>;

/** One payload as it was received. */
export interface ReceivedPart extends GraphQLBody {
  readonly pending?: ReadonlyArray<{ readonly id: string; readonly path: Path; readonly label?: string }>;
  readonly incremental?: ReadonlyArray<{
    readonly id: string;
    readonly data?: Record<string, unknown>;
    readonly items?: readonly unknown[];
    readonly subPath?: Path;
    readonly errors?: Errors;
  }>;
  readonly completed?: ReadonlyArray<{ readonly id: string; readonly errors?: Errors }>;
  readonly hasNext?: boolean;
}

export interface Merged {
  readonly data: unknown;
  readonly errors: Errors;
  readonly extensions: Record<string, unknown> | undefined;
  /** Where a fragment or list could not be delivered: its place, and the errors that say why. */
  readonly failed: ReadonlyArray<{ readonly path: Path; readonly errors: Errors }>;
}

/** @throws when the parts are not what the proposal allows */
export function mergeParts(parts: readonly ReceivedPart[]): Merged {
  const [first, ...later] = parts;
  if (first === undefined) throw new Error('no parts');
  const merger = new Merger(first.data);
  if (later.length === 0) {
    if (first.hasNext !== undefined || first.pending !== undefined)
      throw new Error('a single part says that it is not');
  } else if (!('data' in first)) throw new Error('the first part has no data');
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    if (parts.length > 1 && part.hasNext !== !isLast) throw new Error(`part ${index} says hasNext wrongly`);
    if (index > 0 && ('data' in part || 'errors' in part))
      throw new Error(`part ${index} has data or errors of its own`);
    merger.take(part);
  }
  return merger.end();
}

class Merger {
  #data: unknown;
  readonly #errors: Errors[number][] = [];
  readonly #failed: Array<Merged['failed'][number]> = [];
  readonly #open = new Map<string, Path>();
  readonly #used = new Set<string>();
  #extensions: Record<string, unknown> | undefined;

  constructor(data: unknown) {
    this.#data = structuredClone(data);
  }

  take({ pending = [], incremental = [], completed = [], errors = [], extensions }: ReceivedPart): void {
    this.#errors.push(...errors);
    if (extensions !== undefined) this.#extensions = { ...this.#extensions, ...extensions };
    for (const { id, path } of pending) {
      if (this.#used.has(id)) throw new Error(`the id ${id} is announced twice`);
      this.#used.add(id);
      this.#open.set(id, path);
    }
    for (const { id, data, items, subPath = [], errors: own = [] } of incremental) {
      this.#errors.push(...own);
      const target = this.#at([...this.#pathOf(id), ...subPath]);
      if (items !== undefined) {
        if (!Array.isArray(target)) throw new Error(`items for ${id}, but no list is there`);
        target.push(...structuredClone(items));
      } else if (data !== undefined) {
        if (typeof target !== 'object' || target === null || Array.isArray(target))
          throw new Error(`data for ${id}, but no object is there`);
        merge(target, structuredClone(data));
      } else throw new Error(`neither data nor items for ${id}`);
    }
    for (const { id, errors: own } of completed) {
      const path = this.#pathOf(id);
      this.#open.delete(id);
      if (own !== undefined) this.#failed.push({ path, errors: own });
    }
    // What is announced may come with the same part, so places are looked at when it is whole.
    for (const path of this.#open.values()) this.#at(path);
  }

  end(): Merged {
    if (this.#open.size > 0) throw new Error(`never completed: ${[...this.#open.keys()].join(', ')}`);
    return { data: this.#data, errors: this.#errors, extensions: this.#extensions, failed: this.#failed };
  }

  #pathOf(id: string): Path {
    const path = this.#open.get(id);
    if (path === undefined) throw new Error(`the id ${id} is not open`);
    return path;
  }

  #at(path: Path): unknown {
    let value = this.#data;
    for (const key of path) {
      const own =
        typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, key) : undefined;
      if (own === undefined) throw new Error(`nothing is at ${path.join('.')}`);
      value = own.value;
    }
    return value;
  }
}

/** Aliases may be called like what every object inherits. */
function merge(target: object, source: object): void {
  for (const [key, value] of Object.entries(source)) {
    const known = Object.getOwnPropertyDescriptor(target, key)?.value;
    if (typeof known === 'object' && known !== null && typeof value === 'object' && value !== null)
      merge(known, value);
    else Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  }
}
