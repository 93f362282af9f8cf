/** Steps that find records by keys: in one call where the connector offers it, ahead of their turn where the key is known. */
import { getNamedType, isAbstractType } from 'graphql';
import { bareObject } from '../bare-object.ts';
import type { UnaryCall } from '../connectors/kind.ts';
import { type ErrorCode, UpstreamError } from '../errors.ts';
import { type Arguments, NO_ARGUMENTS } from '../execute/call-arguments.ts';
import { askTogether, matchByKey } from '../execute/list-lookup.ts';
import { concrete } from '../execute/object-value.ts';
import { MAX_BATCH } from '../execute/unary-call.ts';
import type { Lookup } from '../load/model.ts';
import type { Reader } from '../mapping/path.ts';
import type { Values } from '../mapping/values.ts';
import {
  type BackendCall,
  type GivenValue,
  gather,
  loadShared,
  readAll,
  runBatch,
  runShared,
  toError,
} from './asking.ts';
import { invalid } from './complete.ts';
import type { Step } from './plan.ts';
import type { Cell, Run } from './run.ts';

export interface LookupWork {
  readonly lookup: Lookup;
  readonly call: BackendCall;
  readonly slot: number;
  readonly keys: ReadonlyArray<GivenValue & { readonly list: boolean }>;
  /** Equal for equal keys, whatever their wire form. */
  readonly textOf: (key: unknown) => string;
  /** Reads the key that a record carries, with its text; of batched lookups. */
  readonly recordKey: { readonly read: Reader; readonly textOf: (key: unknown) => string } | undefined;
  /** Several steps of the plan ask this lookup for the same selection: they share what is loaded. */
  readonly sharedAs: () => string | undefined;
}

/** Finds the records of many entities: one call where the connector offers it, else one per key. */
export function runLookups(work: LookupWork, cells: readonly Cell[], run: Run): Promise<void> | undefined {
  const { slot, textOf } = work;
  const { asked: keys, waiting } = gather(cells, slot, (cell) => keyOf(work, cell, run), textOf);
  if (keys.length === 0) return undefined;
  const ahead = keys.length === 1 ? run.ahead.get(work) : undefined;
  const place = (records: readonly unknown[]) => placeRecords(work, waiting, records);
  if (ahead?.text !== textOf(keys[0])) return loadRecords(work, keys, run).then(place);
  return ahead.loading.then((records) =>
    records[0] === UNSURE ? loadRecords(work, keys, run).then(place) : place(records),
  );
}

function loadRecords(work: LookupWork, keys: readonly unknown[], run: Run): Promise<readonly unknown[]> {
  const shared = work.sharedAs();
  if (!work.lookup.batched) return askEach(work, shared, keys, run);
  const load = (part: readonly unknown[]) => askInParts(work, part, run);
  return shared === undefined ? load(keys) : loadShared(run, shared, keys, { load, keyOf: work.textOf });
}

/** Stands for what was not found, or failed, together with keys that may be nobody's: it is asked for once more where it has its turn. */
const UNSURE = Symbol('asked together with others');

/** Of an object that may not be there, together with others like it. */
function loadAhead(work: LookupWork, key: unknown, run: Run): Promise<readonly unknown[]> {
  const shared = work.sharedAs();
  if (!work.lookup.batched || shared === undefined) return loadRecords(work, [key], run);
  const load = async (part: readonly unknown[]) => {
    const records = await askInParts(work, part, run);
    return part.length === 1 ? records : records.map((record) => (mayBeOfOthers(record) ? UNSURE : record));
  };
  return loadShared(run, `${shared} ahead`, [key], { load, keyOf: work.textOf });
}

/** Whether a backend may say so because of another key of the same call. One that is away, or busy, is so for all of them. */
function mayBeOfOthers(record: unknown): boolean {
  if (!(record instanceof Error)) return record === null || record === undefined;
  return !(record instanceof UpstreamError) || !OF_ALL.has(record.code);
}

const OF_ALL: ReadonlySet<string> = new Set([
  'UPSTREAM_TIMEOUT',
  'UPSTREAM_UNAVAILABLE',
  'UPSTREAM_CIRCUIT_OPEN',
  'UPSTREAM_LIMITED',
] satisfies ErrorCode[]);

/** The value of the only argument, or all of them by name; null when one is missing, or what failed in one. */
function keyOf(work: LookupWork, cell: Cell, run: Run): unknown {
  const only = work.keys.length === 1 ? work.keys[0] : undefined;
  try {
    if (only !== undefined) {
      const given = only.value(cell, run);
      return given === null || given === undefined || given instanceof Error
        ? (given ?? null)
        : only.give(given);
    }
    const values = readAll(work.keys, cell, run);
    return values === null || values instanceof Error ? values : giveAll(work, values);
  } catch (error) {
    return toError(error);
  }
}

/** @throws {UpstreamError} */
function giveAll({ keys }: LookupWork, values: Arguments): Arguments {
  const key = bareObject();
  for (const { name, give } of keys) key[name] = give(values[name]);
  return key;
}

function placeRecords(
  { lookup, slot }: LookupWork,
  waiting: ReadonlyArray<readonly Cell[]>,
  records: readonly unknown[],
): void {
  const type = getNamedType(lookup.field.type);
  const isAbstract = isAbstractType(type);
  for (let index = 0; index < waiting.length; index++) {
    let record = records[index] ?? null;
    if (typeof record !== 'object' || Array.isArray(record))
      record = invalid(lookup.connector, `${lookup.field.coordinate} answered no object`);
    else if (isAbstract && record !== null && !(record instanceof Error))
      record = concrete(lookup.connector, type.name, record)?.record ?? record;
    for (const cell of waiting[index]!) cell.slots[slot] = record;
  }
}

/** A lookup that is asked while the call that finds its object is under way. */
export interface AskedAhead {
  readonly work: LookupWork;
  readonly argumentsOf: (args: Arguments) => Arguments | undefined;
  /** The lookup's own. */
  readonly step: Step;
}

export function askAhead({ work, argumentsOf, step }: AskedAhead, args: Arguments, run: Run): void {
  const known = argumentsOf(args);
  if (known === undefined) return;
  try {
    const [only, ...more] = work.keys;
    const key = more.length === 0 ? only!.give(known[only!.name]) : giveAll(work, known);
    const text = work.textOf(key);
    const { trace } = run.execution;
    const load = () => loadAhead(work, key, run);
    const loading = trace === undefined ? load() : trace.ahead(step, load);
    run.ahead.set(work, { text, loading });
  } catch {
    // What is wrong with the key is said where the lookup has its turn.
  }
}

function askInParts(work: LookupWork, keys: readonly unknown[], run: Run): Promise<readonly unknown[]> {
  if (keys.length <= MAX_BATCH) return askByKeys(work, keys, run);
  const parts: Array<Promise<readonly unknown[]>> = [];
  for (let start = 0; start < keys.length; start += MAX_BATCH)
    parts.push(askByKeys(work, keys.slice(start, start + MAX_BATCH), run));
  return Promise.all(parts).then((answers) => answers.flat());
}

/** A call per key. Whoever calls the field by itself may ask the same. */
function askEach(
  { call, keys: [first, ...more] }: LookupWork,
  sharedAs: string | undefined,
  keys: readonly unknown[],
  run: Run,
): Promise<readonly unknown[]> {
  const { claims } = run.execution.caller;
  try {
    const batch = keys.map((key): Values => {
      const args = more.length === 0 ? argument(first!.name, key) : (key as Arguments);
      return { args: call.toArguments(args, claims), parent: NO_ARGUMENTS, claims };
    });
    return runShared(call, sharedAs, batch, run);
  } catch (error) {
    return Promise.resolve(keys.map(() => toError(error)));
  }
}

/** Not `{ [name]: value }`, for which V8 comes to leave compiled code, as it would for ticks (`cli/tick-shape.ts`): 1 µs each. */
function argument(name: string, value: unknown, others?: Arguments): Arguments {
  const args = bareObject();
  if (others !== undefined) Object.assign(args, others);
  args[name] = value;
  return args;
}

/** One call with a list of keys; answers are matched by the key they carry. Keys that differ in other arguments go apart. */
function askByKeys(work: LookupWork, keys: readonly unknown[], run: Run): Promise<readonly unknown[]> {
  const { name } = work.keys.find(({ list }) => list)!;
  const askFor = (some: readonly unknown[], others: Arguments) =>
    askTogether(
      some,
      (part) => askList(work, { list: name, keys: part, others }, run),
      problemsWithKeys(work, { list: name, others }, run),
    );
  if (work.keys.length === 1) return askFor(keys, NO_ARGUMENTS);
  const groups = Map.groupBy((keys as readonly Arguments[]).entries(), ([, key]) =>
    JSON.stringify({ ...key, [name]: undefined }),
  );
  const results: unknown[] = new Array(keys.length).fill(null);
  const asking = [...groups.values()].map(async (members) => {
    const some = members.map(([, key]) => key[name]);
    const records = await askFor(some, members[0]![1]);
    for (const [at, [index]] of members.entries()) results[index] = records[at];
  });
  return Promise.all(asking).then(() => results);
}

/** Of one key of a list. */
function problemsWithKeys(
  { call: { call, toArguments } }: LookupWork,
  { list, others }: Pick<KeyList, 'list' | 'others'>,
  run: Run,
): ((key: unknown) => UpstreamError | undefined) | undefined {
  const { problemWith } = call as UnaryCall;
  const { claims } = run.execution.caller;
  return (
    problemWith &&
    ((key) => {
      const args = toArguments(argument(list, [key], others), claims);
      return problemWith({ args, parent: NO_ARGUMENTS, claims });
    })
  );
}

interface KeyList {
  /** The argument that takes many. */
  readonly list: string;
  readonly keys: readonly unknown[];
  readonly others: Arguments;
}

function askList(
  { lookup, call, recordKey }: LookupWork,
  { list, keys, others }: KeyList,
  run: Run,
): Promise<readonly unknown[]> {
  const { claims } = run.execution.caller;
  const { read, textOf } = recordKey!;
  let args: Arguments;
  try {
    args = call.toArguments(argument(list, keys, others), claims);
  } catch (error) {
    const failure = toError(error);
    return Promise.resolve(keys.map(() => failure));
  }
  return runBatch(call, [{ args, parent: NO_ARGUMENTS, claims }], run).then(([answer]) => {
    if (answer instanceof Error) return keys.map(() => answer);
    if (answer === null || answer === undefined) return keys.map(() => null);
    if (!Array.isArray(answer)) {
      const failure = invalid(lookup.connector, `${lookup.field.coordinate} answered no list`);
      return keys.map(() => failure);
    }
    // Records have keys as the backend has them, and so have arguments on the wire.
    const texts = (args[list] as readonly unknown[]).map(textOf);
    return matchByKey(answer, texts, (record) => textOf(read(record)));
  });
}
