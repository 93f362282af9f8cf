/** Enum values whose names differ between the graph and a backend's wire, inbound and outbound. Decided once per type. */
import {
  type GraphQLInputType,
  type GraphQLNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
} from 'graphql';
import type { Connector, ConnectorField } from '../load/model.ts';

type Convert = (value: unknown) => unknown;
type Arguments = Readonly<Record<string, unknown>>;

const byField = new WeakMap<ConnectorField, ReadonlyMap<string, Convert>>();
const byType = new WeakMap<GraphQLNamedType, Convert | 'none'>();

/** Arguments as the backend wants them, with the defaults of those that are absent. */
export function toWireArguments(field: ConnectorField, args: Arguments): Arguments {
  let converters = byField.get(field);
  if (converters === undefined) {
    const { connector } = field.owner;
    converters = new Map(
      field.args.flatMap(({ name, type }) => {
        const convert = toConverter(connector, type);
        return convert === undefined ? [] : [[name, convert] as const];
      }),
    );
    byField.set(field, converters);
  }
  const result: Record<string, unknown> = Object.create(null);
  for (const { name, defaultValue } of field.args) {
    const value = args[name] === undefined ? defaultValue : args[name];
    if (value === undefined) continue;
    const convert = converters.get(name);
    result[name] = convert === undefined || value === null ? value : convert(value);
  }
  return result;
}

/** The graph's enum value of a wire value; the value itself where names are equal. */
export function fromWire(connector: Connector, typeName: string, value: unknown): unknown {
  const wire = connector.types.get(typeName)?.wire;
  return wire === undefined ? value : (wire.fromWire.get(String(value)) ?? value);
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
  byType.set(nullable, 'none');
  const wire = connector.types.get(nullable.name)?.wire;
  if (wire !== undefined) {
    const convert: Convert = (value) => wire.toWire.get(String(value)) ?? value;
    byType.set(nullable, convert);
    return convert;
  }
  if (!isInputObjectType(nullable)) return undefined;
  const fields = Object.values(nullable.getFields()).flatMap((field) => {
    const convert = toConverter(connector, field.type);
    return convert === undefined ? [] : [[field.name, convert] as const];
  });
  if (fields.length === 0) return undefined;
  const convert: Convert = (value) => {
    const copy = Object.assign(Object.create(null), value) as Record<string, unknown>;
    for (const [name, inner] of fields)
      if (copy[name] !== undefined && copy[name] !== null) copy[name] = inner(copy[name]);
    return copy;
  };
  byType.set(nullable, convert);
  return convert;
}
