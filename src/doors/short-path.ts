/**
 * The short path: a POST of JSON goes from node:http straight to the endpoint. Yoga's handling of a request costs several times
 * what the rest of it does, and for the commonest request it adds nothing.
 */
import type { ServerResponse } from 'node:http';
import type { FormattedExecutionResult } from 'graphql';
import type { Endpoint, Request as EndpointRequest } from '../operation/endpoint.ts';
import { type AnswerType, preferredAnswerType } from './media-type.ts';
import { operate, statusOf } from './operate.ts';
import type { Params } from './params.ts';

/** Answers one operation, or gives false when that takes the broad door: a subscription, or an answer that is no JSON. */
export async function answerShortly(
  endpoint: Endpoint,
  params: Params,
  request: EndpointRequest,
  response: ServerResponse,
): Promise<boolean> {
  const { accept } = request.headers;
  const preferred = preferredAnswerType(accept);
  if (preferred === undefined) return false;
  const result = await operate(endpoint, params, 'POST', request);
  if ('subscription' in result) return false;
  if (!response.destroyed) sendResult(response, result, statusOf(result, accept), preferred.type);
  return true;
}

/** One result as JSON. */
export function sendResult(
  response: ServerResponse,
  result: FormattedExecutionResult,
  status: number,
  type: AnswerType,
): void {
  const body = JSON.stringify(result);
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}
