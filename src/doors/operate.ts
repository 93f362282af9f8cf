/** What every door over HTTP does with one operation. */
import type { FormattedExecutionResult } from 'graphql';
import { ERRORS, type ErrorCode } from '../errors.ts';
import type { Answer, Stream } from '../operation/answer.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import { format } from '../operation/format.ts';
import type { Part } from '../operation/parts.ts';
import type { Request as EndpointRequest } from '../operation/request.ts';
import { challengeOf } from './authentication.ts';
import { JSON_TYPE, preferredAnswerType, RESPONSE_TYPE } from './media-type.ts';
import type { Params } from './params.ts';

/** A subscription, for doors that can send one. */
export interface ToSubscribe {
  readonly subscription: Parameters<Endpoint['subscribe']>[0];
}

/** What a subscription is refused with that cannot be answered. */
export const NEEDS_EVENT_STREAM = 'A subscription is answered as text/event-stream, or over websocket.';

type Outcome<Result> = Answer | ToSubscribe | Promise<Result>;

/** Executes a query or mutation; hands a subscription back. @param how for callers who take one result, or several parts */
export function operate(
  endpoint: Endpoint,
  params: Params,
  method: string | undefined,
  request: EndpointRequest,
): Outcome<Answer>;
export function operate(
  endpoint: Endpoint,
  params: Params,
  method: string | undefined,
  request: EndpointRequest,
  how: 'executeInParts',
): Outcome<Answer | Stream<Part>>;
export function operate(
  endpoint: Endpoint,
  params: Params,
  method: string | undefined,
  request: EndpointRequest,
  how: 'execute' | 'executeInParts' = 'execute',
): Outcome<Answer | Stream<Part>> {
  const trace = endpoint.traceOf(params.extensions, request);
  const prepared = endpoint.prepare(params.query, params.operationName, {
    trace,
    principal: request.principal,
  });
  if ('errors' in prepared) {
    const result = format({ errors: prepared.errors }, request);
    request.notes?.failed(result.errors);
    return { result };
  }
  const { kind } = prepared;
  if (method === 'GET' && kind !== 'query')
    return { result: endpoint.refuse('METHOD_NOT_ALLOWED', `A ${kind} needs POST.`, request) };
  const operation = { ...prepared, variables: params.variables ?? {}, trace };
  return kind === 'subscription' ? { subscription: operation } : endpoint[how](operation, request);
}

/**
 * What a request of good form can be refused with. To callers who ask for application/json by its name these are answers like
 * others, as before there was a media type for GraphQL.
 */
const WELL_FORMED: ReadonlySet<ErrorCode> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_VARIABLES',
]);

/** The HTTP status of one result. 294 says "partial success". */
export function statusOf(result: FormattedExecutionResult, accept: string | undefined): number {
  if (result.errors === undefined) return 200;
  const preferred = preferredAnswerType(accept);
  if ('data' in result) return preferred?.type === RESPONSE_TYPE ? 294 : 200;
  const code = result.errors[0]?.extensions?.code as ErrorCode;
  const isAnswer = preferred?.type === JSON_TYPE && preferred.named && WELL_FORMED.has(code);
  return isAnswer ? 200 : ERRORS[code].status;
}

/** What a status says in headers of its own: how to be let in, or by which method. */
export function headersOf(
  status: number,
  result: FormattedExecutionResult,
): Readonly<Record<string, string>> {
  switch (status) {
    case 401:
    case 403: {
      const challenge = challengeOf(result);
      return challenge === undefined ? {} : { 'www-authenticate': challenge };
    }
    case 405:
      return { allow: 'POST' };
    default:
      return {};
  }
}
