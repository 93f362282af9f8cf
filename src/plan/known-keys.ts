/**
 * Keys that are known before the object is. Who looks a station up by its id can ask other connectors about that id at the same time
 * instead of one after the other. What was asked ahead counts only if the record that comes back has that very key.
 */

import { bareObject } from '../bare-object.ts';
import type { Arguments } from '../execute/call-arguments.ts';
import type { ConnectorField, Lookup } from '../load/model.ts';
import type { ValueMap } from '../mapping/path.ts';

export interface KnownKeys {
  /** Which argument of the call is which key field of the object. */
  readonly byField: ReadonlyMap<string, string>;
}

/** Of the object that a call finds; undefined when the call is no lookup of one. */
export function keysKnownBy(field: ConnectorField): KnownKeys | undefined {
  const lookup = field.owner.connector.lookups.find((one) => one.field === field && !one.batched);
  if (lookup === undefined) return undefined;
  const pairs = lookup.arguments.flatMap(({ name, map }) => {
    const key = fieldOf(map);
    return key === undefined ? [] : [[key, name] as const];
  });
  return pairs.length === 0 ? undefined : { byField: new Map(pairs) };
}

/**
 * Arguments of another lookup of the same object, from those of the call that finds it; undefined when they are not all known.
 * The result gives undefined where one is absent.
 */
export function aheadArguments(
  lookup: Lookup,
  { byField }: KnownKeys,
): ((args: Arguments) => Arguments | undefined) | undefined {
  // What stands in for a failure is told to callers, and this may turn out to be nobody's.
  if (lookup.field.staleMs !== undefined) return undefined;
  const sources = lookup.arguments.map(({ name, map }) => ({ name, from: byField.get(fieldOf(map) ?? '') }));
  if (sources.some(({ from }) => from === undefined)) return undefined;
  return (args) => {
    const values = bareObject();
    for (const { name, from } of sources) {
      const value = args[from!];
      if (value === undefined || value === null) return undefined;
      values[name] = value;
    }
    return values;
  };
}

/** The field that a map is, when it is nothing but a field. */
function fieldOf(map: ValueMap): string | undefined {
  const [only, ...rest] = map.kind === 'path' ? map.path : [];
  return only?.kind === 'key' && rest.length === 0 ? only.name : undefined;
}
