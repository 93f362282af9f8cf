/** Backend calls of an execution: gathered per tick into batches, raced against the deadline, matched by key. */
import DataLoader from 'dataloader';
import { getNamedType } from 'graphql';
import {
  type CallContext,
  type OnOutcome,
  type Outcome,
  type StreamCall,
  StreamGap,
  type UnaryCall,
} from '../connectors/kind.ts';
import { HemError, UpstreamError } from '../errors.ts';
import type { CallSource, ConnectorField, ConnectorType, Lookup } from '../load/model.ts';
import { canonical } from '../mapping/canonical.ts';
import type { Path, Reader, ValueMap } from '../mapping/path.ts';
import type { Values } from '../mapping/values.ts';
import type { Execution } from './execution.ts';
import { withLastGood } from './last-good.ts';
import { askTogether, matchByKey } from './list-lookup.ts';
import type { RecordSelection } from './record-selection.ts';
import { MAX_BATCH, runUnary } from './unary-call.ts';

/** Asks once for everybody who asks the same within the operation. @throws the failure of this element */
export async function loadShared(
  execution: Execution,
  field: ConnectorField,
  selection: RecordSelection,
  values: Values,
): Promise<unknown> {
  const loader = loaderOf(execution, field, selection, (batch) =>
    callEach(execution, field, selection, batch),
  );
  return loader.load(values);
}

/** Finds one entity. Null when there is none. */
export async function loadEntity(
  execution: Execution,
  lookup: Lookup,
  selection: RecordSelection,
  values: Values,
): Promise<unknown> {
  const load = lookup.batched
    ? (batch: readonly Values[]) => callBatchedLookup(execution, lookup, selection, batch)
    : (batch: readonly Values[]) => callEach(execution, lookup.field, selection, batch);
  // The field of a list lookup may be asked by itself, too: then a list is one question.
  const owner = lookup.batched ? lookup : lookup.field;
  return loaderOf(execution, owner, selection, load).load(values);
}

/** Asks once for each who asks: mutations. */
export async function callAlone(
  execution: Execution,
  field: ConnectorField,
  selection: RecordSelection,
  values: Values,
): Promise<unknown> {
  const [outcome] = await callBatch(execution, field, selection, [values]);
  if (outcome instanceof Error) throw outcome;
  return outcome;
}

/** Opens a stream of events; the path of `select` applied to each. */
export async function* openStream(
  execution: Execution,
  field: ConnectorField,
  selection: RecordSelection,
  values: Values,
): AsyncGenerator<unknown, void> {
  const source = callSourceOf(field);
  const call = source.compile(execution.connections, selection.selection) as StreamCall;
  for await (const event of call.open(values, contextOf(execution, selection))) {
    yield event instanceof StreamGap || event instanceof Error || source.select === undefined
      ? event
      : source.select(event);
  }
}

function loaderOf(
  execution: Execution,
  owner: ConnectorField | Lookup,
  selection: RecordSelection,
  load: (batch: readonly Values[]) => Promise<readonly unknown[]>,
) {
  const bySelection = execution.loaders.get(owner) ?? new Map<string, DataLoader<Values, unknown, string>>();
  execution.loaders.set(owner, bySelection);
  let loader = bySelection.get(selection.id);
  if (loader === undefined) {
    loader = new DataLoader<Values, unknown, string>(async (batch) => (await load(batch)) as unknown[], {
      cacheKeyFn: ({ args, parent }) => JSON.stringify([args, parent]),
      maxBatchSize: MAX_BATCH,
    });
    bySelection.set(selection.id, loader);
  }
  return loader;
}

/** Where an answer goes out in parts, nothing waits for the slowest of those that have a call of their own: each is a promise of itself. */
async function callEach(
  execution: Execution,
  field: ConnectorField,
  selection: RecordSelection,
  batch: readonly Values[],
): Promise<readonly unknown[]> {
  if (execution.heldBack === undefined || batch.length === 1 || field.staleMs !== undefined)
    return callBatch(execution, field, selection, batch);
  const each = batch.map(() => Promise.withResolvers<unknown>());
  const onOutcome: OnOutcome = (index, outcome) => {
    const { resolve, reject } = each[index]!;
    if (outcome instanceof Error) reject(outcome);
    else resolve(outcome);
  };
  callBatch(execution, field, selection, batch, { onOutcome }).then(
    (outcomes) => {
      for (const [index, outcome] of outcomes.entries()) onOutcome(index, outcome);
    },
    (error: unknown) => {
      for (const { reject } of each) reject(error);
    },
  );
  return each.map(({ promise }) => promise);
}

async function callBatch(
  execution: Execution,
  field: ConnectorField,
  selection: RecordSelection,
  batch: readonly Values[],
  { objects = batch.length, onOutcome }: { readonly objects?: number; readonly onOutcome?: OnOutcome } = {},
): Promise<readonly Outcome[]> {
  const call = unaryCallOf(execution, field, selection);
  const run = async () => {
    const how = { call, select: callSourceOf(field).select, onOutcome };
    const outcomes = await runUnary(field, how, batch, () => contextOf(execution, selection));
    if (field.staleMs === undefined) return outcomes;
    const asked = { field, selectionId: selection.id, batch, context: contextOf(execution, selection) };
    return withLastGood(execution, asked, outcomes);
  };
  return execution.trace === undefined ? run() : execution.trace.batch(field, objects, run);
}

function unaryCallOf(execution: Execution, field: ConnectorField, selection: RecordSelection): UnaryCall {
  const call = callSourceOf(field).compile(execution.connections, selection.selection);
  if (call.mode !== 'unary') throw new HemError('INTERNAL', { internal: `${field.coordinate} is a stream` });
  return call;
}

/** One call for many keys. Answers are matched by the key they carry, never by position; a missing one is null. */
async function callBatchedLookup(
  execution: Execution,
  lookup: Lookup,
  selection: RecordSelection,
  batch: readonly Values[],
): Promise<readonly Outcome[]> {
  const list = lookup.arguments.find((argument) => argument.list)!;
  const groups = new Map<
    string,
    { readonly values: Values; readonly members: Array<{ readonly index: number; readonly key: unknown }> }
  >();
  for (const [index, values] of batch.entries()) {
    const { [list.name]: key, ...rest } = values.args;
    const id = JSON.stringify(rest);
    const group = groups.get(id) ?? { values, members: [] };
    group.members.push({ index, key });
    groups.set(id, group);
  }
  const outcomes: Outcome[] = new Array(batch.length).fill(null);
  await Promise.all(
    [...groups.values()].map(async ({ values, members }) => {
      const keys = members.map(({ key }) => key);
      const askedFor = (some: readonly unknown[]): Values => ({
        ...values,
        args: { ...values.args, [list.name]: some },
      });
      const ask = async (some: readonly unknown[]) => {
        const asked = askedFor(some);
        const [answer] = await callBatch(execution, lookup.field, selection, [asked], {
          objects: some.length,
        });
        if (answer instanceof Error) return some.map(() => answer);
        return matchRecords(lookup, answer, some.map(canonical));
      };
      const { problemWith } = unaryCallOf(execution, lookup.field, selection);
      const found = await askTogether(keys, ask, problemWith && ((key) => problemWith(askedFor([key]))));
      for (const [at, { index }] of members.entries()) outcomes[index] = found[at];
    }),
  );
  return outcomes;
}

function matchRecords(lookup: Lookup, answer: unknown, keys: readonly string[]): readonly Outcome[] {
  const { connector, field } = lookup;
  if (answer === null || answer === undefined) return keys.map(() => null);
  if (!Array.isArray(answer)) {
    const invalid = new UpstreamError('UPSTREAM_INVALID', connector.name, {
      internal: `${field.coordinate} answered no list`,
    });
    return keys.map(() => invalid);
  }
  const keyOf = keyReaderOf(lookup);
  return matchByKey(answer, keys, (record) => canonical(keyOf(record)));
}

/** Reads the key that a record of a batched lookup carries. */
export function keyReaderOf({ connector, field, arguments: args }: Lookup): Reader {
  const list = args.find((argument) => argument.list)!;
  return toKeyOf(connector.types.get(getNamedType(field.type).name)!, list.map);
}

/** Keys are spoken of in the names of a type's fields, whatever these are called in its records. */
function toKeyOf(type: ConnectorType, map: ValueMap): Reader {
  const of = followFields(type, map.kind === 'object' ? map.of : map.path);
  if (of === undefined) return () => undefined;
  if (map.kind === 'path') return of.read;
  const entries = map.entries.map(
    ({ name, value }) => [name, of.type === undefined ? () => undefined : toKeyOf(of.type, value)] as const,
  );
  return (record) => {
    const value = of.read(record);
    return Object.fromEntries(entries.map(([name, read]) => [name, read(value)]));
  };
}

/** Undefined where a field is none of the record. */
function followFields(
  type: ConnectorType,
  path: Path,
): { readonly read: Reader; readonly type: ConnectorType | undefined } | undefined {
  let current: ConnectorType | undefined = type;
  const readers: Reader[] = [];
  for (const step of path) {
    const field: ConnectorField | undefined =
      step.kind === 'key' ? current?.fields.get(step.name) : undefined;
    if (field?.source.via !== 'record') return undefined;
    readers.push(field.source.read);
    current = type.connector.types.get(getNamedType(field.type).name);
  }
  return { read: (record) => readers.reduce((value, read) => read(value), record), type: current };
}

function callSourceOf(field: ConnectorField): CallSource {
  if (field.source.via !== 'call')
    throw new HemError('INTERNAL', { internal: `${field.coordinate} has no binding` });
  return field.source;
}

function contextOf({ caller }: Execution, selection: RecordSelection): CallContext {
  return caller.withSlots(selection.slots);
}
