import type { SubschemaConfig } from '@graphql-tools/delegate';
import { type DocumentNode, print } from 'graphql';
import type { JsonClient } from '../../contenders/json-client.ts';
import type { Addresses } from '../../workload.ts';
import { schemaOf } from '../rides.ts';
import { ridesBy } from './client.ts';

export async function schema(addresses: Addresses, http: (url: string) => JsonClient) {
  return schemaOf(ridesBy(http(addresses.RIDES_URL!)));
}

/** A remote schema: stitching prints what it delegates. */
export async function subschemas(
  addresses: Addresses,
  http: (url: string) => JsonClient,
): Promise<SubschemaConfig[]> {
  const backend = http(addresses.RIDES_URL!);
  const executor = async ({ document, variables }: { document: DocumentNode; variables?: unknown }) =>
    (await backend.post('/graphql', { query: print(document), variables })) as { data?: unknown };
  return [{ schema: schemaOf(async () => []), executor: executor as SubschemaConfig['executor'] }];
}
