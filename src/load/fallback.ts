/** `@fallback`: the answer in place of a backend's failure. It must be one that the field could have given. */
import {
  type ConstDirectiveNode,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  isInputType,
  isListType,
  isNonNullType,
  Kind,
  validateInputLiteral,
} from 'graphql';
import type { DirectiveReader } from './directive-reader.ts';
import type { ConnectorField } from './model.ts';

export function readFallback(
  field: GraphQLField<unknown, unknown>,
  coordinate: string,
  reader: DirectiveReader,
): ConnectorField['fallback'] {
  const node = field.astNode?.directives?.find(({ name }) => name.value === 'fallback');
  if (node === undefined) return undefined;
  const literal = node.arguments?.find(({ name }) => name.value === 'value')?.value;
  // Without a value the directive was reported when the SDL was checked.
  if (literal !== undefined) {
    const wrong = mismatch(literal, field.type);
    if (wrong !== undefined) {
      reader.report(
        node,
        {
          rule: 'fallback-value',
          message: `The fallback of ${coordinate} is no value of ${field.type}.`,
          ...wrong,
        },
        ['value'],
      );
    }
  }
  // Null is a fallback, too, though the directive asks for a value.
  if (literal?.kind === Kind.NULL) return { value: null };
  return { value: reader.values('fallback', field.astNode)?.value };
}

type Literal = NonNullable<ConstDirectiveNode['arguments']>[number]['value'];

function mismatch(
  literal: Literal,
  type: GraphQLOutputType,
): { found: string; expected: string; hint?: string } | undefined {
  if (literal.kind === Kind.NULL)
    return isNonNullType(type)
      ? { found: 'null', expected: 'a value: the field is not nullable' }
      : undefined;
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    if (literal.kind !== Kind.LIST) return { found: 'a single value', expected: 'a list' };
    for (const item of literal.values) {
      const wrong = mismatch(item, nullable.ofType);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }
  // Fields of objects have sources and backends of their own: nothing could be said for them here.
  if (!isInputType(getNamedType(type)))
    return { found: 'an object', expected: 'null, or an empty list where the field is a list' };
  let message: string | undefined;
  validateInputLiteral(literal, nullable as GraphQLInputType, (error) => {
    message ??= error.message;
  });
  if (message === undefined) return undefined;
  const [found = '', hint] = message.split(/\s+(?=Did you mean )/);
  return { found, expected: `a value of ${nullable}`, hint: hint?.replace(/^D/, 'd') };
}
