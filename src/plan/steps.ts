/** What steps do: a call or lookup for all objects of a place at once, and objects taken out of records to be fetched for. */
import DataLoader from 'dataloader';
import { type GraphQLOutputType, getNamedType, isAbstractType, isListType, isNonNullType } from 'graphql';
import type { CompiledCall, Outcome, UnaryCall } from '../connectors/kind.ts';
import { HemError } from '../errors.ts';
import { canonical } from '../execute/calls.ts';
import { argumentsOf, concrete, isUnset } from '../execute/resolve.ts';
import { MAX_BATCH, runUnary } from '../execute/unary-call.ts';
import type { ConnectorField, Lookup } from '../load/model.ts';
import type { Reader } from '../mapping/path.ts';
import type { Values } from '../mapping/values.ts';
import { invalid } from './complete.ts';
import type { ObjectsPlan, Step } from './plan.ts';
import { Cell, callContextOf, type Run } from './run.ts';

type Arguments = Readonly<Record<string, unknown>>;
export type CellValue = (cell: Cell, run: Run) => unknown;

/** A compiled connector call with what it needs per run. */
export interface BackendCall {
  readonly field: ConnectorField;
  readonly call: CompiledCall;
  readonly select: Reader | undefined;
  /** Values of arguments inside the selection. */
  readonly slots: ReadonlyArray<(run: Run) => unknown>;
}

/** Runs a batch; failures of the whole become failures of each. */
export function runBatch(
  { field, call, select, slots }: BackendCall,
  batch: readonly Values[],
  run: Run,
): Promise<readonly Outcome[]> {
  return runUnary(field, { call: call as UnaryCall, select }, batch, () =>
    callContextOf(run, slots.length === 0 ? slots : slots.map((slot) => slot(run))),
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
  /** Under which name several steps of the plan share what they load; undefined for mutations, which are never asked once for two. */
  readonly sharedAs: (() => string | undefined) | undefined;
}

export async function runCalls(work: CallWork, cells: readonly Cell[], run: Run): Promise<void> {
  const { field } = work.call;
  const { claims } = run.execution.caller;
  const batch: Values[] = [];
  /** Per element of the batch, who waits for it. */
  const waiting: Cell[][] = [];
  const known = new Map<string, number>();
  let common: Arguments | undefined;
  for (const cell of cells) {
    const parent: Record<string, unknown> = Object.create(null);
    const problem = fill(parent, work.parent, cell, run);
    if (problem !== undefined) {
      cell.slots[work.slot] = problem.value;
      continue;
    }
    let args: Arguments;
    try {
      if (work.required.length === 0) {
        common ??= argumentsOf(run.execution, field, work.args(run), {});
        args = common;
      } else {
        const required: Record<string, unknown> = Object.create(null);
        for (const { name, value, give } of work.required) {
          const given = value(cell, run);
          if (given instanceof Error) throw given;
          required[name] = give(given);
        }
        args = argumentsOf(run.execution, field, work.args(run), required);
      }
    } catch (error) {
      cell.slots[work.slot] = error instanceof Error ? error : new HemError('INTERNAL', { cause: error });
      continue;
    }
    const values: Values = { args, parent, claims };
    const id =
      cells.length === 1 || work.sharedAs === undefined
        ? undefined
        : JSON.stringify([work.required.length === 0 ? null : args, parent]);
    const at = id === undefined ? undefined : known.get(id);
    if (at !== undefined) {
      waiting[at]!.push(cell);
      continue;
    }
    if (id !== undefined) known.set(id, batch.length);
    batch.push(values);
    waiting.push([cell]);
  }
  if (batch.length === 0) return;
  const shared = work.sharedAs?.();
  const load = (part: readonly Values[]) => runBatch(work.call, part, run);
  const outcomes = await (shared === undefined
    ? load(batch)
    : loadShared(run, shared, batch, { load, keyOf: ({ args, parent }) => JSON.stringify([args, parent]) }));
  const below: Cell[] = [];
  for (const [index, asking] of waiting.entries()) {
    const outcome = outcomes[index] ?? null;
    for (const cell of asking)
      cell.slots[work.slot] =
        work.below === undefined ? outcome : toCells(outcome, field.type, work.below, below);
  }
  await fetchAll(below, run);
}

/** Undefined when all values are there; else what stands in place of the call. */
function fill(
  target: Record<string, unknown>,
  sources: ReadonlyArray<{ readonly name: string; readonly value: CellValue }>,
  cell: Cell,
  run: Run,
): { readonly value: unknown } | undefined {
  for (const { name, value } of sources) {
    const given = value(cell, run);
    if (given === null || given === undefined || given instanceof Error) return { value: given ?? null };
    target[name] = given;
  }
  return undefined;
}

/** Undefined when all values are what their arguments take; else what stands in place of the call. */
function give(
  target: Record<string, unknown>,
  given: readonly GivenValue[],
): { readonly value: Error } | undefined {
  try {
    for (const { name, give } of given) target[name] = give(target[name]);
    return undefined;
  } catch (error) {
    return { value: error instanceof Error ? error : new HemError('INTERNAL', { cause: error }) };
  }
}

export interface LookupWork {
  /** Reads the key that a record carries; of batched lookups. */
  readonly keyOf: Reader | undefined;
  readonly lookup: Lookup;
  readonly call: BackendCall;
  readonly slot: number;
  readonly keys: ReadonlyArray<GivenValue & { readonly list: boolean }>;
  /** Several steps of the plan ask this lookup for the same selection: they share what is loaded. */
  readonly sharedAs: () => string | undefined;
}

/** Finds the records of many entities: one call where the connector offers it, else one per key. */
export async function runLookups(work: LookupWork, cells: readonly Cell[], run: Run): Promise<void> {
  const { lookup, slot } = work;
  const { claims } = run.execution.caller;
  const asked = new Map<string, { readonly values: Values; readonly cells: Cell[] }>();
  for (const cell of cells) {
    const args: Record<string, unknown> = Object.create(null);
    const missing = fill(args, work.keys, cell, run) ?? give(args, work.keys);
    if (missing !== undefined) {
      cell.slots[slot] = missing.value;
      continue;
    }
    const id = canonical(work.keys.length === 1 ? args[work.keys[0]!.name] : args);
    const known = asked.get(id);
    if (known !== undefined) known.cells.push(cell);
    else {
      try {
        const values = { args: argumentsOf(run.execution, lookup.field, args, {}), parent: {}, claims };
        asked.set(id, { values, cells: [cell] });
      } catch (error) {
        // A claim that the lookup needs is not there.
        cell.slots[slot] = error instanceof Error ? error : new HemError('INTERNAL', { cause: error });
      }
    }
  }
  if (asked.size === 0) return;
  const elements = [...asked.values()];
  const shared = work.sharedAs();
  const load = (part: readonly Values[]) => askInParts(work, part, run);
  const batch = elements.map(({ values }) => values);
  const found = await (shared === undefined
    ? load(batch)
    : loadShared(run, shared, batch, { load, keyOf: ({ args }) => canonical(args) }));
  const type = getNamedType(lookup.field.type);
  const isAbstract = isAbstractType(type);
  for (const [index, { cells: asking }] of elements.entries()) {
    let record = found[index] ?? null;
    if (isAbstract && record !== null && !(record instanceof Error))
      record = concrete(lookup.connector, type.name, record)?.record ?? record;
    for (const cell of asking) cell.slots[slot] = record;
  }
}

/** What steps of one tick ask is one batch, and what was loaded is not asked for again. */
function loadShared(
  { execution }: Run,
  id: string,
  batch: readonly Values[],
  {
    load,
    keyOf,
  }: { load(part: readonly Values[]): Promise<readonly unknown[]>; keyOf(values: Values): string },
): Promise<readonly unknown[]> {
  const bySelection = execution.loaders.get(id) ?? new Map<string, DataLoader<Values, unknown, string>>();
  execution.loaders.set(id, bySelection);
  const loader =
    bySelection.get(id) ??
    new DataLoader<Values, unknown, string>(async (part) => [...(await load(part))], {
      cacheKeyFn: keyOf,
    });
  bySelection.set(id, loader);
  return Promise.all(batch.map((values) => loader.load(values).catch((error: unknown) => error)));
}

async function askInParts(work: LookupWork, batch: readonly Values[], run: Run): Promise<readonly unknown[]> {
  const ask = (part: readonly Values[]) =>
    work.lookup.batched ? askByKeys(work, part, run) : runBatch(work.call, part, run);
  if (!work.lookup.batched || batch.length <= MAX_BATCH) return ask(batch);
  const parts: Array<readonly Values[]> = [];
  for (let start = 0; start < batch.length; start += MAX_BATCH)
    parts.push(batch.slice(start, start + MAX_BATCH));
  return (await Promise.all(parts.map(ask))).flat();
}

/** One call with a list of keys; answers are matched by the key they carry. Keys that differ in other arguments go apart. */
async function askByKeys(work: LookupWork, batch: readonly Values[], run: Run): Promise<readonly unknown[]> {
  const { lookup } = work;
  const { name } = lookup.arguments.find((argument) => argument.list)!;
  const single = lookup.arguments.length === 1;
  const groups = Map.groupBy(batch.entries(), ([, { args }]) =>
    single ? '' : JSON.stringify({ ...args, [name]: undefined }),
  );
  const results: unknown[] = new Array(batch.length).fill(null);
  await Promise.all(
    [...groups.values()].map(async (members) => {
      const first = members[0]![1];
      const keys = members.map(([, { args }]) => args[name]);
      const [answer] = await runBatch(work.call, [{ ...first, args: { ...first.args, [name]: keys } }], run);
      const found = indexByKey(lookup, work.keyOf!, answer);
      for (const [index, { args }] of members)
        results[index] = found instanceof Error ? found : (found.get(canonical(args[name])) ?? null);
    }),
  );
  return results;
}

function indexByKey(lookup: Lookup, keyOf: Reader, answer: unknown): ReadonlyMap<string, unknown> | Error {
  if (answer instanceof Error) return answer;
  if (answer === null || answer === undefined) return new Map();
  if (!Array.isArray(answer)) return invalid(lookup.connector, `${lookup.field.coordinate} answered no list`);
  return new Map(
    answer
      .filter((record) => record !== null && record !== undefined)
      .map((record) => [canonical(keyOf(record)), record]),
  );
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
  if (cells.every(({ plan }) => plan === first.plan)) return fetchObjects(first.plan!.steps, cells, run);
  const groups = Map.groupBy(cells, ({ plan }) => plan!);
  return Promise.all([...groups].map(([plan, group]) => fetchObjects(plan.steps, group, run))).then(
    () => undefined,
  );
}

/** Runs all steps of a place, each as soon as those it needs have ended. */
export function fetchObjects(steps: readonly Step[], cells: readonly Cell[], run: Run): Promise<void> {
  const ended: Array<Promise<void> | undefined> = [];
  for (const step of steps) {
    const waits = step.after.map((index) => ended[index]).filter((promise) => promise !== undefined);
    ended.push(
      waits.length === 0 ? step.run(cells, run) : Promise.all(waits).then(() => step.run(cells, run)),
    );
  }
  return Promise.all(ended).then(() => undefined);
}
