/**
 * The design's rule: data deep-equal including the order of keys; errors as a set of (indexed path, code, connector), below a
 * null-propagated ancestor at least one on each side.
 */
import type { FormattedExecutionResult } from 'graphql';
import { MAX_TOLD } from '../../src/execute/told-errors.ts';

/** Undefined when the answers are alike; else what differs, in one line. */
export function differenceOf(
  left: readonly FormattedExecutionResult[],
  right: readonly FormattedExecutionResult[],
): string | undefined {
  if (left.length !== right.length) return `${left.length} and ${right.length} results`;
  for (const [index, one] of left.entries()) {
    const difference =
      dataDifference(one.data, right[index]!.data) ??
      errorDifference(one, right[index]!) ??
      traceDifference(one, right[index]!);
    if (difference !== undefined) return left.length === 1 ? difference : `result ${index}: ${difference}`;
  }
  return undefined;
}

export function dataDifference(left: unknown, right: unknown, path = 'data'): string | undefined {
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null)
    return left === right ? undefined : `${path}: ${show(left)} and ${show(right)}`;
  if (Array.isArray(left) !== Array.isArray(right)) return `${path}: ${show(left)} and ${show(right)}`;
  const [leftKeys, rightKeys] = [Object.keys(left), Object.keys(right)];
  if (leftKeys.join(' ') !== rightKeys.join(' '))
    return `${path}: keys ${leftKeys.join(' ')} and ${rightKeys.join(' ')}`;
  for (const key of leftKeys) {
    const inner = dataDifference(own(left, key), own(right, key), `${path}.${key}`);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function errorDifference(
  left: FormattedExecutionResult,
  right: FormattedExecutionResult,
): string | undefined {
  const [leftErrors, rightErrors] = [errorsOf(left), errorsOf(right)];
  const twice = saidTwice(leftErrors, 'the first') ?? saidTwice(rightErrors, 'the second');
  // Of more than are told each engine tells of those that it met first, and how many there are.
  const all = Math.max(leftErrors.length, rightErrors.length);
  if (all > MAX_TOLD)
    return leftErrors.length === rightErrors.length
      ? twice
      : `${leftErrors.length} and ${rightErrors.length} errors`;
  return (
    twice ?? missing(leftErrors, rightErrors, 'the second') ?? missing(rightErrors, leftErrors, 'the first')
  );
}

/** One null has one error. */
function saidTwice(errors: readonly Placed[], name: string): string | undefined {
  const seen = new Set<string>();
  const again = errors.find(({ text, isPlaced }) => isPlaced && seen.size === seen.add(text).size);
  return again && `${name} says twice ${again.text}`;
}

/** Every use of a fallback leaves a trace. Beside errors there may be traces of what was of no use in the end. */
function traceDifference(
  left: FormattedExecutionResult,
  right: FormattedExecutionResult,
): string | undefined {
  if (left.errors !== undefined) return undefined;
  const [leftTraces, rightTraces] = [left, right].map(({ extensions }) => {
    const traces = (extensions?.fallbacks ?? []) as readonly object[];
    return [...new Set(traces.map((trace) => JSON.stringify(trace)))].sort().join(' ');
  });
  return leftTraces === rightTraces ? undefined : `fallbacks ${leftTraces} and ${rightTraces}`;
}

interface Placed {
  /** Where the null is that the error explains. */
  readonly at: string;
  /** Whether the null is above the field that failed. */
  readonly propagated: boolean;
  /** Errors of a whole request have no path. */
  readonly isPlaced: boolean;
  readonly text: string;
}

function missing(from: readonly Placed[], others: readonly Placed[], name: string): string | undefined {
  const lost = from.find(
    (error) =>
      !others.some(
        ({ text, at }) =>
          text === error.text || (at === error.at && isOfPropagation(at, [...from, ...others])),
      ),
  );
  return lost && `${name} lacks the error ${lost.text}`;
}

function isOfPropagation(at: string, errors: readonly Placed[]): boolean {
  return errors.some((error) => error.at === at && error.propagated);
}

function errorsOf({ data, errors }: FormattedExecutionResult): readonly Placed[] {
  return (errors ?? []).map(({ path = [], extensions = {} }) => {
    const length = nullAlong(data, path);
    return {
      at: JSON.stringify(path.slice(0, length)),
      propagated: length < path.length,
      isPlaced: path.length > 0,
      text: JSON.stringify([path, extensions.code, extensions.connector]),
    };
  });
}

/** How many steps of a path lead to its null. */
function nullAlong(data: unknown, path: readonly (string | number)[]): number {
  let value: unknown = data;
  for (const [index, step] of path.entries()) {
    if (value === null || value === undefined || typeof value !== 'object') return index;
    value = own(value, step);
  }
  return path.length;
}

function own(object: object, key: string | number): unknown {
  return Object.getOwnPropertyDescriptor(object, key)?.value;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
