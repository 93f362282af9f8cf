/** The operators' whole graph, executed by stitching: a second witness of data. */
import { expect } from 'vitest';
import type { GraphQLBody, TestGateway } from './gateway.ts';

export async function askWholeGraph(
  { adminUrl, gateway }: TestGateway,
  query: string,
  variables?: Record<string, unknown>,
): Promise<GraphQLBody> {
  const response = await fetch(`${adminUrl}/graph`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${gateway.adminToken}` },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as GraphQLBody;
}

/** The data of a query without errors, which a client's view and the whole graph agree on. */
export async function askBoth(
  gateway: TestGateway,
  query: string,
  variables?: Record<string, unknown>,
): Promise<GraphQLBody['data']> {
  const { body } = await gateway.query('web', query, { variables });
  expect(body.errors).toBeUndefined();
  const whole = await askWholeGraph(gateway, query, variables);
  expect(whole).toEqual(body);
  return body.data;
}
