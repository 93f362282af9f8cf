/** Arguments as a backend wants them, with its defaults and its names of enum values; and such names on their way back. Decided once per type. */
import {
  coerceInputLiteral,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLNamedType,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
} from 'graphql';
import type { Connector, ConnectorField } from '../load/model.ts';
import { textOf } from '../mapping/text-of.ts';

type Convert = (value: unknown) => unknown;

const byType = new WeakMap<GraphQLNamedType, Convert | 'none'>();

/** Of one argument; undefined when its values are the same on the wire. */
export function wireConverter({ owner, args }: ConnectorField, argument: string): Convert | undefined {
  const type = args.find(({ name }) => name === argument)?.type;
  return type === undefined ? undefined : toConverter(owner.connector, type);
}

/** The graph's enum value of a wire value; the value itself where names are equal. */
export function fromWire(connector: Connector, typeName: string, value: unknown): unknown {
  const wire = connector.types.get(typeName)?.wire;
  return wire === undefined ? value : (wire.fromWire.get(textOf(value)) ?? value);
}

function toConverter(connector: Connector, type: GraphQLInputType): Convert | undefined {
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    const item = toConverter(connector, nullable.ofType);
    if (item === undefined) return undefined;
    return (value) =>
      Array.isArray(value) ? value.map((one) => (one === null ? null : item(one))) : item(value);
  }
  const known = byType.get(nullable);
  if (known !== undefined) return known === 'none' ? undefined : known;
  const convert = needsWork(connector, nullable) ? toNamedConverter(connector, nullable) : undefined;
  byType.set(nullable, convert ?? 'none');
  return convert;
}

function toNamedConverter(connector: Connector, type: GraphQLNamedType): Convert {
  if (!isInputObjectType(type)) {
    const wire = connector.types.get(type.name)?.wire;
    return (value) => wire?.toWire.get(textOf(value)) ?? value;
  }
  // Made when first used: an input type may contain itself.
  let fields: ReadonlyArray<readonly [string, unknown, Convert | undefined]> | undefined;
  return (value) => {
    fields ??= Object.values(type.getFields()).map(
      (field) => [field.name, defaultOf(field), toConverter(connector, field.type)] as const,
    );
    const copy = Object.assign(Object.create(null), value) as Record<string, unknown>;
    for (const [name, preset, inner] of fields) {
      if (copy[name] === undefined && preset !== undefined) copy[name] = preset;
      if (inner !== undefined && copy[name] !== undefined && copy[name] !== null)
        copy[name] = inner(copy[name]);
    }
    return copy;
  };
}

/** Whether an enum with names of its own, or a default that a view may not repeat, is anywhere in the type. */
function needsWork(
  connector: Connector,
  type: GraphQLNamedType,
  seen = new Set<GraphQLNamedType>(),
): boolean {
  if (seen.has(type)) return false;
  seen.add(type);
  if (!isInputObjectType(type)) return connector.types.get(type.name)?.wire !== undefined;
  return Object.values(type.getFields()).some(
    (field) => field.default !== undefined || needsWork(connector, getNamedType(field.type), seen),
  );
}

function defaultOf({ default: preset, type }: GraphQLInputField): unknown {
  if (preset === undefined) return undefined;
  return preset.literal === undefined ? preset.value : coerceInputLiteral(preset.literal, type);
}
