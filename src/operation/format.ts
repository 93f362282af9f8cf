/** Results as callers read them: every error with a code and the request's id, in the order of the document. */
import {
  type ExecutionResult,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
  Kind,
} from 'graphql';
import { ERRORS, type ErrorCode, HemError } from '../errors.ts';
import type { Request } from './request.ts';

/** What callers read of one error at most; texts of theirs come back in some. */
const MAX_MESSAGE_CHARACTERS = 1000;
/** A result of nothing but an error that no field is to blame for. */
export function failure(error: unknown): ExecutionResult {
  if (error instanceof GraphQLError) return { errors: [error] };
  const cause = error instanceof Error ? error : new Error(String(error));
  if (!(cause instanceof HemError)) return { errors: [new GraphQLError('', { originalError: cause })] };
  const extensions = { code: cause.code };
  return { errors: [new GraphQLError(cause.publicText, { originalError: cause, extensions })] };
}

/** Every error gets a code and the request's id; whatever was not meant for callers is replaced. */
export function format(
  result: ExecutionResult,
  request: Pick<Request, 'requestId'>,
): FormattedExecutionResult {
  if (result.errors === undefined) return result as FormattedExecutionResult;
  return { ...result, errors: formatErrors(result.errors, !('data' in result), request) };
}

export function formatErrors(
  errors: readonly GraphQLError[],
  beforeExecution: boolean,
  { requestId }: Pick<Request, 'requestId'>,
): readonly GraphQLFormattedError[] {
  return [...errors].sort(byPosition).map((error) => formatError(error, beforeExecution, requestId));
}

export function formatError(
  error: GraphQLError,
  beforeExecution: boolean,
  requestId: string,
): GraphQLFormattedError {
  const code = codeOf(error, beforeExecution);
  const isOwn = error.extensions.code !== undefined;
  const message = isOwn || code !== 'INTERNAL' ? error.message : ERRORS.INTERNAL.text;
  const { locations, path } = error;
  return {
    message:
      message.length > MAX_MESSAGE_CHARACTERS ? `${message.slice(0, MAX_MESSAGE_CHARACTERS)}…` : message,
    ...(locations === undefined ? {} : { locations }),
    ...(path === undefined ? {} : { path }),
    extensions: { ...error.extensions, code, requestId },
  };
}

/**
 * Without a code of ours it is graphql-js's own error. Before execution it is about the caller's variables, and points at them; later
 * about an argument, of a field or of @skip and @include, that is null by a variable, and points at that one; whatever else is unforeseen.
 */
export function codeOf(
  { extensions, originalError, nodes }: GraphQLError,
  beforeExecution: boolean,
): ErrorCode {
  const own = extensions.code as ErrorCode | undefined;
  const isAboutVariables = beforeExecution
    ? originalError === undefined || nodes !== undefined
    : (originalError === undefined || originalError instanceof GraphQLError) &&
      nodes?.[0] !== undefined &&
      nodes[0].kind !== Kind.FIELD;
  return own ?? (isAboutVariables ? 'BAD_VARIABLES' : 'INTERNAL');
}

/** What is of no place of the document comes last. */
function byPosition(a: GraphQLError, b: GraphQLError): number {
  const [first, second] = [a, b].map(({ positions }) => positions?.[0] ?? Number.MAX_SAFE_INTEGER) as [
    number,
    number,
  ];
  return first - second || comparePaths(a.path ?? [], b.path ?? []);
}

function comparePaths(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const [left, right] = [a[index]!, b[index]!];
    if (left === right) continue;
    return typeof left === 'number' && typeof right === 'number'
      ? left - right
      : String(left) < String(right)
        ? -1
        : 1;
  }
  return a.length - b.length;
}
