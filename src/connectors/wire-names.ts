/** What SDL says about single values: which scalars are one, and how enum values travel. */
import type { ASTNode, ConstValueNode, GraphQLEnumType } from 'graphql';

/** Scalars that are one value. Others may be JSON. */
export const SINGLE_VALUES: ReadonlySet<string> = new Set([
  ...['ID', 'String', 'Int', 'Float', 'Boolean'],
  ...['BigInt', 'Decimal', 'Bytes', 'DateTime', 'Date', 'Time', 'Duration'],
]);

export interface WireName {
  readonly name: string;
  readonly wire: string;
  readonly at: ASTNode | undefined;
}

/** An enum's values as they travel: `@from(value:)` renames them. */
export function wireNamesOf(type: GraphQLEnumType): readonly WireName[] {
  return type.getValues().map(({ name, astNode }) => {
    const from = astNode?.directives?.find((node) => node.name.value === 'from');
    const value: ConstValueNode | undefined = from?.arguments?.find(
      (argument) => argument.name.value === 'value',
    )?.value;
    return { name, wire: value?.kind === 'StringValue' ? value.value : name, at: astNode ?? undefined };
  });
}
