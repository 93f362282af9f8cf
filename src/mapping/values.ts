/**
 * What templates and literals may speak of, for one backend call: `{name}` / `$name` is an argument of the field,
 * `{parent.x}` / `$parent.x` a field of the object that the field belongs to, `{claims.x}` / `$claims.x` a claim of the caller.
 */
import { formatPath, GrammarError, type Path, parsePath, toPathReader } from './path.ts';

export interface Values {
  readonly args: Readonly<Record<string, unknown>>;
  readonly parent: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A compiled reference, template or literal. `undefined` means absent. */
export type ValueOf = (values: Values) => unknown;

export interface Reference {
  readonly source: keyof Values;
  /** Below the source; at least one step, the first always a key. */
  readonly path: Path;
  /** As written, for messages. */
  readonly text: string;
  /** Where it stands within the template or literal. */
  readonly offset: number;
}

/** @throws {GrammarError} */
export function parseReference(text: string, offset: number): Reference {
  const path = shiftErrors(offset, () => parsePath(text));
  const first = path[0];
  if (first?.kind !== 'key') throw new GrammarError(offset, `"${text}"`, 'a name');
  if (first.name !== 'parent' && first.name !== 'claims') return { source: 'args', path, text, offset };
  if (path[1]?.kind !== 'key') throw new GrammarError(offset, `"${text}"`, `"${first.name}." and a name`);
  return { source: first.name, path: path.slice(1), text, offset };
}

export function toValueOf(reference: Reference): ValueOf {
  const read = toPathReader(reference.path);
  const { source } = reference;
  return (values) => read(values[source]);
}

/** The first key of a reference: the argument, parent field or claim it begins with. */
export function rootOf(reference: Reference): string {
  const first = reference.path[0];
  return first?.kind === 'key' ? first.name : formatPath(reference.path);
}

/** Runs a parser on a part of a text and moves its errors to where the part stands. */
export function shiftErrors<T>(offset: number, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof GrammarError)
      throw new GrammarError(error.offset + offset, error.found, error.expected);
    throw error;
  }
}
