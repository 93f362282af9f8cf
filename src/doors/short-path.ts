/**
 * The short path: a POST of JSON, and a GET, go from node:http straight to the endpoint. Yoga's handling of a request costs several times
 * what the rest of it does, and for the commonest requests it adds nothing.
 */
import type { ServerResponse } from 'node:http';
import type { Answer, AnswerHeaders } from '../operation/answer.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import type { Request as EndpointRequest } from '../operation/request.ts';
import { freshnessHeaders, isHadAlready } from './freshness.ts';
import { type AnswerType, preferredAnswerType } from './media-type.ts';
import { headersOf, operate, statusOf } from './operate.ts';
import type { Params } from './params.ts';

export interface ShortCall {
  readonly endpoint: Endpoint;
  readonly params: Params;
  readonly request: EndpointRequest;
  readonly method: string;
  /** What the caller of a GET has already. */
  readonly ifNoneMatch: string | undefined;
  /** The caller's `Accept`. */
  readonly accept: string | undefined;
  /** Names and values in turn that every answer to this request has. */
  readonly headers: readonly string[];
}

/** Answers one operation, or gives undefined when that takes the broad door: a subscription, or an answer that is no JSON. */
export function answerShortly(
  { endpoint, params, request, method, ifNoneMatch, accept, headers }: ShortCall,
  response: ServerResponse,
): Promise<true> | true | undefined {
  const preferred = preferredAnswerType(accept);
  if (preferred === undefined) return undefined;
  const answer = (given: Answer): true => {
    if (response.destroyed) return true;
    const status = statusOf(given.result, accept);
    sendAnswer(response, given, { status, type: preferred.type, headers, ifNoneMatch });
    return true;
  };
  const outcome = operate(endpoint, params, method, request);
  if (outcome instanceof Promise) return outcome.then(answer);
  return 'subscription' in outcome ? undefined : answer(outcome);
}

export interface HowToSend {
  readonly status: number;
  readonly type: AnswerType;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** What the caller of a GET has already. */
  readonly ifNoneMatch: string | undefined;
}

function addTo(lines: string[], headers: AnswerHeaders): void {
  for (const name of Object.keys(headers)) lines.push(name, headers[name]!);
}

/** One answer as JSON, with what its status and its policies say in headers. */
export function sendAnswer(
  response: ServerResponse,
  { result, json, headers: own, freshness }: Answer,
  { status, type, headers, ifNoneMatch }: HowToSend,
): void {
  if (isHadAlready(ifNoneMatch, freshness)) {
    const lines = [...headers, ...freshnessHeaders(response, freshness)];
    if (own !== undefined) addTo(lines, own);
    response.writeHead(304, lines);
    response.end();
    return;
  }
  const body = json ?? JSON.stringify(result);
  // A list instead of an object: node:http then writes the lines as they are, without a table of its own.
  const lines = [
    ...headers,
    'content-type',
    `${type}; charset=utf-8`,
    'content-length',
    String(Buffer.byteLength(body)),
    ...freshnessHeaders(response, freshness),
    'x-content-type-options',
    'nosniff',
  ];
  if (status !== 200) addTo(lines, headersOf(status, result));
  if (own !== undefined) addTo(lines, own);
  response.writeHead(status, lines);
  response.end(body);
}
