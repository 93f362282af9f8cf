/** One schema per backend, stitched with batched type merging, served by Yoga. */
import { stitchSchemas } from '@graphql-tools/stitch';
import type { Addresses, GraphQLModule } from '../workload.ts';
import { requestClient } from './json-client.ts';
import { serveWithYoga } from './yoga-server.ts';

export async function start(workload: string, addresses: Addresses): Promise<string> {
  const { subschemas, context } = (await import(`../workloads/${workload}/graphql.ts`)) as GraphQLModule;
  const schema = stitchSchemas({ subschemas: await subschemas(addresses, requestClient) });
  return serveWithYoga(schema, context);
}
