/** Puts records right that had to be asked for under other names than they are read by. Records are changed in place. */

export interface RecordFix {
  readonly moves: ReadonlyArray<{ readonly from: string; readonly to: string }>;
  readonly children: ReadonlyArray<{ readonly key: string; readonly fix: RecordFix }>;
  /** The backend's type names to the connector's. */
  readonly typeNames: ReadonlyMap<string, string> | undefined;
}

type Data = Record<string, unknown>;

export function fixRecord(value: unknown, fix: RecordFix): void {
  if (typeof value !== 'object' || value === null || value instanceof Error) return;
  if (Array.isArray(value)) {
    for (const item of value) fixRecord(item, fix);
    return;
  }
  const record = value as Data;
  for (const { key, fix: childFix } of fix.children) {
    if (Object.hasOwn(record, key)) fixRecord(record[key], childFix);
  }
  for (const { from, to } of fix.moves) {
    if (Object.hasOwn(record, from)) setOwn(record, to, merge(own(record, to), record[from]));
  }
  if (fix.typeNames !== undefined && typeof record.__typename === 'string') {
    record.__typename = fix.typeNames.get(record.__typename) ?? record.__typename;
  }
}

/** One object asked for in two places arrives as two: both are of the same shape as far as lists and nulls go. */
function merge(first: unknown, second: unknown): unknown {
  if (!isData(first) || !isData(second)) return first === undefined ? second : (second ?? first);
  if (Array.isArray(first) && Array.isArray(second))
    return first.map((item, index) => merge(item, second[index]));
  for (const [key, value] of Object.entries(second))
    setOwn(first as Data, key, merge(own(first as Data, key), value));
  return first;
}

function isData(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Error);
}

function own(record: Data, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** An assignment to `__proto__` would not set data. */
export function setOwn(record: Data, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    record[key] = value;
  }
}
