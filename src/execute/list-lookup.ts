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
  const outcomes = await askUntilClear(keys, ask);
  if (problemWith === undefined || keys.length < 2 || !outcomes.every(wasNotSent)) return outcomes;
  const problems = keys.map(problemWith);
  const good = keys.filter((_, index) => problems[index] === undefined);
  if (good.length === keys.length) return outcomes;
  const rest = good.length === 0 ? [] : await askUntilClear(good, ask);
  let next = 0;
  return problems.map((problem) => problem ?? rest[next++]);
}

/** Once more, each alone, for what may be missing or have failed. */
async function askUntilClear<Key>(
  keys: readonly Key[],
  ask: (keys: readonly Key[]) => Promise<readonly Outcome[]>,
): Promise<readonly Outcome[]> {
  const outcomes = await ask(keys);
  if (!outcomes.includes(UNCLEAR)) return outcomes;
  return Promise.all(
    outcomes.map(async (outcome, index) => (outcome === UNCLEAR ? (await ask([keys[index]!]))[0] : outcome)),
  );
}

function wasNotSent(outcome: Outcome): boolean {
  return outcome instanceof UpstreamError && outcome.code === 'BAD_ARGUMENT';
}

/**
 * The record of each key, by what the record says of itself. One whose key cannot be read is nobody's; null where there is none. A failed
 * one says nothing: it is of a key that is missing, and where more are missing than failed, {@link askTogether} asks for these alone.
 *
 * @param keys as texts
 * @param textOf the same text of a record; may throw
 */
export function matchByKey(
  records: readonly unknown[],
  keys: readonly string[],
  textOf: (record: unknown) => string,
): readonly Outcome[] {
  const found = new Map<string, unknown>();
  const failed: Error[] = [];
  for (const record of records) {
    if (record === null || record === undefined) continue;
    if (record instanceof Error) {
      failed.push(record);
      continue;
    }
    try {
      found.set(textOf(record), record);
    } catch {
      // Nested so deep that it has no text.
    }
  }
  const missing = failed.length === 0 ? null : causeOf(failed, new Set(keys).difference(found).size);
  return keys.map((key) => found.get(key) ?? missing);
}

/** Stands for a record that may be missing or have failed. */
const UNCLEAR = Symbol('missing or failed');

function causeOf(failed: readonly Error[], missing: number): Error | typeof UNCLEAR {
  const [first] = failed;
  const isOne = failed.every((each) => codeOf(each) === codeOf(first!));
  return missing === 1 || (isOne && failed.length >= missing) ? first! : UNCLEAR;
}

function codeOf(error: Error): string | undefined {
  return error instanceof UpstreamError ? error.code : undefined;
}
