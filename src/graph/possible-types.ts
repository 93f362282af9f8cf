import { type GraphQLSchema, isAbstractType } from 'graphql';

/** The name of a type, and those of the object types that may stand in its place. */
export function withPossibleTypes(schema: GraphQLSchema, name: string): readonly string[] {
  const type = schema.getType(name);
  return isAbstractType(type) ? [name, ...schema.getPossibleTypes(type).map(String)] : [name];
}
