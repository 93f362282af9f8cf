/**
 * An answer in parts against the same answer as one. Where nothing fails they are equal but for the order of keys. Where a null has to
 * propagate out of a fragment or list that comes later, it stops there, and this fails as a whole: the one answer has a null above or
 * below, and the parts lack the rest of the fragment.
 */
import type { FormattedExecutionResult } from 'graphql';
import type { Merged } from '../support/merge-parts.ts';

/** Undefined when they say the same; else what differs, in one line. */
export function partsDifference(merged: Merged, whole: FormattedExecutionResult): string | undefined {
  return (
    dataDifference(
      merged.data,
      whole.data,
      [],
      merged.failed.map(({ path }) => path),
    ) ??
    errorDifference(merged, whole) ??
    // What a null has taken away leaves no trace of its fallbacks in an answer as one.
    (whole.errors === undefined ? fallbackDifference(merged.extensions, whole.extensions) : undefined)
  );
}

type Path = ReadonlyArray<string | number>;

function dataDifference(
  parts: unknown,
  whole: unknown,
  path: Path,
  failed: readonly Path[],
): string | undefined {
  const failedHere = failed.some((one) => startsWith(path, one));
  if (whole === null && parts !== null)
    return failedHere || failed.some((one) => startsWith(one, path))
      ? undefined
      : `${path.join('.')}: ${show(parts)} in parts, null as one`;
  if (typeof parts !== 'object' || typeof whole !== 'object' || parts === null || whole === null)
    return parts === whole ? undefined : `${path.join('.')}: ${show(parts)} in parts, ${show(whole)} as one`;
  const [keys, others] = [Object.keys(parts).sort(), Object.keys(whole).sort()];
  const isComplete = failedHere
    ? keys.every((key) => others.includes(key))
    : keys.join(' ') === others.join(' ');
  if (Array.isArray(parts) !== Array.isArray(whole) || !isComplete)
    return `${path.join('.')}: keys ${keys.join(' ')} in parts, ${others.join(' ')} as one`;
  for (const key of keys) {
    const step = Array.isArray(parts) ? Number(key) : key;
    const inner = dataDifference(own(parts, key), own(whole, key), [...path, step], failed);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((key, index) => path[index] === key);
}

interface Located {
  readonly path?: Path | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

function errorDifference(merged: Merged, whole: FormattedExecutionResult): string | undefined {
  const inParts: readonly Located[] = [...merged.errors, ...merged.failed.flatMap(({ errors }) => errors)];
  const asOne: readonly Located[] = whole.errors ?? [];
  const has = (list: readonly Located[], error: Located) => list.some((one) => textOf(one) === textOf(error));
  const extra = inParts.find((error) => !has(asOne, error) && !isBelowNull(whole.data, error.path ?? []));
  if (extra !== undefined) return `only in parts: ${textOf(extra)}`;
  // Of the errors below one null only the first in time is told, so another one may be told in parts.
  const lost = asOne.find((error) => {
    if (has(inParts, error)) return false;
    const at = nullAbove(whole.data, error.path ?? []);
    return (
      at === undefined || !inParts.some(({ path = [] }) => at.every((key, index) => path[index] === key))
    );
  });
  return lost && `only as one: ${textOf(lost)}`;
}

function fallbackDifference(parts: Merged['extensions'], whole: Merged['extensions']): string | undefined {
  const [a, b] = [parts, whole].map((one) =>
    ((one?.fallbacks as unknown[] | undefined) ?? []).map((trace) => JSON.stringify(trace)).sort(),
  );
  const [inParts, asOne] = [new Set(a), new Set(b)];
  const difference = inParts.symmetricDifference(asOne);
  return difference.size === 0 ? undefined : `fallbacks: ${[...difference].join(', ')}`;
}

function isBelowNull(data: unknown, path: Path): boolean {
  return nullAbove(data, path) !== undefined;
}

/** The path of the null that took a position away; undefined when the position is there. */
function nullAbove(data: unknown, path: Path): Path | undefined {
  let value: unknown = data;
  for (const [index, key] of path.entries()) {
    if (value === null || value === undefined) return path.slice(0, index);
    value = own(value as object, String(key));
  }
  return undefined;
}

function own(object: object, key: string): unknown {
  return Object.getOwnPropertyDescriptor(object, key)?.value;
}

function textOf({ path, extensions }: Located): string {
  return JSON.stringify([path, extensions?.code, extensions?.connector]);
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
