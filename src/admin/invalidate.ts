/** What an operator says is out of date: `{ "type": "Station", "key": "7" }`, or a list of these. */

import { isCompositeType } from 'graphql';
import { z } from 'zod';
import type { OutOfDate } from '../cache/tags.ts';
import { Refusal } from '../doors/refusal.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import { withPossibleTypes } from '../graph/possible-types.ts';
import { ROOTS } from '../load/root-types.ts';
import { didYouMean } from '../problems.ts';

const scalar = z.union([z.string().max(1000), z.number()]);

const outOfDate = z.strictObject({
  type: z.string().max(256),
  /** Of an entity; all of the type without it. */
  key: z.union([scalar, z.record(z.string(), scalar)]).optional(),
});

const body = z.union([outOfDate, z.array(outOfDate).max(1000)]);

interface KnownType {
  /** The sets of fields that it is found by. */
  readonly keys: ReadonlyArray<readonly string[]>;
  /** It, and what may stand in its place. */
  readonly names: readonly string[];
}

/** Types of which answers are made, by the graph's name. */
export type KeysOfTypes = ReadonlyMap<string, KnownType>;

export function keysOfTypes({
  connectors,
  schema,
}: Pick<ComposedGraph, 'connectors' | 'schema'>): KeysOfTypes {
  const all = new Map<string, KnownType>();
  for (const { types } of connectors)
    for (const { name, type, keys } of types.values()) {
      if (!isCompositeType(type) || ROOTS.has(name) || name.startsWith('__')) continue;
      const { keys: earlier = [], names = withPossibleTypes(schema, name) } = all.get(name) ?? {};
      all.set(name, { keys: [...earlier, ...keys.map(({ paths }) => paths)], names });
    }
  return all;
}

/** Nothing of a list counts when anything of it is wrong. @throws {Refusal} BAD_REQUEST */
export function readOutOfDate(given: unknown, types: KeysOfTypes): readonly OutOfDate[] {
  const read = body.safeParse(given);
  if (!read.success) {
    throw new Refusal(
      'BAD_REQUEST',
      'The body says what is out of date: {"type": "Station", "key": "7"}, without "key" for all of the type, with an object for a key of several fields; or a list of these, at most 1000.',
    );
  }
  const all = [read.data].flat();
  const wrong = all.flatMap((one) => problemWith(one, types) ?? []);
  if (wrong.length > 0) throw new Refusal('BAD_REQUEST', [...new Set(wrong)].slice(0, 10).join(' '));
  return all.flatMap((one) => types.get(one.type)!.names.map((type) => ({ ...one, type })));
}

function problemWith({ type, key }: z.output<typeof outOfDate>, types: KeysOfTypes): string | undefined {
  const keys = types.get(type)?.keys;
  if (keys === undefined) {
    const hint = didYouMean(type, types.keys());
    return `The graph has no type "${type}" that answers are made of${hint === undefined ? '.' : `; ${hint}`}`;
  }
  if (key === undefined) return undefined;
  if (keys.length === 0) return `"${type}" has no key: only all of it can be out of date.`;
  const isOf = typeof key === 'object' ? Object.keys(key) : undefined;
  if (keys.some((paths) => (isOf === undefined ? paths.length === 1 : isSame(paths, isOf)))) return undefined;
  const expected = keys.map((paths) => paths.join(' and ')).join(', or ');
  return isOf === undefined
    ? `"${type}" is found by ${expected}: its key is an object of these.`
    : `"${type}" is found by ${expected}, not by ${isOf.join(' and ') || 'nothing'}.`;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name) => other.includes(name));
}
