/** What a GraphQL server answered: data, and errors brought to the places that they belong to. */

import { UpstreamError } from '../../errors.ts';
import { isObject } from '../../json-object.ts';
import { codeIn, type ErrorCodes, toSafeCode } from '../../upstream/codes.ts';
import type { HttpResponse } from '../../upstream/http.ts';
import { parseJsonLosslessly } from '../../upstream/json.ts';
import { toStatusError } from '../../upstream/status.ts';
import type { CommonSettings } from '../settings.ts';
import { setOwn } from './record-fix.ts';

export interface Answer {
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly errors: readonly LocatedError[];
}

export interface LocatedError {
  readonly path: readonly (string | number)[];
  readonly error: UpstreamError;
}

/** Of a thousand errors nobody reads more; one per null would be millions in a bad answer. */
const MAX_ERRORS = 1000;
const MAX_MESSAGE = 1000;

/** @throws {UpstreamError} when the answer is no GraphQL answer, or a refusal of the whole request */
export function readAnswer(
  codes: ErrorCodes,
  { responseObjects }: CommonSettings['limits'],
  response: HttpResponse,
): Answer {
  const { connector } = codes;
  const { status, headers, body } = response;
  const ok = status >= 200 && status <= 299;
  const type = String(headers['content-type'] ?? '');
  // Any other text of a failing server is a proxy's page.
  if (!ok && !type.includes('json')) throw toStatusError(connector, response);
  let value: unknown;
  try {
    value = parseJsonLosslessly(body.toString('utf8'), responseObjects);
  } catch (cause) {
    if (!ok) throw toStatusError(connector, response);
    throw new UpstreamError('UPSTREAM_INVALID', connector, {
      internal: `answered ${type || 'no content type'} ${(cause as Error).message}`,
      status: String(status),
      cause,
    });
  }
  const answer = toAnswer(codes, value);
  if (answer !== undefined && (answer.data !== null || answer.errors.some(({ path }) => path.length > 0)))
    return answer;
  const first = answer?.errors[0]?.error;
  if (!ok) {
    // The status is certain; the code inside the error only says more if it says anything.
    throw first === undefined || first.code === 'UPSTREAM_FAILED'
      ? toStatusError(connector, response)
      : first;
  }
  if (first !== undefined) throw first;
  if (answer !== undefined) return answer;
  throw new UpstreamError('UPSTREAM_INVALID', connector, {
    internal: 'answered JSON without data and errors',
    status: String(status),
  });
}

/** Undefined if the value has neither data nor errors. */
export function toAnswer(codes: ErrorCodes, value: unknown): Answer | undefined {
  if (!isObject(value)) return undefined;
  const { data, errors } = value;
  const list = Array.isArray(errors)
    ? errors.slice(0, MAX_ERRORS).map((error) => toLocatedError(codes, error))
    : [];
  if (isObject(data)) return { data, errors: list };
  return list.length > 0 || data === null ? { data: null, errors: list } : undefined;
}

function toLocatedError(codes: ErrorCodes, value: unknown): LocatedError {
  const given = isObject(value) ? value : {};
  const message = typeof given.message === 'string' ? given.message.slice(0, MAX_MESSAGE) : '';
  const code = toSafeCode(isObject(given.extensions) ? codeIn(given.extensions) : undefined);
  const path = Array.isArray(given.path) ? given.path : [];
  return {
    path: path.every((step) => typeof step === 'string' || typeof step === 'number') ? path : [],
    error: codes.toError(code, 'failed', {
      internal: `answered the error "${message}"`,
      detail: { message, code },
    }),
  };
}

/**
 * Puts each error where the null is that it left in `data`, for engines to find it there. Errors beside a value are dropped:
 * there is a value.
 * @returns the errors that have no place in the data
 */
export function placeErrors(
  data: Readonly<Record<string, unknown>>,
  errors: readonly LocatedError[],
): readonly LocatedError[] {
  return errors.filter(({ path, error }) => path.length === 0 || !place(data, path, error));
}

function place(data: unknown, path: readonly (string | number)[], error: UpstreamError): boolean {
  let container = data;
  for (const [index, step] of path.entries()) {
    if (typeof container !== 'object' || container === null || container instanceof Error) return true;
    if (!Object.hasOwn(container, step)) return index > 0;
    const value = (container as Record<string | number, unknown>)[step];
    if (value === null) {
      if (Array.isArray(container)) container[Number(step)] = error;
      else setOwn(container as Record<string, unknown>, String(step), error);
      return true;
    }
    container = value;
  }
  return true;
}
