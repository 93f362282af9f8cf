/** Requests as callers send them, and answers as they get them. */
import type { GraphQLBody, TestGateway } from '../support/gateway.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: GraphQLBody;
  readonly text: string;
}

export const RESPONSE_TYPE = 'application/graphql-response+json';

/** Any request to the endpoint of the client "web". */
export async function ask(
  gateway: TestGateway,
  init: RequestInit & { readonly search?: string },
): Promise<Answer> {
  const { search = '', ...rest } = init;
  const response = await gateway.fetch(`/web/graphql${search}`, rest);
  const text = await response.text();
  const isJson = text !== '' && /json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson ? (JSON.parse(text) as GraphQLBody) : {},
  };
}

/** A POST of JSON that accepts the media type of GraphQL. @param payload sent as it is when it is a text */
export function post(
  gateway: TestGateway,
  payload: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return ask(gateway, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: RESPONSE_TYPE, ...headers },
    body: typeof payload === 'string' ? payload : JSON.stringify(payload),
  });
}

export function codesOf({ body }: Pick<Answer, 'body'>): unknown[] {
  return [body].flat().flatMap(({ errors }) => (errors ?? []).map(({ extensions }) => extensions.code));
}
