/** Which input types a value is made of: those who give it, or have it given for them, have to be allowed all of them. */
import {
  coerceInputLiteral,
  type GraphQLArgument,
  type GraphQLInputType,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
  Kind,
  type ValueNode,
} from 'graphql';

/** The types that a value is made of. @param ofVariable the types that a variable of a type may be made of */
export function usedTypes(
  value: ValueNode,
  type: GraphQLInputType,
  ofVariable: (type: GraphQLInputType) => readonly string[],
): readonly string[] {
  if (value.kind === Kind.VARIABLE) return ofVariable(type);
  if (value.kind === Kind.NULL) return [];
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    const items = value.kind === Kind.LIST ? value.values : [value];
    return items.flatMap((item) => usedTypes(item, nullable.ofType, ofVariable));
  }
  if (!isInputObjectType(nullable) || value.kind !== Kind.OBJECT) return [nullable.name];
  const fields = nullable.getFields();
  return [
    nullable.name,
    ...value.fields.flatMap(({ name, value: inner }) => {
      const field = fields[name.value];
      return field === undefined ? [] : usedTypes(inner, field.type, ofVariable);
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

/** The types that a default is made of, with the defaults inside it. */
export function typesOfDefault({
  default: given,
  type,
}: Pick<GraphQLArgument, 'default' | 'type'>): readonly string[] {
  if (given === undefined) return [];
  return typesOfValue(
    given.literal === undefined ? given.value : coerceInputLiteral(given.literal, type),
    type,
  );
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
