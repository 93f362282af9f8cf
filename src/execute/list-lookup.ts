/** Lookups of many keys in one call: what is asked for, and which record is whose. */
import type { Outcome } from '../connectors/kind.ts';
import { UpstreamError } from '../errors.ts';

/**
 * Asks for all keys at once. A key that cannot be sent, such as one with a comma where commas are between keys, fails alone: nothing has
 * left for the backend then, and each half of the keys is asked for by itself.
 *
 * @param ask gives an outcome for each key, in order
 */
export async function askSplitting<Key>(
  keys: readonly Key[],
  ask: (keys: readonly Key[]) => Promise<readonly Outcome[]>,
): Promise<readonly Outcome[]> {
  const outcomes = await ask(keys);
  if (keys.length < 2 || !outcomes.every(wasNotSent)) return outcomes;
  const middle = keys.length >> 1;
  const halves = [keys.slice(0, middle), keys.slice(middle)];
  return (await Promise.all(halves.map((half) => askSplitting(half, ask)))).flat();
}

function wasNotSent(outcome: Outcome): boolean {
  return outcome instanceof UpstreamError && outcome.code === 'BAD_ARGUMENT';
}

/**
 * Records by the texts of their keys. One whose key cannot be read is nobody's.
 * @param textOf may throw
 */
export function byKey(
  records: readonly unknown[],
  textOf: (record: unknown) => string,
): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>();
  for (const record of records) {
    if (record === null || record === undefined) continue;
    try {
      found.set(textOf(record), record);
    } catch {
      // Nested so deep that it has no text.
    }
  }
  return found;
}
