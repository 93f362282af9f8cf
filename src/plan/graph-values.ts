/** Values of a graph's fields on their way into calls: in the graph's terms, as plain records and lists, along the structure of a path. */
import { type GraphQLOutputType, isCompositeType, isEnumType, isListType, isNonNullType } from 'graphql';
import { fromWire } from '../execute/wire.ts';
import type { ConnectorField } from '../load/model.ts';
import type { PathStep, Reader } from '../mapping/path.ts';
import { invalid } from './complete.ts';
import { Cell } from './run.ts';

export function onValue(value: unknown, read: Reader): unknown {
  return value instanceof Error || value === null || value === undefined ? value : read(value);
}

/** Reads raw values of a field as its type has them: what is no list or object where one should be is an error in its place. */
export function inGraphTerms({ type, owner }: ConnectorField): (raw: unknown) => unknown {
  const { connector } = owner;
  const read = (raw: unknown, at: GraphQLOutputType): unknown => {
    if (raw === null || raw === undefined || raw instanceof Error) return raw ?? null;
    if (isNonNullType(at)) return read(raw, at.ofType);
    if (isListType(at))
      return Array.isArray(raw)
        ? raw.map((item) => read(item, at.ofType))
        : invalid(connector, `no list for ${at}`);
    if (isCompositeType(at))
      return typeof raw === 'object' && !Array.isArray(raw) ? raw : invalid(connector, `no object for ${at}`);
    return isEnumType(at) ? fromWire(connector, at.name, raw) : raw;
  };
  return (raw) => read(raw, type);
}

/** A value as it goes into a call, or what failed in it. */
export function plainValue(value: unknown): unknown {
  if (!Array.isArray(value)) return value instanceof Cell ? value.record : value;
  const plain = value.map(plainValue);
  return plain.find((item) => item instanceof Error) ?? plain;
}

/** Follows `[]` and `[n]` down to the objects. */
export function alongStructure(
  value: unknown,
  structure: readonly PathStep[],
  one: (held: unknown) => unknown,
): unknown {
  const [first, ...rest] = structure;
  if (value instanceof Error) return value;
  if (first === undefined)
    return Array.isArray(value) ? value.map((item) => alongStructure(item, [], one)) : one(value);
  if (!Array.isArray(value)) return null;
  if (first.kind === 'index') return alongStructure(value[first.index] ?? null, rest, one);
  return value.map((item) => alongStructure(item, rest, one));
}
