/** Yoga and graphql-js over plain resolvers, which is what most teams would write. */
import type { Addresses, GraphQLModule } from '../workload.ts';
import { requestClient } from './json-client.ts';
import { serveWithYoga } from './yoga-server.ts';

export async function start(workload: string, addresses: Addresses): Promise<string> {
  const { schema, context } = (await import(`../workloads/${workload}/graphql.ts`)) as GraphQLModule;
  return serveWithYoga(await schema(addresses, requestClient), context);
}
