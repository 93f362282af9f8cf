/** Lists of keys in one call, where one of them may be what the backend cannot be asked with. */
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
