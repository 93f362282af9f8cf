/** What steps do: a call or lookup for all objects of a place at once, and objects taken out of records to be fetched for. */
import DataLoader from 'dataloader';
import { type GraphQLOutputType, getNamedType, isAbstractType, isListType, isNonNullType } from 'graphql';
import type { CompiledCall, Outcome, UnaryCall } from '../connectors/kind.ts';
import { HemError } from '../errors.ts';
import { type Arguments, NO_ARGUMENTS, type ToCallArguments } from '../execute/call-arguments.ts';
import { withLastGood } from '../execute/last-good.ts';
import { concrete, isUnset } from '../execute/resolve.ts';
import { MAX_BATCH, runUnary } from '../execute/unary-call.ts';
import type { ConnectorField, Lookup } from '../load/model.ts';
import type { Reader } from '../mapping/path.ts';
import type { Values } from '../mapping/values.ts';
import { invalid } from './complete.ts';
import type { ObjectsPlan, Step } from './plan.ts';
import { Cell, type Run } from './run.ts';
import { watched } from './watched.ts';

export type CellValue = (cell: Cell, run: Run) => unknown;

/** A compiled connector call with what it needs per run. */
export interface BackendCall {
  readonly field: ConnectorField;
  readonly call: CompiledCall;
  readonly select: Reader | undefined;
  readonly toArguments: ToCallArguments;
  /** Values of arguments inside the selection. */
  readonly slots: ReadonlyArray<(run: Run) => unknown>;
  /** Equal for equal selections. */
  readonly selectionId: string;
}

/** Runs a batch; failures of the whole become failures of each. */
function runBatch(
  { field, call, select, slots, selectionId }: BackendCall,
  batch: readonly Values[],
  run: Run,
): Promise<readonly Outcome[]> {
  const { caller } = run.execution;
  const contextOf = () => (slots.length === 0 ? caller : caller.withSlots(slots.map((slot) => slot(run))));
  const outcomes = runUnary(field, { call: call as UnaryCall, select }, batch, contextOf);
  if (field.staleMs === undefined) return outcomes;
  return outcomes.then((all) =>
    withLastGood(run.execution, { field, selectionId, batch, context: contextOf() }, all),
  );
}

/** A value of another backend that becomes an argument. */
export interface GivenValue {
  readonly name: string;
  readonly value: CellValue;
  /** As the argument's type reads it. @throws {UpstreamError} */
  readonly give: (value: unknown) => unknown;
}

/** A call per object, those that ask the same only once. */
export interface CallWork {
  readonly call: BackendCall;
  readonly slot: number;
  readonly args: (run: Run) => Arguments;
  readonly parent: ReadonlyArray<{ readonly name: string; readonly value: CellValue }>;
  readonly required: ReadonlyArray<GivenValue>;
  readonly below: ObjectsPlan | undefined;
  /** Lookups of the object whose keys are arguments of this call. */
  readonly ahead: readonly AskedAhead[];
  /** Under which name several steps of the plan share what they load; undefined for mutations, which are never asked once for two. */
  readonly sharedAs: (() => string | undefined) | undefined;
}

export function runCalls(work: CallWork, cells: readonly Cell[], run: Run): Promise<void> | undefined {
  const textOf =
    work.sharedAs === undefined ? undefined : (values: Values): string => textOfValues(work, values);
  const { asked: batch, waiting } = gather(cells, work.slot, valuesReader(work, run), textOf);
  if (batch.length === 0) return undefined;
  const shared = work.sharedAs?.();
  const load = (part: readonly Values[]) => runBatch(work.call, part, run);
  const loading =
    shared === undefined
      ? load(batch)
      : loadShared(run, shared, batch, {
          load,
          keyOf: ({ args, parent }) => JSON.stringify([args, parent]),
        });
  if (cells.length === 1) for (const ahead of work.ahead) askAhead(ahead, work.args(run), run);
  return loading.then((outcomes) => placeOutcomes(work, waiting, outcomes, run));
}

interface Gathered<Asked> {
  readonly asked: readonly Asked[];
  /** Per element of what is asked, who waits for it. */
  readonly waiting: ReadonlyArray<readonly Cell[]>;
}

/** What is asked for many objects; what stands in place of asking is put in their slots. @param textOf where equal ones are asked once */
function gather<Asked>(
  cells: readonly Cell[],
  slot: number,
  askedFor: (cell: Cell) => Asked | Error | null,
  textOf: ((asked: Asked) => string) | undefined,
): Gathered<Asked> {
  const asked: Asked[] = [];
  const waiting: Cell[][] = [];
  const compared = cells.length === 1 ? undefined : textOf;
  const known = compared && new Map<string, Cell[]>();
  for (const cell of cells) {
    const one = askedFor(cell);
    if (one === null || one instanceof Error) {
      cell.slots[slot] = one;
      continue;
    }
    const text = compared?.(one);
    const others = text === undefined ? undefined : known?.get(text);
    if (others !== undefined) {
      others.push(cell);
      continue;
    }
    const own = [cell];
    if (text !== undefined) known?.set(text, own);
    waiting.push(own);
    asked.push(one);
  }
  return { asked, waiting };
}

/** A lookup that is asked while the call that finds its object is under way. */
export interface AskedAhead {
  readonly work: LookupWork;
  readonly argumentsOf: (args: Arguments) => Arguments | undefined;
  /** The lookup's own. */
  readonly step: Step;
}

function askAhead({ work, argumentsOf, step }: AskedAhead, args: Arguments, run: Run): void {
  const known = argumentsOf(args);
  if (known === undefined) return;
  try {
    const [only, ...more] = work.keys;
    const key = more.length === 0 ? only!.give(known[only!.name]) : giveAll(work, known);
    const { trace } = run.execution;
    const load = () => loadRecords(work, [key], run);
    const loading = trace === undefined ? load() : trace.ahead(step, load);
    run.ahead.set(work, { text: work.textOf(key), loading });
  } catch {
    // What is wrong with the key is said where the lookup has its turn.
  }
}

function placeOutcomes(
  { call, slot, below }: CallWork,
  waiting: ReadonlyArray<readonly Cell[]>,
  outcomes: readonly unknown[],
  run: Run,
): Promise<void> | undefined {
  const found: Cell[] = [];
  for (let index = 0; index < waiting.length; index++) {
    const outcome = outcomes[index] ?? null;
    for (const cell of waiting[index]!)
      cell.slots[slot] = below === undefined ? outcome : toCells(outcome, call.field.type, below, found);
  }
  return fetchAll(found, run);
}

/** What the backend is asked with for one object, or what stands in place of the call: null, or a failure. */
function valuesReader(
  { call, args, parent, required }: CallWork,
  run: Run,
): (cell: Cell) => Values | Error | null {
  const { claims } = run.execution.caller;
  let common: Arguments | undefined;
  return (cell) => {
    const parentValues = readAll(parent, cell, run);
    if (parentValues === null || parentValues instanceof Error) return parentValues;
    try {
      if (required.length === 0) {
        common ??= call.toArguments(args(run), claims);
        return { args: common, parent: parentValues, claims };
      }
      const all: Record<string, unknown> = Object.assign(Object.create(null), args(run));
      for (const { name, value, give } of required) {
        const given = value(cell, run);
        if (given instanceof Error) return given;
        all[name] = give(given);
      }
      return { args: call.toArguments(all, claims), parent: parentValues, claims };
    } catch (error) {
      return toError(error);
    }
  };
}

/** All values by name; null when one is missing, or what failed in one. */
function readAll(
  sources: ReadonlyArray<{ readonly name: string; readonly value: CellValue }>,
  cell: Cell,
  run: Run,
): Arguments | Error | null {
  if (sources.length === 0) return NO_ARGUMENTS;
  const values: Record<string, unknown> = Object.create(null);
  for (const { name, value } of sources) {
    const given = value(cell, run);
    if (given === null || given === undefined) return null;
    if (given instanceof Error) return given;
    values[name] = given;
  }
  return values;
}

/** Equal for calls that ask the same within one step. */
function textOfValues({ parent, required }: CallWork, { args, parent: values }: Values): string {
  const only = parent.length === 1 && required.length === 0 ? values[parent[0]!.name] : undefined;
  return typeof only === 'string'
    ? `"${only}`
    : JSON.stringify([required.length === 0 ? null : args, values]);
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new HemError('INTERNAL', { cause: error });
}

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
  const loading = ahead?.text === textOf(keys[0]) ? ahead.loading : loadRecords(work, keys, run);
  return loading.then((records) => placeRecords(work, waiting, records));
}

function loadRecords(work: LookupWork, keys: readonly unknown[], run: Run): Promise<readonly unknown[]> {
  const shared = work.sharedAs();
  const load = (part: readonly unknown[]) => askInParts(work, part, run);
  return shared === undefined ? load(keys) : loadShared(run, shared, keys, { load, keyOf: work.textOf });
}

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
  const key: Record<string, unknown> = Object.create(null);
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
    if (isAbstract && record !== null && !(record instanceof Error))
      record = concrete(lookup.connector, type.name, record)?.record ?? record;
    for (const cell of waiting[index]!) cell.slots[slot] = record;
  }
}

/** What steps of one tick ask is one batch, and what was loaded is not asked for again. */
function loadShared<Asked>(
  { loaders }: Run,
  id: string,
  batch: readonly Asked[],
  { load, keyOf }: { load(part: readonly Asked[]): Promise<readonly unknown[]>; keyOf(asked: Asked): string },
): Promise<readonly unknown[]> {
  let loader = loaders.get(id) as DataLoader<Asked, unknown, string> | undefined;
  if (loader === undefined) {
    loader = new DataLoader<Asked, unknown, string>(async (part) => [...(await load(part))], {
      cacheKeyFn: keyOf,
    });
    loaders.set(id, loader);
  }
  const own = loader;
  return Promise.all(batch.map((asked) => own.load(asked).catch((error: unknown) => error)));
}

function askInParts(work: LookupWork, keys: readonly unknown[], run: Run): Promise<readonly unknown[]> {
  const ask = work.lookup.batched ? askByKeys : askEach;
  if (!work.lookup.batched || keys.length <= MAX_BATCH) return ask(work, keys, run);
  const parts: Array<Promise<readonly unknown[]>> = [];
  for (let start = 0; start < keys.length; start += MAX_BATCH)
    parts.push(ask(work, keys.slice(start, start + MAX_BATCH), run));
  return Promise.all(parts).then((answers) => answers.flat());
}

function askEach({ call, keys: [first, ...more] }: LookupWork, keys: readonly unknown[], run: Run) {
  const { claims } = run.execution.caller;
  try {
    const batch = keys.map((key): Values => {
      const args = more.length === 0 ? { [first!.name]: key } : (key as Arguments);
      return { args: call.toArguments(args, claims), parent: NO_ARGUMENTS, claims };
    });
    return runBatch(call, batch, run);
  } catch (error) {
    return Promise.resolve(keys.map(() => toError(error)));
  }
}

/** One call with a list of keys; answers are matched by the key they carry. Keys that differ in other arguments go apart. */
function askByKeys(work: LookupWork, keys: readonly unknown[], run: Run): Promise<readonly unknown[]> {
  const { name } = work.keys.find(({ list }) => list)!;
  if (work.keys.length === 1) return askList(work, { list: name, keys, others: NO_ARGUMENTS }, run);
  const groups = Map.groupBy((keys as readonly Arguments[]).entries(), ([, key]) =>
    JSON.stringify({ ...key, [name]: undefined }),
  );
  const results: unknown[] = new Array(keys.length).fill(null);
  const asking = [...groups.values()].map(async (members) => {
    const group = { list: name, keys: members.map(([, key]) => key[name]), others: members[0]![1] };
    const records = await askList(work, group, run);
    for (const [at, [index]] of members.entries()) results[index] = records[at];
  });
  return Promise.all(asking).then(() => results);
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
    args = call.toArguments(Object.assign(Object.create(null), others, { [list]: keys }), claims);
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
    const found = new Map<string, unknown>();
    for (const record of answer)
      if (record !== null && record !== undefined) found.set(textOf(read(record)), record);
    // Records have keys as the backend has them, and so have arguments on the wire.
    return (args[list] as readonly unknown[]).map((key) => found.get(textOf(key)) ?? null);
  });
}

/** Objects inside the records of a place that have to be fetched for. */
export interface ObjectsWork {
  readonly slot: number;
  readonly value: CellValue;
  readonly type: GraphQLOutputType;
  readonly below: ObjectsPlan;
}

export function runObjects(
  { slot, value, type, below }: ObjectsWork,
  cells: readonly Cell[],
  run: Run,
): Promise<void> | undefined {
  const found: Cell[] = [];
  for (const cell of cells) cell.slots[slot] = toCells(value(cell, run), type, below, found);
  return found.length === 0 ? undefined : fetchAll(found, run);
}

/** Turns the objects of a value into cells, keeping lists, nulls and errors as they are; the cells are added to `found`. */
export function toCells(raw: unknown, type: GraphQLOutputType, below: ObjectsPlan, found: Cell[]): unknown {
  if (raw === null || raw === undefined) return null;
  if (raw instanceof Error) return raw;
  if (isNonNullType(type)) return toCells(raw, type.ofType, below, found);
  if (isListType(type)) {
    if (!Array.isArray(raw)) return invalid(below.connector, `expected a list for ${type}`);
    return raw.map((item) => toCells(item, type.ofType, below, found));
  }
  if (typeof raw !== 'object' || Array.isArray(raw))
    return invalid(below.connector, `expected an object for ${type}`);
  let record: unknown = raw;
  let plan = below.single;
  if (plan === undefined) {
    if (isUnset(below.connector, below.graphType, raw)) return null;
    const which = concrete(below.connector, below.graphType, raw);
    if (which === undefined)
      return invalid(below.connector, `a record of ${below.graphType} does not say which type it is`);
    record = which.record;
    plan = below.byType.get(which.typeName);
  }
  const cell = new Cell(record, plan);
  if (plan !== undefined && !plan.pure) found.push(cell);
  return cell;
}

/** Fetches for cells of whatever plans. */
export function fetchAll(cells: readonly Cell[], run: Run): Promise<void> | undefined {
  const first = cells[0];
  if (first === undefined) return undefined;
  if (cells.length === 1 || cells.every(({ plan }) => plan === first.plan))
    return fetchObjects(first.plan!.steps, cells, run);
  const groups = Map.groupBy(cells, ({ plan }) => plan!);
  return whenAll([...groups].map(([plan, group]) => fetchObjects(plan.steps, group, run)));
}

/** Runs all steps of a place, each as soon as those it needs have ended. Undefined when nothing has to be waited for. */
export function fetchObjects(
  steps: readonly Step[],
  cells: readonly Cell[],
  run: Run,
): Promise<void> | undefined {
  const { trace } = run.execution;
  return runSteps(trace === undefined ? steps : watched(steps, trace), cells, run);
}

function runSteps(steps: readonly Step[], cells: readonly Cell[], run: Run): Promise<void> | undefined {
  if (steps.length === 1) return steps[0]!.run(cells, run);
  const ended: Array<Promise<void> | undefined> = [];
  for (const step of steps) {
    const needed = whenAll(step.after.map((index) => ended[index]));
    ended.push(needed === undefined ? step.run(cells, run) : needed.then(() => step.run(cells, run)));
  }
  return whenAll(ended);
}

function whenAll(work: ReadonlyArray<Promise<void> | undefined>): Promise<void> | undefined {
  const pending = work.filter((one) => one !== undefined);
  return pending.length < 2 ? pending[0] : (Promise.all(pending) as Promise<unknown> as Promise<void>);
}
