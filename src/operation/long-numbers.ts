/** Numbers of variables that lost digits when their JSON was read: an id that is rounded is somebody else's. */
import {
  GraphQLError,
  GraphQLID,
  type GraphQLInputType,
  type GraphQLSchema,
  getNullableType,
  getOperationAST,
  isInputObjectType,
  isListType,
  typeFromAST,
} from 'graphql';
import type { PreparedOperation } from './request.ts';

/** Whether digits of it may be gone. */
export function isLong(value: number): boolean {
  return !Number.isSafeInteger(value) && (Number.isInteger(value) || !Number.isFinite(value));
}

/** The first that must not stand where it does: where an `ID` is expected, and beyond all doubles anywhere. */
export function problemWithLongNumbers(
  schema: GraphQLSchema,
  { document, operationName, variables }: PreparedOperation,
): GraphQLError | undefined {
  const values = (variables ?? {}) as Readonly<Record<string, unknown>>;
  for (const definition of getOperationAST(document, operationName)?.variableDefinitions ?? []) {
    const name = definition.variable.name.value;
    const type = typeFromAST(schema, definition.type) as GraphQLInputType | undefined;
    if (!Object.hasOwn(values, name) || !isWrong(values[name], type)) continue;
    return new GraphQLError(
      `Variable "$${name}" has a number with more digits than JSON numbers keep: send it as a text.`,
      { nodes: definition, extensions: { code: 'BAD_VARIABLES' } },
    );
  }
  return undefined;
}

function isWrong(value: unknown, type: GraphQLInputType | undefined): boolean {
  const expected = type && getNullableType(type);
  if (typeof value === 'number')
    return !Number.isFinite(value) || (isLong(value) && itemOf(expected) === GraphQLID);
  if (Array.isArray(value)) {
    const item = isListType(expected) ? expected.ofType : expected;
    return value.some((one) => isWrong(one, item));
  }
  if (typeof value !== 'object' || value === null || value instanceof Blob) return false;
  // A list position takes a single value.
  const single = itemOf(expected);
  const fields = isInputObjectType(single) ? single.getFields() : undefined;
  return Object.entries(value).some(([name, inner]) =>
    isWrong(inner, fields !== undefined && Object.hasOwn(fields, name) ? fields[name]!.type : undefined),
  );
}

function itemOf(type: GraphQLInputType | undefined): GraphQLInputType | undefined {
  const item = type && getNullableType(type);
  return isListType(item) ? itemOf(item.ofType) : item;
}
