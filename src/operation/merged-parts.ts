/** The parts of an answer put together (the proposal for `@defer` and `@stream`, 7: Response), to find out what it was that was answered. */
import type { FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import type { Part } from './parts.ts';

type Path = ReadonlyArray<string | number>;

export class MergedParts {
  /** A copy: parts belong to those who send them. */
  #data: unknown;
  readonly #errors: GraphQLFormattedError[] = [];
  readonly #paths = new Map<string, Path>();
  #isWhole = false;

  take(part: Part): void {
    if ('data' in part) {
      this.#data = structuredClone(part.data);
      this.#errors.push(...(part.errors ?? []));
    }
    for (const { id, path } of part.pending ?? []) this.#paths.set(id, path);
    if ('incremental' in part)
      for (const one of part.incremental ?? []) {
        this.#errors.push(...(one.errors ?? []));
        const target = this.#at([...(this.#paths.get(one.id) ?? []), ...(one.subPath ?? [])]);
        if ('items' in one && Array.isArray(target)) target.push(...structuredClone(one.items));
        else if ('data' in one && isObject(target)) merge(target, structuredClone(one.data));
      }
    // What could not be delivered was worked on, and nobody can see how much that was.
    const isLost = 'completed' in part && part.completed?.some(({ errors }) => errors !== undefined) === true;
    if (isLost) this.#data = undefined;
    this.#isWhole = !part.hasNext && this.#data !== undefined;
  }

  /** Undefined before the last part, and where something of it was not delivered. */
  get result(): FormattedExecutionResult | undefined {
    if (!this.#isWhole) return undefined;
    const errors = this.#errors.length === 0 ? {} : { errors: this.#errors };
    return { ...errors, data: this.#data as FormattedExecutionResult['data'] & object };
  }

  #at(path: Path): unknown {
    return path.reduce(
      (value, key) => (value as Readonly<Record<string | number, unknown>> | undefined)?.[key],
      this.#data,
    );
  }
}

/** Aliases may be called like what every object inherits. */
function merge(target: object, source: object): void {
  for (const [key, value] of Object.entries(source)) {
    const known: unknown = Object.getOwnPropertyDescriptor(target, key)?.value;
    if (isObject(known) && isObject(value)) merge(known, value);
    else Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
