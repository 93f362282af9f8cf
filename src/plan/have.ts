/** Where the value of a field is once its steps have ended, and the functions that read it there. */
import { UpstreamError } from '../errors.ts';
import { orFallback } from '../execute/fallback.ts';
import { absent } from '../execute/resolve.ts';
import type { Origin } from '../graph/graph.ts';
import type { ConnectorField } from '../load/model.ts';
import { type Reader, toKeyReader } from '../mapping/path.ts';
import type { CellValue } from './asking.ts';
import { NotCompiled } from './plan.ts';
import type { FieldSource } from './project.ts';
import type { Cell, Run } from './run.ts';

/** A value that is in the object's own record, or in a slot. */
export interface Have {
  readonly field: ConnectorField;
  /** Steps that must have ended. */
  readonly after: readonly number[];
  /** From the record, or from what the slot holds. */
  readonly read: Reader;
  /** Set when `read` is simply this key. */
  readonly key: string | undefined;
  readonly slot: number | undefined;
  /** The slot holds the record of a lookup. */
  readonly routed: boolean;
}

/** @param pure whether the object is read from its bare record */
export function toFieldSource(have: Have, pure: boolean): FieldSource {
  const { read, slot, field } = have;
  const guard = fallbackGuard(field);
  if (slot === undefined) {
    if (guard === undefined)
      return { get: pure ? read : (cell) => read((cell as Cell).record), key: have.key };
    return {
      get: pure
        ? (record, run) => guard(read(record), run)
        : (cell, run) => guard(read((cell as Cell).record), run),
      key: undefined,
    };
  }
  const get = (cell: unknown) => readSlot(cell as Cell, slot, have);
  return { get: guard === undefined ? get : (cell, run) => guard(get(cell), run), key: undefined };
}

export function toCellValue(have: Have): CellValue {
  const { read, slot } = have;
  const guard = fallbackGuard(have.field);
  const get =
    slot === undefined ? (cell: Cell) => read(cell.record) : (cell: Cell) => readSlot(cell, slot, have);
  return guard === undefined ? get : (cell, run) => guard(get(cell), run);
}

/** The function that reads a field from a record of its connector. */
export function readerOf(
  field: ConnectorField,
  key: string,
  origin: Origin | undefined,
): { readonly read: Reader; readonly key: string | undefined } {
  // Entries of a stub are named like the type's fields, whatever these are called in records.
  if (origin?.only !== undefined) return byKey(field.name);
  if (key !== field.name) return byKey(key);
  if (field.source.via !== 'record') throw new NotCompiled(`${field.coordinate} is a call`);
  const { read, map } = field.source;
  if (map === undefined) return { read: guarded(field, read), key: undefined };
  const only = map.kind === 'path' && map.path.length === 1 ? map.path[0] : undefined;
  return only?.kind === 'key' ? byKey(only.name) : { read, key: undefined };
}

function byKey(name: string): { readonly read: Reader; readonly key: string | undefined } {
  const safe = !(name in Object.prototype) && name !== 'length';
  return { read: toKeyReader(name), key: safe ? name : undefined };
}

/** A function of mapping.ts may fail on a record. */
function guarded(field: ConnectorField, read: Reader): Reader {
  return (record) => {
    try {
      return read(record);
    } catch (cause) {
      return new UpstreamError('UPSTREAM_INVALID', field.owner.connector.name, {
        internal: `mapping of ${field.coordinate}: ${String(cause)}`,
        cause,
      });
    }
  };
}

function readSlot(cell: Cell, slot: number, { read, field, routed }: Have): unknown {
  const held = cell.slots[slot];
  if (held === null || held === undefined) return routed ? absent(field) : null;
  return held instanceof Error ? held : read(held);
}

/** Undefined where there is none. */
function fallbackGuard(field: ConnectorField): ((value: unknown, run: Run) => unknown) | undefined {
  return field.fallback === undefined
    ? undefined
    : (value, { execution }) => orFallback(execution, field, value);
}
