/** Numbers of variables that lost digits when their JSON was read: an id that is rounded is somebody else's. */
import {
  GraphQLError,
  type GraphQLInputType,
  type GraphQLSchema,
  getNullableType,
  getOperationAST,
  isInputObjectType,
  isListType,
  isScalarType,
  typeFromAST,
} from 'graphql';
import type { PreparedOperation } from './request.ts';

/** Whether digits of it may be gone. */
export function isLong(value: number): boolean {
  return !Number.isSafeInteger(value) && (Number.isInteger(value) || !Number.isFinite(value));
}

/** The first that must not stand where it does: where an `ID` or a `Decimal` is expected, and beyond all doubles anywhere. */
export function problemWithLongNumbers(
  schema: GraphQLSchema,
  { document, operationName, variables }: PreparedOperation,
): GraphQLError | undefined {
  const values = (variables ?? {}) as Readonly<Record<string, unknown>>;
  for (const definition of getOperationAST(document, operationName)?.variableDefinitions ?? []) {
    const name = definition.variable.name.value;
    const type = typeFromAST(schema, definition.type) as GraphQLInputType | undefined;
    const what = Object.hasOwn(values, name) ? problemWith(values[name], type) : undefined;
    if (what === undefined) continue;
    return new GraphQLError(`Variable "$${name}" has ${what}.`, {
      nodes: definition,
      extensions: { code: 'BAD_VARIABLES' },
    });
  }
  return undefined;
}

/** Scalars that are read with all their digits. */
const EXACT: ReadonlySet<string> = new Set(['ID', 'Decimal']);

function problemWith(value: unknown, type: GraphQLInputType | undefined): string | undefined {
  const expected = type && getNullableType(type);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return 'a number that is beyond all that JSON numbers hold';
    const scalar = itemOf(expected);
    return isLong(value) && isScalarType(scalar) && EXACT.has(scalar.name)
      ? 'a number beyond 2^53, of which digits may be gone: send it as a text'
      : undefined;
  }
  if (Array.isArray(value)) {
    const item = isListType(expected) ? expected.ofType : expected;
    return firstOf(value, (one) => problemWith(one, item));
  }
  if (typeof value !== 'object' || value === null || value instanceof Blob) return undefined;
  // A list position takes a single value.
  const single = itemOf(expected);
  const fields = isInputObjectType(single) ? single.getFields() : undefined;
  return firstOf(Object.entries(value), ([name, inner]) =>
    problemWith(inner, fields !== undefined && Object.hasOwn(fields, name) ? fields[name]!.type : undefined),
  );
}

function firstOf<Item>(items: readonly Item[], find: (item: Item) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function itemOf(type: GraphQLInputType | undefined): GraphQLInputType | undefined {
  const item = type && getNullableType(type);
  return isListType(item) ? itemOf(item.ofType) : item;
}
