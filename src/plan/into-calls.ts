/** Values of an object's own fields that go into calls, and what has to be fetched for them. */
import { getNamedType, isCompositeType, isObjectType } from 'graphql';
import { bareObject } from '../bare-object.ts';
import { wantedByMap } from '../execute/record-selection.ts';
import { NOTHING, type WantedByType } from '../execute/wanted.ts';
import type { Access } from '../graph/graph.ts';
import type { ConnectorField } from '../load/model.ts';
import { type Path as MappingPath, type PathStep, toPathReader, type ValueMap } from '../mapping/path.ts';
import type { CellValue } from './asking.ts';
import { alongStructure, inGraphTerms, onValue, plainValue } from './graph-values.ts';
import { toCellValue } from './have.ts';
import type { AskedField, ObjectSteps } from './object-steps.ts';
import { NotCompiled, type ObjectsPlan } from './plan.ts';
import { Cell, type Run } from './run.ts';

/** A value of a cell and what has to be fetched for it. */
interface Needed {
  readonly after: readonly number[];
  readonly value: CellValue;
}

interface Reached {
  /** How fields are had, where that is decided already. */
  readonly known?: ReadonlyMap<string, Access> | undefined;
  /** Whether it depends on a variable that it is needed. */
  readonly conditional: boolean;
}

/** Reads entries of the objects at the end of a path. */
type Entries = ValueMap & { readonly kind: 'object' };

/** A field's value as it goes into a call: enum values in the graph's names, objects as their records. */
export function plainValueOf(
  object: ObjectSteps,
  access: Access,
  conditional: boolean,
  wanted: WantedByType = NOTHING,
): Needed {
  const { source } = access;
  const have = object.have(source, access, askedFor(source, wanted, conditional), undefined);
  const value = toCellValue(have);
  const read = inGraphTerms(source);
  return { after: have.after, value: (cell, run) => read(value(cell, run)) };
}

/** What a value map makes of the object's fields. */
export function mappedValueOf(object: ObjectSteps, map: ValueMap, reached: Reached): Needed {
  if (map.kind === 'path') return pathValueOf(object, map.path, reached, undefined);
  if (map.of.length > 0) return pathValueOf(object, map.of, reached, map);
  const entries = map.entries.map(({ name, value }) => ({ name, ...mappedValueOf(object, value, reached) }));
  return {
    after: entries.flatMap(({ after }) => after),
    value: (cell, run) => {
      const result = bareObject();
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

/** What stands at the end of a path over the object's fields, or what `entries` make of it. */
function pathValueOf(
  object: ObjectSteps,
  path: MappingPath,
  { known, conditional }: Reached,
  entries: Entries | undefined,
): Needed {
  const { graphType, compiler } = object;
  const [first, ...rest] = path;
  if (first?.kind !== 'key') throw new NotCompiled('a value map that does not begin with a field');
  const access = known?.get(first.name) ?? compiler.graph.access(graphType, object.origin!, first.name);
  if (access === undefined) throw new NotCompiled(`${graphType}.${first.name} cannot be had`);
  const list = rest.findIndex(({ kind }) => kind === 'key');
  const structure = list === -1 ? rest : rest.slice(0, list);
  const names = list === -1 ? [] : rest.slice(list);
  const type = getNamedType(access.source.type);
  if (!isCompositeType(type) || (names.length === 0 && entries === undefined)) {
    const whole = wantedByMap(compiler.graph, graphType, { kind: 'path', path: [first] });
    const { after, value } = plainValueOf(object, access, conditional, whole.get(first.name)?.below);
    if (rest.length === 0) return { after, value: (cell, run) => plainValue(value(cell, run)) };
    const read = toPathReader(rest);
    return { after, value: (cell, run) => plainValue(onValue(value(cell, run), read)) };
  }
  if (!isObjectType(type)) throw new NotCompiled(`a value map through the abstract type ${type.name}`);
  return innerValueOf(object, { access, typeName: type.name, structure, names, entries }, conditional);
}

interface InnerPath {
  readonly access: Access;
  readonly typeName: string;
  /** From the field's value to its objects. */
  readonly structure: readonly PathStep[];
  /** The rest of the path, from these objects on. */
  readonly names: MappingPath;
  readonly entries: Entries | undefined;
}

/** What stands inside of the objects that are the value of a field. */
function innerValueOf(
  object: ObjectSteps,
  { access, typeName, structure, names, entries }: InnerPath,
  conditional: boolean,
): Needed {
  const { source } = access;
  const map: ValueMap = entries === undefined ? { kind: 'path', path: names } : { ...entries, of: names };
  const wanted: WantedByType = new Map([[typeName, wantedByMap(object.compiler.graph, typeName, map)]]);
  const inner = object.inner(typeName, source, wanted);
  const inside =
    names.length > 0
      ? pathValueOf(inner, names, { conditional: false }, entries)
      : mappedValueOf(inner, { ...entries!, of: [] }, { conditional: false });
  const plan = inner.finish([], inner.list.steps.length === 0);
  const asked = askedFor(source, wanted, conditional);
  const below: ObjectsPlan = {
    graphType: typeName,
    connector: source.owner.connector,
    pure: plan.pure,
    byType: new Map(),
    single: plan,
  };
  let have = object.have(source, access, asked, below);
  if (!plan.pure && source.source.via !== 'call') have = object.objects(have, below, asked);
  const held = toCellValue(have);
  const read = inGraphTerms(source);
  const one = (value: unknown, run: Run): unknown => {
    if (value instanceof Error || value === null || value === undefined) return value ?? null;
    return inside.value(value instanceof Cell ? value : new Cell(value, undefined), run);
  };
  return {
    after: have.after,
    value: (cell, run) =>
      plainValue(alongStructure(read(held(cell, run)), structure, (value) => one(value, run))),
  };
}

function askedFor({ name }: ConnectorField, wanted: WantedByType, conditional: boolean): AskedField {
  return { name, label: name, args: () => ({}), key: name, wanted, conditional };
}
