/** By which names kept answers are found out of date. */
import { canonical } from '../mapping/canonical.ts';

/** All of a type, or one entity by its key: a value, or an object of several. */
export interface OutOfDate {
  /** The graph's name. */
  readonly type: string;
  readonly key?: unknown;
}

/** Of an entity that an answer holds. */
export function tagOf(type: string, key: unknown): string {
  return `${type}:${canonical(inOrder(key))}`;
}

/** Of an entity that an answer holds, or could hold, without its key. */
export function tagOfUnknown(type: string): string {
  return `${type}:*`;
}

/** What is marked, so that everything that holds it is found. */
export function tagsOf({ type, key }: OutOfDate): readonly string[] {
  return key === undefined || key === null ? [type] : [tagOf(type, key), tagOfUnknown(type)];
}

function inOrder(key: unknown): unknown {
  if (typeof key !== 'object' || key === null) return String(key);
  const entries = Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 1 ? String(entries[0]![1]) : entries;
}
