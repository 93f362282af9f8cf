/** `@fallback`: the answer in place of a backend's failure: one that the field could have given, or one that it has given. */
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
import { parseDuration } from '../../units.ts';
import type { ConnectorField } from '../model.ts';
import type { DirectiveReader } from './directive-reader.ts';

type Fallback = Pick<ConnectorField, 'fallback' | 'staleMs'>;

const NONE: Fallback = { fallback: undefined, staleMs: undefined };

export function readFallback(
  field: GraphQLField<unknown, unknown>,
  { coordinate, isCalled }: { readonly coordinate: string; readonly isCalled: boolean },
  reader: DirectiveReader,
): Fallback {
  const node = field.astNode?.directives?.find(({ name }) => name.value === 'fallback');
  if (node === undefined) return NONE;
  const argument = (name: string) => node.arguments?.find((one) => one.name.value === name)?.value;
  const [literal, stale] = [argument('value'), argument('stale')];
  if (literal === undefined && stale === undefined) {
    reader.report(node, {
      rule: 'fallback-value',
      message: `@fallback on ${coordinate} says nothing.`,
      expected: '"value", "stale", or both',
    });
    return NONE;
  }
  const wrong = literal === undefined ? undefined : mismatch(literal, field.type);
  if (wrong !== undefined) {
    const message = `The fallback of ${coordinate} is no value of ${field.type}.`;
    reader.report(node, { rule: 'fallback-value', message, ...wrong }, ['value']);
  }
  const staleMs = stale?.kind === Kind.STRING ? parseDuration(stale.value) : undefined;
  if (stale !== undefined && (staleMs === undefined || !isCalled)) {
    reader.report(
      node,
      {
        rule: 'fallback-stale',
        message:
          staleMs === undefined
            ? `How old the answer of ${coordinate} may be is no duration.`
            : `${coordinate} is no query of its own, so there is no earlier answer to it.`,
        expected: staleMs === undefined ? '"10m", "1h"' : 'a field with a binding that is no mutation',
        hint: staleMs === undefined ? undefined : 'put it on the field whose call finds the object',
      },
      ['stale'],
    );
  }
  return {
    fallback: literal === undefined ? undefined : { value: fallbackOf(literal, field, reader) },
    staleMs,
  };
}

/** Null is a fallback, too, though the directive asks for a value. */
function fallbackOf(
  literal: Literal,
  field: GraphQLField<unknown, unknown>,
  reader: DirectiveReader,
): unknown {
  return literal.kind === Kind.NULL ? null : reader.values('fallback', field.astNode)?.value;
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
