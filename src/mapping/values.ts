/**
 * What templates and literals may speak of, for one backend call: `{name}` / `$name` is an argument of the field,
 * `{parent.x}` / `$parent.x` a field of the object that the field belongs to, `{claims.x}` / `$claims.x` a claim of the caller. A claim
 * that the caller has not is an error: without it the backend would be asked for everybody's. `{claims.x?}` may be absent.
 */
import { HemError } from '../errors.ts';
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
  /** A claim that may be absent. */
  readonly optional: boolean;
  /** Where it stands within the template or literal. */
  readonly offset: number;
}

/** @throws {GrammarError} */
export function parseReference(written: string, offset: number): Reference {
  const optional = written.endsWith('?');
  const text = optional ? written.slice(0, -1) : written;
  const path = shiftErrors(offset, () => parsePath(text));
  const first = path[0];
  if (first?.kind !== 'key') throw new GrammarError(offset, `"${text}"`, 'a name');
  const source = first.name === 'parent' || first.name === 'claims' ? first.name : 'args';
  if (optional && source !== 'claims')
    throw new GrammarError(offset + text.length, '"?"', 'a claim before it: only claims are marked so');
  if (source === 'args') return { source, path, text, optional, offset };
  if (path[1]?.kind !== 'key') throw new GrammarError(offset, `"${text}"`, `"${source}." and a name`);
  return { source, path: path.slice(1), text, optional, offset };
}

/** @returns a function that throws {HemError} UNAUTHENTICATED when a claim is absent that may not be */
export function toValueOf(reference: Reference): ValueOf {
  const read = toPathReader(reference.path);
  const { source, optional } = reference;
  if (source !== 'claims' || optional) return (values) => read(values[source]);
  return ({ claims }) => {
    const value = read(claims);
    if (value === undefined || value === null) throw withoutClaim(rootOf(reference));
    return value;
  };
}

export function withoutClaim(name: string): HemError {
  return new HemError('UNAUTHENTICATED', {
    publicText: `This needs the claim "${name}" of a user, and nothing that was sent has it: send a token with it.`,
  });
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
