import { type GraphQLOutputType, getNullableType, isListType } from 'graphql';

export function listLevels(type: GraphQLOutputType): number {
  const nullable = getNullableType(type);
  return isListType(nullable) ? 1 + listLevels(nullable.ofType) : 0;
}
