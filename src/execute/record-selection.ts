/** From what is wanted of objects to what one connector's record has to carry: the selection that a selective kind prints. */
import { getNamedType, isAbstractType, isCompositeType, isObjectType } from 'graphql';
import type { SelectedField, Selection } from '../connectors/kind.ts';
import { HemError } from '../errors.ts';
import { firstName } from '../graph/access.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import type { Access, Origin } from '../graph/graph.ts';
import type { Connector, ConnectorField, Lookup } from '../load/model.ts';
import { type Path, pathsOf, type ValueMap } from '../mapping/path.ts';
import { Identities } from './identities.ts';
import { addWanted, type Wanted, type WantedByType, type WantedField } from './wanted.ts';
import { wireConverter } from './wire.ts';

/** A selection and the values of the arguments inside it. */
export interface RecordSelection {
  readonly selection: Selection;
  readonly slots: readonly unknown[];
  /** Equal exactly for equal selections with equal values. */
  readonly id: string;
}

export const NO_SELECTION: RecordSelection = { selection: { fields: [] }, slots: [], id: '' };

/** What the records of a call must carry. */
export function selectForCall(
  graph: ComposedGraph,
  field: ConnectorField,
  wanted: WantedByType,
): RecordSelection {
  const { connector } = field.owner;
  if (!connector.kind.selective) return NO_SELECTION;
  const collector = new Collector(graph, connector);
  const fields = collector.ofType(field, graph.originOf(field), wanted, undefined);
  return collector.result(fields);
}

/** What the records of a lookup must carry for objects that came from `origin`. */
export function selectForLookup(
  graph: ComposedGraph,
  lookup: Lookup,
  origin: Origin,
  wanted: WantedByType,
): RecordSelection {
  if (!lookup.connector.kind.selective) return NO_SELECTION;
  const collector = new Collector(graph, lookup.connector);
  return collector.result(collector.ofType(lookup.field, origin, wanted, lookup));
}

/** What no backend reads: a field of an interface is asked of each type, level after level. */
const MAX_FIELDS = 10_000;

class Collector {
  readonly #graph: ComposedGraph;
  readonly #connector: Connector;
  readonly #slots: unknown[] = [];
  readonly #identities = new Identities();
  /** What is wanted of one object may be wanted of many. */
  readonly #known = new Map<string, readonly SelectedField[]>();

  constructor(graph: ComposedGraph, connector: Connector) {
    this.#graph = graph;
    this.#connector = connector;
  }

  /** @throws {HemError} OPERATION_TOO_LARGE */
  result(fields: readonly SelectedField[]): RecordSelection {
    if (countFields(fields) > MAX_FIELDS) {
      throw new HemError('OPERATION_TOO_LARGE', {
        publicText: `The operation asks the connector "${this.#connector.name}" for more than ${MAX_FIELDS} fields, counted for each type that may be there.`,
      });
    }
    return { selection: { fields }, slots: this.#slots, id: JSON.stringify([fields, this.#slots]) };
  }

  /** Fields of what `field` returns. With a lookup: those that come through it, for objects of another origin. */
  ofType(
    field: ConnectorField,
    origin: Origin,
    wanted: WantedByType,
    lookup: Lookup | undefined,
  ): readonly SelectedField[] {
    const type = getNamedType(field.type);
    if (!isCompositeType(type)) return [];
    const key = this.#identities.keyOf([type, origin, wanted, lookup]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const names = isAbstractType(type)
      ? this.#connector.schema.getPossibleTypes(type).map(({ name }) => name)
      : [type.name];
    const fields = new Map<string, SelectedField>();
    if (isAbstractType(type))
      fields.set('__typename', { key: '__typename', name: '__typename', arguments: [] });
    for (const name of names) {
      const own = wanted.get(name);
      if (own === undefined && lookup === undefined) continue;
      const selected = this.#ofObject(name, origin, own ?? new Map(), lookup);
      for (const one of selected) {
        const on = isAbstractType(type) ? name : undefined;
        fields.set(`${on ?? ''}.${one.key}`, on === undefined ? one : { ...one, on });
      }
    }
    if (fields.size === 0) fields.set('__typename', { key: '__typename', name: '__typename', arguments: [] });
    const selected = [...fields.values()];
    this.#known.set(key, selected);
    return selected;
  }

  #ofObject(
    typeName: string,
    origin: Origin,
    wanted: Wanted,
    lookup: Lookup | undefined,
  ): readonly SelectedField[] {
    const selected = new Map<string, SelectedField>();
    for (const { field, from } of this.#carried(typeName, origin, wanted, lookup)) {
      for (const one of this.#ofRecordField(field, from))
        selected.set(one.key, mergeFields(selected.get(one.key), one));
    }
    return [...selected.values()];
  }

  /** The fields that the record at hand carries: wanted ones, and those that others' keys, calls and requirements read. */
  #carried(typeName: string, origin: Origin, wanted: Wanted, lookup: Lookup | undefined): readonly Carried[] {
    // Grows while it is walked: a Map visits what is added on the way.
    const open: Wanted = new Map(wanted);
    const want = (path: string) => addPath(open, path.split('.'), this.#graph, typeName);
    const own = this.#connector.types.get(typeName)?.fields;
    const carried: Carried[] = [];
    // A batched lookup's answers are matched by key, so its records carry the key though it is known from elsewhere.
    const matched = lookup?.batched === true ? new Set(lookup.paths.map(firstName)) : new Set<string>();
    if (lookup?.batched === true) lookup.paths.forEach(want);
    for (const { name } of open.values()) {
      const access = this.#graph.access(typeName, origin, name);
      access?.route?.lookup.paths.forEach(want);
      for (const parent of access?.parent ?? []) want(parent.name);
      for (const map of access === undefined ? [] : requiredMaps(access.source))
        addMap(open, map, this.#graph, typeName);
    }
    for (const field of open.values()) {
      const access = this.#graph.access(typeName, origin, field.name);
      if (matched.has(field.name) && own?.has(field.name))
        carried.push({ field, from: own.get(field.name)! });
      if (access?.source.source.via === 'record' && this.#isHere(access, lookup))
        carried.push({ field, from: access.source });
    }
    return carried;
  }

  #isHere({ route, source }: Access, lookup: Lookup | undefined): boolean {
    if (lookup === undefined) return route === undefined && source.owner.connector === this.#connector;
    return route?.lookup === lookup;
  }

  #ofRecordField(field: WantedField, from: ConnectorField): readonly SelectedField[] {
    const map = from.source.via === 'record' ? from.source.map : undefined;
    if (map === undefined) return [];
    if (map.kind === 'object') return pathsOf(map).map((path) => this.#ofPath(path, []));
    const below = isCompositeType(getNamedType(from.type))
      ? this.ofType(from, this.#graph.originOf(from), field.below, undefined)
      : [];
    const selected = this.#ofPath(map.path, below);
    const args = Object.entries(field.args).filter(([, value]) => value !== undefined);
    if (args.length === 0) return [selected];
    const typeOf = (name: string) =>
      String(from.args.find((argument) => argument.name === name)?.type ?? 'String');
    return [
      {
        ...selected,
        key: field.key,
        arguments: args.map(([name, value]) => ({
          name,
          type: typeOf(name),
          slot: this.#slots.push(onWire(from, name, value)) - 1,
        })),
      },
    ];
  }

  #ofPath(path: Path, below: readonly SelectedField[]): SelectedField {
    const names = path.flatMap((step) => (step.kind === 'key' ? [step.name] : []));
    return names.reduceRight<SelectedField | undefined>((inner, name) => {
      const fields = inner === undefined ? below : [inner];
      return { key: name, name, arguments: [], ...(fields.length > 0 ? { selection: { fields } } : {}) };
    }, undefined)!;
  }
}

/** What fills a slot, in wire form: a value, or in plans a function that gives it. */
function onWire(field: ConnectorField, argument: string, value: unknown): unknown {
  const convert = wireConverter(field, argument);
  if (convert === undefined || value === null) return value;
  if (typeof value !== 'function') return convert(value);
  return (run: unknown) => {
    const given: unknown = value(run);
    return given === null || given === undefined ? given : convert(given);
  };
}

/** As they will be printed: what stands in several places counts in each. */
function countFields(
  fields: readonly SelectedField[],
  known = new Map<readonly SelectedField[], number>(),
): number {
  const earlier = known.get(fields);
  if (earlier !== undefined) return earlier;
  const count = fields.reduce(
    (sum, { selection }) => sum + 1 + (selection === undefined ? 0 : countFields(selection.fields, known)),
    0,
  );
  known.set(fields, count);
  return count;
}

function mergeFields(a: SelectedField | undefined, b: SelectedField): SelectedField {
  if (a?.selection === undefined || b.selection === undefined) return a ?? b;
  if (a.selection.fields === b.selection.fields) return a;
  const merged = new Map(a.selection.fields.map((field) => [`${field.on ?? ''}.${field.key}`, field]));
  for (const field of b.selection.fields) {
    const key = `${field.on ?? ''}.${field.key}`;
    merged.set(key, mergeFields(merged.get(key), field));
  }
  return { ...a, selection: { fields: [...merged.values()] } };
}

interface Carried {
  readonly field: WantedField;
  readonly from: ConnectorField;
}

function requiredMaps(field: ConnectorField): readonly ValueMap[] {
  return field.args.flatMap(({ require }) => (require === undefined ? [] : [require]));
}

/** What a value map wants of an object of a type. */
export function wantedByMap(graph: Pick<ComposedGraph, 'types'>, typeName: string, map: ValueMap): Wanted {
  const wanted: Wanted = new Map();
  addMap(wanted, map, graph, typeName);
  return wanted;
}

function addMap(wanted: Wanted, map: ValueMap, graph: Pick<ComposedGraph, 'types'>, typeName: string): void {
  for (const path of pathsOf(map)) addPath(wanted, namesOf(path), graph, typeName);
}

function namesOf(path: Path): readonly string[] {
  return path.flatMap((step) => (step.kind === 'key' ? [step.name] : []));
}

/** Wants the leaf at a path; of an object at its end, the leaves. */
function addPath(
  wanted: Wanted,
  [first = '', ...rest]: readonly string[],
  graph: Pick<ComposedGraph, 'types'>,
  typeName: string,
): void {
  const below = new Map<string, Wanted>();
  const target = graph.types.get(typeName)?.fields.get(first)?.sources[0];
  const inner = target === undefined ? undefined : getNamedType(target.type);
  const concrete = isAbstractType(inner)
    ? target!.owner.connector.schema.getPossibleTypes(inner)
    : isObjectType(inner)
      ? [inner]
      : [];
  for (const type of concrete) {
    const fields: Wanted = new Map();
    if (rest.length > 0) addPath(fields, rest, graph, type.name);
    else
      for (const [name, field] of Object.entries(type.getFields()))
        if (!isCompositeType(getNamedType(field.type))) addPath(fields, [name], graph, type.name);
    below.set(type.name, fields);
  }
  addWanted(wanted, { key: first, name: first, args: {}, below });
}
