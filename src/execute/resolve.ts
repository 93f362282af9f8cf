/**
 * Resolves one field of one object in the graph's terms, whatever connectors that takes: the object's own record, a lookup, a call.
 * The reference engine and the whole graph both stand on this; it knows nothing of views.
 */
import { getNamedType, isAbstractType, isCompositeType, isNonNullType } from 'graphql';
import { StreamGap } from '../connectors/kind.ts';
import { HemError, UpstreamError } from '../errors.ts';
import type { Access, Route } from '../graph/graph.ts';
import type { Connector, ConnectorField } from '../load/model.ts';
import { type Path, toKeyReader, toPathReader, type ValueMap } from '../mapping/path.ts';
import type { Values } from '../mapping/values.ts';
import { type Arguments, NO_ARGUMENTS, toCallArguments } from './call-arguments.ts';
import { callAlone, loadEntity, loadShared, openStream } from './calls.ts';
import type { Execution } from './execution.ts';
import { orFallback } from './fallback.ts';
import { toGiven, toGivenKey } from './given.ts';
import { concrete, ObjectValue, wrap } from './object-value.ts';
import { selectForCall, selectForLookup, wantedByMap } from './record-selection.ts';
import { NOTHING, recordKey, type Wanted, type WantedByType } from './wanted.ts';

/** What a field came to: a leaf, an {@link ObjectValue}, null, an Error in its place, or a list of these; and which connector gave it. */
export interface Resolved {
  readonly value: unknown;
  readonly connector: Connector;
}

/** A field of Query or Mutation. @throws {HemError} */
export async function resolveRoot(
  execution: Execution,
  typeName: string,
  fieldName: string,
  args: Arguments,
  wanted: WantedByType,
): Promise<Resolved> {
  const source = rootSource(execution, typeName, fieldName);
  return withFallback(
    execution,
    source,
    async () => {
      const values = valuesOf(execution, source, args);
      const call = typeName === 'Mutation' ? callAlone : loadShared;
      return call(execution, source, selectForCall(execution.graph, source, wanted), values);
    },
    wanted,
  );
}

/** A field of Subscription: each event resolved as the field's value. */
export async function* resolveStream(
  execution: Execution,
  fieldName: string,
  args: Arguments,
  wanted: WantedByType,
): AsyncGenerator<Resolved, void> {
  const source = rootSource(execution, 'Subscription', fieldName);
  const values = valuesOf(execution, source, args);
  const { connector } = source.owner;
  const origin = execution.graph.originOf(source);
  for await (const event of openStream(
    execution,
    source,
    selectForCall(execution.graph, source, wanted),
    values,
  )) {
    const value =
      event instanceof StreamGap
        ? new UpstreamError('UPSTREAM_GAP', connector.name, { internal: event.reason })
        : wrap(event, source.type, connector, origin, wanted);
    yield { value, connector };
  }
}

/** A field of an object. @throws {HemError} */
export async function resolveField(
  execution: Execution,
  object: ObjectValue,
  fieldName: string,
  args: Arguments,
  wanted: WantedByType,
): Promise<Resolved> {
  const access = execution.graph.access(object.typeName, object.origin, fieldName);
  if (access === undefined)
    throw new HemError('INTERNAL', { internal: `${object.typeName}.${fieldName} cannot be had` });
  return resolveAccess(execution, object, access, args, wanted);
}

async function resolveAccess(
  execution: Execution,
  object: ObjectValue,
  access: Access,
  args: Arguments,
  wanted: WantedByType,
): Promise<Resolved> {
  const { source } = access;
  return withFallback(
    execution,
    source,
    () =>
      source.source.via === 'record'
        ? readRecord(execution, object, access, args)
        : callField(execution, object, access, args, wanted),
    wanted,
  );
}

async function readRecord(
  execution: Execution,
  object: ObjectValue,
  { source, route }: Access,
  args: Arguments,
): Promise<unknown> {
  const record = route === undefined ? object.record : await routedRecord(execution, object, route);
  if (record === null || record === undefined) return absent(source);
  if (record instanceof Error) throw record;
  // Entries of a stub are named like the type's fields, whatever these are called in records.
  if (route === undefined && object.origin.only !== undefined) return toKeyReader(source.name)(record);
  const key = recordKey(source.name, args);
  if (key !== source.name) return toKeyReader(key)(record);
  if (source.source.via !== 'record') return null;
  try {
    return source.source.read(record);
  } catch (cause) {
    // A function of mapping.ts failed on this record.
    throw new UpstreamError('UPSTREAM_INVALID', source.owner.connector.name, {
      internal: `mapping of ${source.coordinate}: ${String(cause)}`,
      cause,
    });
  }
}

/** What a field of an entity is that its connector does not know: null, or an error where only a fallback can fill the place. */
export function absent(field: ConnectorField): null | UpstreamError {
  if (!isNonNullType(field.type)) return null;
  return new UpstreamError('UPSTREAM_NOT_FOUND', field.owner.connector.name, {
    internal: `no entity to read ${field.coordinate} from`,
  });
}

async function callField(
  execution: Execution,
  object: ObjectValue,
  { source, parent }: Access,
  args: Arguments,
  wanted: WantedByType,
): Promise<unknown> {
  const parents = Promise.allSettled(
    parent.map(async ({ access }) => plainValue(await resolveAccess(execution, object, access, {}, NOTHING))),
  );
  const requiring = requiredValues(execution, object, source);
  // Judged below, after the parent's values.
  requiring.catch(() => {});
  const parentValues: Record<string, unknown> = Object.create(null);
  for (const [index, settled] of (await parents).entries()) {
    if (settled.status === 'rejected') throw settled.reason;
    if (settled.value === null || settled.value === undefined) return null;
    parentValues[parent[index]!.name] = settled.value;
  }
  const all = Object.assign(Object.create(null), args, await requiring);
  const values = valuesOf(execution, source, all, parentValues);
  return loadShared(execution, source, selectForCall(execution.graph, source, wanted), values);
}

/** The record that a lookup finds for an object, once per object. */
function routedRecord(execution: Execution, object: ObjectValue, route: Route): Promise<unknown> {
  let record = object.routed.get(route.lookup);
  if (record === undefined) {
    record = findRecord(execution, object, route);
    object.routed.set(route.lookup, record);
    // Several fields wait for it; each reports the failure for itself.
    record.catch(() => {});
  }
  return record;
}

async function findRecord(
  execution: Execution,
  object: ObjectValue,
  { lookup, keys }: Route,
): Promise<unknown> {
  const args: Record<string, unknown> = Object.create(null);
  for (const argument of lookup.arguments) {
    const value = await evaluate(execution, object, argument.map, keys);
    if (value === null || value === undefined) return null;
    args[argument.name] = toGivenKey(lookup, argument)(value);
  }
  const values = valuesOf(execution, lookup.field, args);
  const selection = selectForLookup(execution.graph, lookup, object.origin, object.wanted);
  const record = await loadEntity(execution, lookup, selection, values);
  const type = getNamedType(lookup.field.type);
  if (record === null || record === undefined) return record;
  if (typeof record !== 'object' || Array.isArray(record))
    throw new UpstreamError('UPSTREAM_INVALID', lookup.connector.name, {
      internal: `${lookup.field.coordinate} answered no object`,
    });
  if (!isAbstractType(type)) return record;
  return concrete(lookup.connector, type.name, record)?.record ?? record;
}

/** A value map over an object's fields. */
async function evaluate(
  execution: Execution,
  object: ObjectValue,
  map: ValueMap,
  known?: ReadonlyMap<string, Access>,
): Promise<unknown> {
  const wanted = execution.graph.selective
    ? wantedByMap(execution.graph, object.typeName, map)
    : (new Map() satisfies Wanted);
  if (map.kind === 'path')
    return plainValue({ value: await valueAt(execution, object, map.path, wanted, known) });
  if (map.of.length === 0) return evaluateEntries(execution, object, map.entries, known);
  const base = await valueAt(execution, object, map.of, wanted, known);
  return Array.isArray(base)
    ? allInOrder(base.map((item: unknown) => evaluateEntries(execution, item, map.entries)))
    : evaluateEntries(execution, base, map.entries);
}

async function evaluateEntries(
  execution: Execution,
  object: unknown,
  entries: Extract<ValueMap, { kind: 'object' }>['entries'],
  known?: ReadonlyMap<string, Access>,
): Promise<unknown> {
  if (object instanceof Error) throw object;
  if (!(object instanceof ObjectValue)) return null;
  const values = await allInOrder(
    entries.map(async ({ name, value }) => [name, await evaluate(execution, object, value, known)] as const),
  );
  return values.every(([, value]) => value === null || value === undefined)
    ? null
    : Object.assign(Object.create(null), Object.fromEntries(values));
}

/** What a path leads to: objects are still on their way, and can be asked for more: for what is `wanted` of them. */
async function valueAt(
  execution: Execution,
  object: ObjectValue,
  [first, ...rest]: Path,
  wanted: Wanted | undefined,
  known?: ReadonlyMap<string, Access>,
): Promise<unknown> {
  if (first?.kind !== 'key') return null;
  const access = known?.get(first.name) ?? execution.graph.access(object.typeName, object.origin, first.name);
  if (access === undefined) return null;
  const below = wanted?.get(first.name)?.below ?? NOTHING;
  const { value } = await resolveAccess(execution, object, access, {}, below);
  return follow(execution, value, rest);
}

async function follow(execution: Execution, value: unknown, path: Path): Promise<unknown> {
  if (value instanceof Error) throw value;
  if (path.length === 0) return value;
  if (value instanceof ObjectValue) return valueAt(execution, value, path, value.wanted.get(value.typeName));
  const [first, ...rest] = path;
  if (first?.kind === 'each')
    return Array.isArray(value) ? allInOrder(value.map((item) => follow(execution, item, rest))) : null;
  if (first?.kind === 'index')
    return Array.isArray(value) ? follow(execution, value[first.index], rest) : null;
  return toPathReader(path)(value);
}

/** Objects stand in lists of lists as deep as types say; what is deeper is a value of a scalar. */
const MAX_LISTS = 10;

/** Objects among values that go into a call are given as their records. @throws {HemError} what failed among them */
function plainValue({ value }: Pick<Resolved, 'value'>, lists = MAX_LISTS): unknown {
  if (value instanceof Error) throw value;
  if (value instanceof ObjectValue) return value.record;
  return Array.isArray(value) && lists > 0
    ? value.map((item: unknown) => plainValue({ value: item }, lists - 1))
    : value;
}

async function requiredValues(
  execution: Execution,
  object: ObjectValue,
  field: ConnectorField,
): Promise<Arguments> {
  const needed = field.args.filter(({ require }) => require !== undefined);
  if (needed.length === 0) return NO_ARGUMENTS;
  const entries = await allInOrder(
    needed.map(
      async ({ name, require }) =>
        [name, toGiven(field, name)(await evaluate(execution, object, require!))] as const,
    ),
  );
  return Object.fromEntries(entries);
}

/** Of several failures it is the first in order that counts, not the first in time. */
async function allInOrder<T>(promises: ReadonlyArray<Promise<T>>): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}

/** What a call is given. @throws {HemError} */
function valuesOf(
  execution: Execution,
  field: ConnectorField,
  args: Arguments,
  parent: Arguments = NO_ARGUMENTS,
): Values {
  const { claims } = execution.caller;
  return { args: toCallArguments(field)(args, claims), parent, claims };
}

async function withFallback(
  execution: Execution,
  source: ConnectorField,
  resolve: () => Promise<unknown>,
  wanted: WantedByType,
): Promise<Resolved> {
  const { connector } = source.owner;
  const toValue = (raw: unknown) =>
    wrap(raw, source.type, connector, execution.graph.originOf(source), wanted);
  const raw = await (source.fallback === undefined ? resolve() : resolve().catch((error: unknown) => error));
  // Objects are judged as such, other values as the backend gives them.
  const value = isCompositeType(getNamedType(source.type))
    ? orFallback(execution, source, toValue(raw))
    : toValue(orFallback(execution, source, raw));
  if (value instanceof Error) throw value;
  return { value, connector };
}

export function rootSource(
  execution: Pick<Execution, 'graph'>,
  typeName: string,
  fieldName: string,
): ConnectorField {
  const source = execution.graph.types.get(typeName)?.fields.get(fieldName)?.sources[0];
  if (source === undefined)
    throw new HemError('INTERNAL', { internal: `${typeName}.${fieldName} is not in the graph` });
  return source;
}
