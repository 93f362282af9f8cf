/** Lookups of many keys in one call: what is asked for, and which record is whose. */
import type { Outcome } from '../connectors/kind.ts';
import { UpstreamError } from '../errors.ts';

/**
 * Asks for all keys at once. One that cannot be sent, such as a text with a comma where commas are between keys, fails alone: nothing has
 * left for the backend then, and it is asked for the others.
 *
 * @param ask gives an outcome for each key, in order
 * @param problemWith says of one key whether it can be sent; undefined where that cannot be said
 */
export async function askTogether<Key>(
  keys: readonly Key[],
  ask: (keys: readonly Key[]) => Promise<readonly Outcome[]>,
  problemWith: ((key: Key) => UpstreamError | undefined) | undefined,
): Promise<readonly Outcome[]> {
  const outcomes = await ask(keys);
  if (problemWith === undefined || keys.length < 2 || !outcomes.every(wasNotSent)) return outcomes;
  const problems = keys.map(problemWith);
  const good = keys.filter((_, index) => problems[index] === undefined);
  if (good.length === keys.length) return outcomes;
  const rest = good.length === 0 ? [] : await ask(good);
  let next = 0;
  return problems.map((problem) => problem ?? rest[next++]);
}

function wasNotSent(outcome: Outcome): boolean {
  return outcome instanceof UpstreamError && outcome.code === 'BAD_ARGUMENT';
}

/**
 * Records by the texts of their keys. One whose key cannot be read is nobody's. A failed one has no key, and may be any of those that
 * are missing: then these are no longer known not to be there.
 * @param textOf may throw
 */
export function byKey(
  records: readonly unknown[],
  textOf: (record: unknown) => string,
): (key: string) => unknown {
  const found = new Map<string, unknown>();
  let missing: Outcome = null;
  for (const record of records) {
    if (record === null || record === undefined) continue;
    if (record instanceof Error) {
      missing ??= record;
      continue;
    }
    try {
      found.set(textOf(record), record);
    } catch {
      // Nested so deep that it has no text.
    }
  }
  return (key) => found.get(key) ?? missing;
}
