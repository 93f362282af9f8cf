/** What the records of an answer look like, so that SDL can be checked against them. */
import protobuf, { type Field, type Type } from 'protobufjs';
import { formatPath, type Path, type ValueMap } from '../../mapping/path.ts';
import { ANY, WELL_KNOWN, WRAPPERS } from './well-known.ts';

export type Shape =
  | { readonly kind: 'message'; readonly type: Type }
  | { readonly kind: 'list'; readonly of: Shape }
  /** What a value map in braces makes. */
  | { readonly kind: 'record'; readonly members: ReadonlyMap<string, Shape> }
  /** An object with any keys. */
  | { readonly kind: 'map'; readonly of: Shape }
  | { readonly kind: 'enum'; readonly name: string; readonly values: readonly string[] }
  | { readonly kind: 'scalar'; readonly name: string }
  /** The name of the member that is set. */
  | { readonly kind: 'oneof'; readonly name: string; readonly members: readonly string[] }
  /** Whatever JSON can hold. */
  | { readonly kind: 'json' };

const JSON_SHAPE: Shape = { kind: 'json' };

export function shapeOfType(type: Type): Shape {
  const name = type.fullName.slice(1);
  if (name === ANY) return JSON_SHAPE;
  if (WRAPPERS.has(name)) return shapeOfField(type.fields.value!);
  const known = WELL_KNOWN.get(name);
  if (known === undefined) return { kind: 'message', type };
  if (known.form === 'list') return { kind: 'list', of: JSON_SHAPE };
  return known.form === 'scalar' ? { kind: 'scalar', name } : JSON_SHAPE;
}

export function shapeOfField(field: Field): Shape {
  const single = shapeOfValue(field);
  if (field.map) return { kind: 'map', of: single };
  return field.repeated ? { kind: 'list', of: single } : single;
}

/** Without the list or map around it. */
function shapeOfValue(field: Field): Shape {
  const { resolvedType } = field.resolve();
  if (resolvedType instanceof protobuf.Enum) {
    return { kind: 'enum', name: resolvedType.name, values: Object.keys(resolvedType.values) };
  }
  return resolvedType instanceof protobuf.Type
    ? shapeOfType(resolvedType)
    : { kind: 'scalar', name: field.type };
}

export function isObjectShape({ kind }: Shape): boolean {
  return kind === 'message' || kind === 'record' || kind === 'map';
}

/** Words for messages: "fleet.v1.Bike", "a list of string". */
export function describe(shape: Shape): string {
  switch (shape.kind) {
    case 'message':
      return shape.type.fullName.slice(1);
    case 'list':
      return `a list of ${describe(shape.of)}`;
    case 'map':
      return `a map of ${describe(shape.of)}`;
    case 'record':
      return 'an object';
    case 'json':
      return 'JSON';
    case 'oneof':
      return `the oneof ${shape.name}`;
    default:
      return shape.name;
  }
}

/** The names that a record of this shape has. */
export function namesIn(shape: Shape): readonly string[] {
  if (shape.kind === 'record') return [...shape.members.keys()];
  if (shape.kind !== 'message') return [];
  return [
    ...shape.type.fieldsArray.map(({ name }) => name),
    ...realOneofs(shape.type).map(({ name }) => name),
  ];
}

/** In the order of their numbers. */
export function fieldNames(type: Type): readonly string[] {
  return [...type.fieldsArray].sort((a, b) => a.id - b.id).map(({ name }) => name);
}

export function realOneofs(type: Type) {
  return type.oneofsArray.filter((oneof) => !oneof.isProto3Optional);
}

/** Where a path ends, or the step that leads nowhere. */
export type Walked = { readonly found: Shape } | { readonly missing: string; readonly in: Shape };

export function walk(shape: Shape, path: Path): Walked {
  const [step, ...rest] = path;
  if (step === undefined || shape.kind === 'json') return { found: shape };
  if (step.kind === 'key') {
    const next = member(shape, step.name);
    return next === undefined ? { missing: step.name, in: shape } : walk(next, rest);
  }
  if (shape.kind !== 'list') return { missing: formatPath([step]), in: shape };
  const inner = walk(shape.of, rest);
  return step.kind === 'each' && 'found' in inner ? { found: { kind: 'list', of: inner.found } } : inner;
}

export function member(shape: Shape, name: string): Shape | undefined {
  if (shape.kind === 'json') return shape;
  if (shape.kind === 'map') return shape.of;
  if (shape.kind === 'record') return shape.members.get(name);
  if (shape.kind !== 'message') return undefined;
  if (Object.hasOwn(shape.type.fields, name)) return shapeOfField(shape.type.fields[name]!);
  const oneof = realOneofs(shape.type).find((candidate) => candidate.name === name);
  return oneof === undefined ? undefined : { kind: 'oneof', name, members: oneof.oneof };
}

/** Where a value map leads. */
export function walkMap(shape: Shape, map: ValueMap): Walked {
  if (map.kind === 'path') return walk(shape, map.path);
  const base = walk(shape, map.of);
  if (!('found' in base)) return base;
  const of = base.found.kind === 'list' ? base.found.of : base.found;
  const members = new Map<string, Shape>();
  for (const { name, value } of map.entries) {
    const walked = walkMap(of, value);
    if (!('found' in walked)) return walked;
    members.set(name, walked.found);
  }
  const record: Shape = { kind: 'record', members };
  return { found: base.found.kind === 'list' ? { kind: 'list', of: record } : record };
}
