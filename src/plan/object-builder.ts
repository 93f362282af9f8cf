/** Gathers what one object of an operation needs: where each field's value comes from, and the steps that fetch it. */
import {
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  isCompositeType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { UpstreamError } from '../errors.ts';
import { keyReaderOf } from '../execute/calls.ts';
import { toGiven, toGivenKey } from '../execute/given.ts';
import { wantedByMap } from '../execute/record-selection.ts';
import { absent, rootSource } from '../execute/resolve.ts';
import { MAX_BATCH } from '../execute/unary-call.ts';
import { NOTHING, type WantedByType } from '../execute/wanted.ts';
import { fromWire } from '../execute/wire.ts';
import type { Access, Origin, Route } from '../graph/graph.ts';
import type { Connector, ConnectorField, Lookup } from '../load/model.ts';
import { canonical } from '../mapping/canonical.ts';
import {
  type Path as MappingPath,
  type PathStep,
  type Reader,
  toKeyReader,
  toPathReader,
  type ValueMap,
} from '../mapping/path.ts';
import type { GraphArguments, PlanCompiler } from './compile.ts';
import { invalid } from './complete.ts';
import { aheadArguments, type KnownKeys, keysKnownBy } from './known-keys.ts';
import { NotCompiled, type ObjectPlan, type ObjectsPlan, type Step, type StepDescription } from './plan.ts';
import { compileProjection, type FieldSource, type ProjectedField } from './project.ts';
import { Cell, type Run } from './run.ts';
import {
  type AskedAhead,
  type CallWork,
  type CellValue,
  type LookupWork,
  runCalls,
  runLookups,
  runObjects,
} from './steps.ts';

/** A graph field that is asked of the object. */
export interface Asked {
  readonly name: string;
  /** Response key, for `explain`. */
  readonly label: string;
  readonly args: GraphArguments;
  /** Under which key the record carries it. */
  readonly key: string;
  /** Of the value. */
  readonly wanted: WantedByType;
  /** Whether it depends on a variable that it is asked. */
  readonly conditional: boolean;
  /** Lookups of what is found that need not wait for it. */
  readonly ahead?: readonly AskedAhead[];
}

/** Where the value of a field comes from. */
export interface ValueSource {
  readonly connector: Connector;
  /** Of object types. */
  readonly below: ObjectsPlan | undefined;
  /** Only once the object is finished: pure objects are read from bare records. */
  source(): FieldSource;
}

/** How an object is found: which of its keys the call knows, and what may therefore be asked ahead. */
export interface FoundBy {
  /** The call, or the field of a record. */
  readonly field: ConnectorField;
  readonly keys: KnownKeys | undefined;
  /** Filled while the object is compiled. */
  readonly ahead: AskedAhead[];
}

/** Where an object stands in an operation. */
interface ObjectPlace {
  /** Undefined for root types. */
  readonly origin: Origin | undefined;
  readonly wanted: WantedByType;
  readonly found: FoundBy | undefined;
}

/** A value that is in the object's own record, or in a slot. */
interface Have {
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

/** A value of a cell and what has to be fetched for it. */
interface Needed {
  readonly after: readonly number[];
  readonly value: CellValue;
}

export class ObjectBuilder {
  readonly steps: Step[] = [];
  /** The event of a subscription stands for the root field. */
  eventSource: { readonly field: ConnectorField; readonly slot: number } | undefined;
  eventObjects: ObjectsPlan | undefined;
  readonly #compiler: PlanCompiler;
  readonly #graphType: string;
  /** Undefined for root types. */
  readonly #origin: Origin | undefined;
  readonly #wanted: WantedByType;
  readonly #found: FoundBy | undefined;
  readonly #routes = new Map<Lookup, { readonly slot: number; readonly step: number }>();
  readonly #calls = new Map<string, Have>();
  /** Steps that happen whatever `@skip` and `@include` say, for `explain`. */
  readonly #certain = new Set<number>();
  /** The response key of the field that steps are added for, for `explain`. */
  #asking = '';
  #slots = 0;
  #pure: boolean | undefined;

  constructor(compiler: PlanCompiler, graphType: string, { origin, wanted, found }: ObjectPlace) {
    this.#compiler = compiler;
    this.#graphType = graphType;
    this.#origin = origin;
    this.#wanted = wanted;
    this.#found = found;
  }

  newSlot(): number {
    return this.#slots++;
  }

  /** The value of a field at the end of a view's path. */
  value(
    asked: Asked,
    compileBelow: (
      origin: Origin,
      declared: ConnectorField['type'],
      found: FoundBy,
    ) => ObjectsPlan | undefined,
  ): ValueSource {
    this.#asking = asked.label;
    const { field, access } = this.#find(asked.name);
    const found = this.#foundBy(field);
    const below = compileBelow(this.#compiler.graph.originOf(field), field.type, found);
    if (this.eventSource !== undefined) this.eventObjects = below?.pure === false ? below : undefined;
    const have = this.#have(field, access, { ...asked, ahead: found.ahead }, below);
    if (field.source.via === 'call' || below === undefined || below.pure)
      return this.#valueSource(have, below);
    return this.#valueSource(this.#objects(have, below, asked), below);
  }

  /** A field that a view's path leads through: `build` says what is read of the object there. */
  through(asked: Asked, build: (inner: ObjectBuilder) => ValueSource): ValueSource {
    this.#asking = asked.label;
    const { field, access } = this.#find(asked.name);
    const type = getNamedType(field.type);
    if (!isObjectType(type)) throw new NotCompiled(`a path through the abstract type ${type.name}`);
    const found = this.#foundBy(field);
    const inner = new ObjectBuilder(this.#compiler, type.name, {
      origin: this.#compiler.graph.originOf(field),
      wanted: asked.wanted,
      found,
    });
    const value = build(inner);
    const plan = inner.finish([], inner.steps.length === 0);
    const below: ObjectsPlan = {
      graphType: type.name,
      connector: field.owner.connector,
      pure: plan.pure,
      byType: new Map(),
      single: plan,
    };
    if (this.eventSource !== undefined) this.eventObjects = plan.pure ? undefined : below;
    let have = this.#have(field, access, { ...asked, ahead: found.ahead }, below);
    if (field.source.via !== 'call' && !plan.pure) have = this.#objects(have, below, asked);
    const { get } = value.source();
    const connector = field.owner.connector;
    const read = (held: unknown, run: Run): unknown => {
      if (held === null || held === undefined) return null;
      if (held instanceof Error) return held;
      if (plan.pure ? typeof held !== 'object' || Array.isArray(held) : !(held instanceof Cell))
        return invalid(connector, `no object for ${field.type}`);
      return get(held, run);
    };
    return {
      connector: value.connector,
      below: value.below,
      source: () => {
        const outer = this.#toFieldSource(have);
        return { get: (source, run) => read(outer.get(source, run), run), key: undefined };
      },
    };
  }

  /** @param pure nothing has to be fetched for the object, nor for those that may stand in its place */
  finish(fields: readonly (() => ProjectedField)[], pure: boolean): ObjectPlan {
    this.#pure = pure;
    return {
      graphType: this.#graphType,
      pure,
      slots: this.#slots,
      steps: this.steps,
      project: compileProjection(
        fields.map((field) => field()),
        pure,
      ),
    };
  }

  /** Of mutations nothing is asked ahead: what one finds is not there before it has run. */
  #foundBy(field: ConnectorField): FoundBy {
    const isOne = isObjectType(getNullableType(field.type)) && this.eventSource === undefined;
    const mayAsk = field.source.via === 'call' && this.#graphType !== 'Mutation' && isOne;
    return { field, keys: mayAsk ? keysKnownBy(field) : undefined, ahead: [] };
  }

  #find(name: string): { readonly field: ConnectorField; readonly access: Access | undefined } {
    if (this.eventSource !== undefined) return { field: this.eventSource.field, access: undefined };
    if (this.#origin === undefined)
      return { field: rootSource({ graph: this.#compiler.graph }, this.#graphType, name), access: undefined };
    const access = this.#compiler.graph.access(this.#graphType, this.#origin, name);
    if (access === undefined) throw new NotCompiled(`${this.#graphType}.${name} cannot be had`);
    return { field: access.source, access };
  }

  #have(
    field: ConnectorField,
    access: Access | undefined,
    asked: Asked,
    below: ObjectsPlan | undefined,
  ): Have {
    if (this.eventSource !== undefined)
      return {
        field,
        after: [],
        read: (value) => value,
        key: undefined,
        slot: this.eventSource.slot,
        routed: false,
      };
    if (field.source.via === 'call') return this.#sharedCall(field, access?.parent ?? [], asked, below);
    const { read, key } = readerOf(field, asked.key, access?.route === undefined ? this.#origin : undefined);
    if (access?.route === undefined) return { field, after: [], read, key, slot: undefined, routed: false };
    const { slot, step } = this.#route(access.route, asked.conditional);
    return { field, after: [step], read, key: undefined, slot, routed: true };
  }

  /** Fields that come from the same call with the same arguments share it, where its answer is the same whatever is selected. */
  #sharedCall(
    field: ConnectorField,
    parents: Access['parent'],
    asked: Asked,
    below: ObjectsPlan | undefined,
  ): Have {
    const shareable =
      below?.pure !== false && !field.owner.connector.kind.selective && this.#graphType !== 'Mutation';
    if (!shareable) return this.#call(field, parents, asked, below);
    const id = `${field.coordinate} ${asked.key}`;
    const known = this.#calls.get(id);
    if (known === undefined) {
      const have = this.#call(field, parents, asked, below);
      this.#calls.set(id, have);
      return have;
    }
    for (const step of known.after) this.#use(step, asked.conditional);
    return known;
  }

  #call(
    field: ConnectorField,
    parents: Access['parent'],
    asked: Asked,
    below: ObjectsPlan | undefined,
  ): Have {
    const parent = parents.map(({ name, access }) => ({ name, ...this.#plain(access, asked.conditional) }));
    const required = field.args.flatMap(({ name, require }) =>
      require === undefined
        ? []
        : [{ name, give: toGiven(field, name), ...this.#map(require, undefined, asked.conditional) }],
    );
    const slot = this.newSlot();
    const call = this.#compiler.backendCall(field, asked.wanted);
    const alone = this.#graphType === 'Mutation';
    const work: CallWork = {
      call,
      sharedAs: alone ? undefined : this.#compiler.shareLoads('call', field, call.selectionId),
      slot,
      args: asked.args,
      parent,
      required,
      below: below?.pure === false ? below : undefined,
      ahead: asked.ahead ?? [],
    };
    const step = this.#add({
      after: [...parent, ...required].flatMap(({ after }) => after),
      conditional: asked.conditional,
      what: {
        kind: 'call',
        connector: field.owner.connector.name,
        field: field.coordinate,
        describe: call.describe,
        sharedAs: work.sharedAs,
        batchSize: undefined,
        label: asked.label,
        ahead: false,
        lists: listLevels(field.type),
        why:
          this.#origin === undefined
            ? 'a root field'
            : `a field with a call of its own, fed by ${[...parents.map(({ name }) => name), ...required.map(({ name }) => `${name} (required)`)].join(', ') || 'nothing of its parent'}`,
        below,
      },
      slot,
      run: (cells, run) => runCalls(work, cells, run),
    });
    return { field, after: [step], read: (value) => value, key: undefined, slot, routed: false };
  }

  #route(route: Route, conditional: boolean): { readonly slot: number; readonly step: number } {
    const { lookup } = route;
    const known = this.#routes.get(lookup);
    if (known !== undefined) {
      this.#use(known.step, conditional);
      return known;
    }
    const keys = lookup.arguments.map((argument) => ({
      name: argument.name,
      list: argument.list,
      give: toGivenKey(lookup, argument),
      ...this.#map(argument.map, route.keys, conditional),
    }));
    const slot = this.newSlot();
    const call = this.#compiler.lookupCall(lookup, this.#origin!, this.#wanted);
    const sharedAs = this.#compiler.shareLoads('lookup', lookup.field, call.selectionId);
    const [only] = keys.length === 1 ? lookup.arguments : [];
    const work: LookupWork = {
      lookup,
      call,
      slot,
      keys,
      textOf: only === undefined ? canonical : keyText(lookup, only),
      recordKey: lookup.batched
        ? { read: keyReaderOf(lookup), textOf: keyText(lookup, lookup.arguments.find(({ list }) => list)!) }
        : undefined,
      sharedAs,
    };
    const argumentsOf = this.#found?.keys && aheadArguments(lookup, this.#found.keys);
    const step = this.#add({
      after: keys.flatMap(({ after }) => after),
      conditional,
      what: {
        kind: 'lookup',
        connector: lookup.connector.name,
        field: lookup.field.coordinate,
        describe: call.describe,
        sharedAs,
        // Keys that differ in other arguments go apart.
        batchSize: !lookup.batched ? undefined : lookup.arguments.length === 1 ? MAX_BATCH : 1,
        label: this.#graphType,
        ahead: argumentsOf !== undefined,
        lists: 0,
        why: `${lookup.connector.name} knows these fields of ${this.#graphType}, and finds it by ${lookup.paths.join(', ')}`,
        below: undefined,
      },
      slot,
      run: (cells, run) => runLookups(work, cells, run),
    });
    if (argumentsOf !== undefined) this.#found!.ahead.push({ work, argumentsOf, step: this.steps[step]! });
    const added = { slot, step };
    this.#routes.set(lookup, added);
    return added;
  }

  /** Takes objects out of a value into cells, because something has to be fetched for them. */
  #objects(
    have: Have,
    below: ObjectsPlan,
    { conditional, label }: Pick<Asked, 'conditional' | 'label'>,
  ): Have {
    const slot = this.newSlot();
    const { field } = have;
    const value = this.#cellValue(have);
    const step = this.#add({
      after: have.after,
      conditional,
      what: {
        kind: 'objects',
        connector: field.owner.connector.name,
        field: field.coordinate,
        describe: undefined,
        sharedAs: undefined,
        batchSize: undefined,
        label,
        ahead: false,
        lists: listLevels(field.type),
        why: `takes ${getNamedType(field.type).name} out of the answer, because more is fetched for it`,
        below,
      },
      slot,
      run: (cells, run) => runObjects({ slot, value, type: field.type, below }, cells, run),
    });
    return { field, after: [step], read: (held) => held, key: undefined, slot, routed: false };
  }

  #add({
    conditional,
    what,
    ...step
  }: Omit<Step, 'what'> & {
    readonly what: Omit<StepDescription, 'conditional' | 'wantedBy'>;
    readonly conditional: boolean;
  }): number {
    const certain = this.#certain;
    const index = this.steps.length;
    const described: StepDescription = {
      ...what,
      wantedBy: new Set<string>(),
      get conditional() {
        return !certain.has(index);
      },
    };
    this.steps.push({ ...step, what: described });
    this.#use(index, conditional);
    return index;
  }

  /** Notes who needs a step, and whether it is certain; so is then what it waits for. */
  #use(index: number, conditional: boolean): void {
    const { what, after } = this.steps[index]!;
    const wantedBy = what.wantedBy as Set<string>;
    if (wantedBy.has(this.#asking) && (conditional || this.#certain.has(index))) return;
    wantedBy.add(this.#asking);
    if (!conditional) this.#certain.add(index);
    for (const earlier of after) this.#use(earlier, conditional);
  }

  #valueSource(have: Have, below: ObjectsPlan | undefined): ValueSource {
    return { connector: have.field.owner.connector, below, source: () => this.#toFieldSource(have) };
  }

  #toFieldSource(have: Have): FieldSource {
    const { read, slot, field } = have;
    const guard = fallbackGuard(field);
    if (slot === undefined) {
      if (guard === undefined)
        return { get: this.#pure ? read : (cell) => read((cell as Cell).record), key: have.key };
      return {
        get: this.#pure
          ? (record, run) => guard(read(record), run)
          : (cell, run) => guard(read((cell as Cell).record), run),
        key: undefined,
      };
    }
    const get = (cell: unknown) => readSlot(cell as Cell, slot, have);
    return { get: guard === undefined ? get : (cell, run) => guard(get(cell), run), key: undefined };
  }

  #cellValue(have: Have): CellValue {
    const { read, slot } = have;
    const guard = fallbackGuard(have.field);
    const get =
      slot === undefined ? (cell: Cell) => read(cell.record) : (cell: Cell) => readSlot(cell, slot, have);
    return guard === undefined ? get : (cell, run) => guard(get(cell), run);
  }

  /** A field's value as it goes into a call: enum values in the graph's names, objects as their records. */
  #plain(access: Access, conditional: boolean, wanted: WantedByType = NOTHING): Needed {
    const { source } = access;
    const asked: Asked = {
      name: source.name,
      label: source.name,
      args: () => ({}),
      key: source.name,
      wanted,
      conditional,
    };
    const have = this.#have(source, access, asked, undefined);
    const value = this.#cellValue(have);
    const read = inGraphTerms(source);
    return { after: have.after, value: (cell, run) => read(value(cell, run)) };
  }

  /** A value map over the object's fields. */
  #map(map: ValueMap, known: ReadonlyMap<string, Access> | undefined, conditional: boolean): Needed {
    if (map.kind === 'path') return this.#path(map.path, known, conditional, undefined);
    if (map.of.length > 0) return this.#path(map.of, known, conditional, map);
    const entries = map.entries.map(({ name, value }) => ({ name, ...this.#map(value, known, conditional) }));
    return {
      after: entries.flatMap(({ after }) => after),
      value: (cell, run) => {
        const result: Record<string, unknown> = Object.create(null);
        let present = false;
        for (const { name, value } of entries) {
          const one = value(cell, run);
          if (one instanceof Error) return one;
          if (one !== null && one !== undefined) present = true;
          result[name] = one;
        }
        return present ? result : null;
      },
    };
  }

  /** A path over the object's fields; `entries` are read of the objects at its end. */
  #path(
    path: MappingPath,
    known: ReadonlyMap<string, Access> | undefined,
    conditional: boolean,
    entries: (ValueMap & { kind: 'object' }) | undefined,
  ): Needed {
    const [first, ...rest] = path;
    if (first?.kind !== 'key') throw new NotCompiled('a value map that does not begin with a field');
    const access =
      known?.get(first.name) ?? this.#compiler.graph.access(this.#graphType, this.#origin!, first.name);
    if (access === undefined) throw new NotCompiled(`${this.#graphType}.${first.name} cannot be had`);
    const list = rest.findIndex(({ kind }) => kind === 'key');
    const structure = list === -1 ? rest : rest.slice(0, list);
    const names = list === -1 ? [] : rest.slice(list);
    const type = getNamedType(access.source.type);
    if (!isCompositeType(type) || (names.length === 0 && entries === undefined)) {
      const whole = wantedByMap(this.#compiler.graph, this.#graphType, { kind: 'path', path: [first] });
      const { after, value } = this.#plain(access, conditional, whole.get(first.name)?.below);
      if (rest.length === 0) return { after, value: (cell, run) => plainValue(value(cell, run)) };
      const read = toPathReader(rest);
      return { after, value: (cell, run) => plainValue(onValue(value(cell, run), read)) };
    }
    if (!isObjectType(type)) throw new NotCompiled(`a value map through the abstract type ${type.name}`);
    return this.#innerPath(access, type.name, structure, names, conditional, entries);
  }

  #innerPath(
    access: Access,
    typeName: string,
    structure: readonly PathStep[],
    names: MappingPath,
    conditional: boolean,
    entries: (ValueMap & { kind: 'object' }) | undefined,
  ): Needed {
    const { source } = access;
    const map: ValueMap = entries === undefined ? { kind: 'path', path: names } : { ...entries, of: names };
    const { graph } = this.#compiler;
    const wanted: WantedByType = new Map([[typeName, wantedByMap(graph, typeName, map)]]);
    const inner = new ObjectBuilder(this.#compiler, typeName, {
      origin: graph.originOf(source),
      wanted,
      found: undefined,
    });
    inner.#asking = this.#asking;
    const inside =
      names.length > 0
        ? inner.#path(names, undefined, false, entries)
        : inner.#map({ ...entries!, of: [] }, undefined, false);
    const plan = inner.finish([], inner.steps.length === 0);
    const asked: Asked = {
      name: source.name,
      label: source.name,
      args: () => ({}),
      key: source.name,
      wanted,
      conditional,
    };
    const below: ObjectsPlan = {
      graphType: typeName,
      connector: source.owner.connector,
      pure: plan.pure,
      byType: new Map(),
      single: plan,
    };
    let have = this.#have(source, access, asked, below);
    if (!plan.pure && source.source.via !== 'call') have = this.#objects(have, below, asked);
    const held = this.#cellValue(have);
    const read = inGraphTerms(source);
    const value: CellValue = (cell, run) => read(held(cell, run));
    const one = (held: unknown, run: Run): unknown => {
      if (held instanceof Error || held === null || held === undefined) return held ?? null;
      return inside.value(held instanceof Cell ? held : new Cell(held, undefined), run);
    };
    return {
      after: have.after,
      value: (cell, run) => plainValue(alongStructure(value(cell, run), structure, (held) => one(held, run))),
    };
  }
}

export function listLevels(type: GraphQLOutputType): number {
  const nullable = getNullableType(type);
  return isListType(nullable) ? 1 + listLevels(nullable.ofType) : 0;
}

/** Texts of keys that an argument takes: equal for equal keys, whatever their wire form. */
function keyText({ field }: Lookup, { name }: Lookup['arguments'][number]): (key: unknown) => string {
  const type = field.args.find((argument) => argument.name === name)?.type;
  if (type === undefined || !isLeafType(getNamedType(type))) return canonical;
  // A scalar of one's own may be an object: its text is no other key's.
  return (key) => (typeof key === 'object' ? `\0${canonical(key)}` : String(key));
}

/** The function that reads a field from a record of its connector. */
function readerOf(
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

/** Puts the fallback in place of a backend's failure, never of a denial, and leaves a trace. */
function fallbackGuard(field: ConnectorField): ((value: unknown, run: Run) => unknown) | undefined {
  const { fallback } = field;
  if (fallback === undefined) return undefined;
  return (value, { execution }) => {
    if (!(value instanceof UpstreamError) || value.code === 'UNAUTHENTICATED') return value;
    execution.fallbacks.push({ coordinate: field.coordinate, connector: value.connector, code: value.code });
    return fallback.value;
  };
}

function onValue(value: unknown, read: Reader): unknown {
  return value instanceof Error || value === null || value === undefined ? value : read(value);
}

/** Reads raw values of a field as its type has them: what is no list or object where one should be is an error in its place. */
function inGraphTerms({ type, owner }: ConnectorField): (raw: unknown) => unknown {
  const { connector } = owner;
  const read = (raw: unknown, at: GraphQLOutputType): unknown => {
    if (raw === null || raw === undefined || raw instanceof Error) return raw ?? null;
    if (isNonNullType(at)) return read(raw, at.ofType);
    if (isListType(at))
      return Array.isArray(raw)
        ? raw.map((item) => read(item, at.ofType))
        : invalid(connector, `no list for ${at}`);
    if (isCompositeType(at))
      return typeof raw === 'object' && !Array.isArray(raw) ? raw : invalid(connector, `no object for ${at}`);
    return isEnumType(at) ? fromWire(connector, at.name, raw) : raw;
  };
  return (raw) => read(raw, type);
}

/** A value as it goes into a call, or what failed in it. */
function plainValue(value: unknown): unknown {
  if (!Array.isArray(value)) return value instanceof Cell ? value.record : value;
  const plain = value.map(plainValue);
  return plain.find((item) => item instanceof Error) ?? plain;
}

/** Follows `[]` and `[n]` down to the objects. */
function alongStructure(
  value: unknown,
  structure: readonly PathStep[],
  one: (held: unknown) => unknown,
): unknown {
  const [first, ...rest] = structure;
  if (value instanceof Error) return value;
  if (first === undefined)
    return Array.isArray(value) ? value.map((item) => alongStructure(item, [], one)) : one(value);
  if (!Array.isArray(value)) return null;
  if (first.kind === 'index') return alongStructure(value[first.index] ?? null, rest, one);
  return value.map((item) => alongStructure(item, rest, one));
}
