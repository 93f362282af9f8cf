/** What an operation wants of an object, in the graph's names: a tree per concrete type. Collected only where a selective connector needs it. */
import { createHash } from 'node:crypto';

export interface WantedField {
  /** Under which key a record carries the value: the name, or with arguments a name of its own. */
  readonly key: string;
  readonly name: string;
  /** What fills the slots of a selection: values in the reference engine, functions of the variables in plans. */
  readonly args: Readonly<Record<string, unknown>>;
  /** Of object fields: what is wanted of the object, per concrete graph type. */
  readonly below: ReadonlyMap<string, Wanted>;
}

/** Fields by their key. */
export type Wanted = Map<string, WantedField>;

export type WantedByType = ReadonlyMap<string, Wanted>;

export const NOTHING: WantedByType = new Map();

/**
 * A key that is equal exactly for equal names and arguments. With arguments it is no name of GraphQL's: what is made of values must not
 * become text of a document, so documents have aliases of their own for it.
 */
export function recordKey(name: string, args: Readonly<Record<string, unknown>>): string {
  let empty = true;
  for (const argument in args) {
    if (args[argument] !== undefined) empty = false;
  }
  if (empty) return name;
  const hash = createHash('sha256').update(JSON.stringify(args, sortKeys)).digest('hex').slice(0, 12);
  return `${name}#${hash}`;
}

/** Adds a field to what is wanted of one type; wants below are united. */
export function addWanted(wanted: Wanted, field: WantedField): void {
  const { key } = field;
  const present = wanted.get(key);
  if (present === undefined) {
    wanted.set(key, field);
    return;
  }
  const below = new Map(present.below);
  for (const [typeName, more] of field.below) {
    const united: Wanted = new Map(below.get(typeName));
    for (const inner of more.values()) addWanted(united, inner);
    below.set(typeName, united);
  }
  wanted.set(key, { ...present, below });
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
