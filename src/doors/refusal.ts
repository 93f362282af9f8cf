/** Answers to requests that are not executed: in GraphQL's shape at an endpoint, as problems (RFC 9457) elsewhere. */
import type { ServerResponse } from 'node:http';
import { ERRORS, HemError } from '../errors.ts';
import { JSON_TYPE, preferredAnswerType } from './media-type.ts';

/** What a refusal says besides its code: headers such as `Allow`. */
export class Refusal extends HemError {
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: keyof typeof ERRORS,
    publicText: string = ERRORS[code].text,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(code, { publicText });
    this.name = 'Refusal';
    this.headers = headers;
  }
}

/** `{"errors": […]}` as the answer of a GraphQL endpoint. */
export function sendGraphQLRefusal(
  response: ServerResponse,
  error: HemError,
  request: { readonly requestId: string; readonly accept: string | undefined },
): void {
  const { code, publicText, publicDetails } = error;
  const errors = [
    { message: publicText, extensions: { ...publicDetails, code, requestId: request.requestId } },
  ];
  const type = preferredAnswerType(request.accept)?.type ?? JSON_TYPE;
  send(response, error, `${type}; charset=utf-8`, { errors });
}

/** A problem, for whatever is not GraphQL. */
export function sendProblem(response: ServerResponse, error: HemError, requestId: string): void {
  const { code, publicText, publicDetails } = error;
  const body = {
    type: 'about:blank',
    title: code,
    status: ERRORS[code].status,
    detail: publicText,
    // Of a limit: a type of problem, and which limits.
    ...publicDetails,
    requestId,
  };
  send(response, error, 'application/problem+json', body);
}

function send(response: ServerResponse, error: HemError, contentType: string, body: object): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const text = JSON.stringify(body);
  response.writeHead(ERRORS[error.code].status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(error instanceof Refusal ? error.headers : {}),
  });
  response.end(text);
}
