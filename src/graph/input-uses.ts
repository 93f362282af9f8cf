/** Which input types a value is made of: those who give it, or have it given for them, have to be allowed all of them. */
import {
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
  Kind,
  type ValueNode,
  type VariableNode,
} from 'graphql';

export interface Unwritten {
  /** The types that a variable may be made of where a type is expected. */
  readonly ofVariable?: (type: GraphQLInputType, node: VariableNode) => readonly string[];
  /** The types that a field of an input object has where it is not written. */
  readonly ofAbsent?: (field: GraphQLInputField) => readonly string[];
}

/** The types that a value is made of. */
export function usedTypes(
  value: ValueNode,
  type: GraphQLInputType,
  unwritten: Unwritten = {},
): readonly string[] {
  if (value.kind === Kind.VARIABLE) return unwritten.ofVariable?.(type, value) ?? [];
  if (value.kind === Kind.NULL) return [];
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    const items = value.kind === Kind.LIST ? value.values : [value];
    return items.flatMap((item) => usedTypes(item, nullable.ofType, unwritten));
  }
  if (!isInputObjectType(nullable) || value.kind !== Kind.OBJECT) return [nullable.name];
  return [
    nullable.name,
    ...Object.values(nullable.getFields()).flatMap((field) => {
      const written = value.fields.find(({ name }) => name.value === field.name);
      return written === undefined
        ? (unwritten.ofAbsent?.(field) ?? [])
        : usedTypes(written.value, field.type, unwritten);
    }),
  ];
}

/** A type and all that may be inside: which of it there is, only the request knows. */
export function typesWithin(type: GraphQLInputType): readonly string[] {
  const found = new Set<string>();
  const pending = [getNamedType(type)];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (found.has(next.name)) continue;
    found.add(next.name);
    if (isInputObjectType(next))
      pending.push(...Object.values(next.getFields()).map((field) => getNamedType(field.type)));
  }
  return [...found];
}

/** The types that a default is made of, with the defaults inside it. @param seen a schema that is not valid may have circles of them */
export function typesOfDefault(
  input: GraphQLArgument | GraphQLInputField,
  seen = new Set<GraphQLArgument | GraphQLInputField>(),
): readonly string[] {
  const { default: given, type } = input;
  if (given === undefined || seen.has(input)) return [];
  seen.add(input);
  return given.literal === undefined
    ? typesOfValue(given.value, type)
    : usedTypes(given.literal, type, { ofAbsent: (field) => typesOfDefault(field, seen) });
}

/** A type, and those of what its fields are where nobody gives them. */
export function typesGivenWith(schema: GraphQLSchema, name: string): readonly string[] {
  const type = schema.getType(name);
  const fields = isInputObjectType(type) ? Object.values(type.getFields()) : [];
  return [name, ...fields.flatMap((field) => typesOfDefault(field))];
}

/** The types that a value is made of that was coerced already. */
export function typesOfValue(value: unknown, type: GraphQLInputType): readonly string[] {
  if (value === undefined || value === null) return [];
  const nullable = getNullableType(type);
  if (isListType(nullable)) return [value].flat().flatMap((item) => typesOfValue(item, nullable.ofType));
  if (!isInputObjectType(nullable)) return [nullable.name];
  const fields = Object.values(nullable.getFields());
  const values = value as Readonly<Record<string, unknown>>;
  return [
    nullable.name,
    ...fields.flatMap((field) =>
      Object.hasOwn(values, field.name) ? typesOfValue(values[field.name], field.type) : [],
    ),
  ];
}
