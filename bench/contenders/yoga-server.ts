import { createServer } from 'node:http';
import type { GraphQLSchema } from 'graphql';
import { createYoga } from 'graphql-yoga';
import { listen } from './listen.ts';

/** Yoga on node:http, with nothing on that the workload does not need. Parsed and validated documents are kept, as by default. */
export async function serveWithYoga(
  schema: GraphQLSchema,
  context: () => Record<string, unknown> = () => ({}),
): Promise<string> {
  const yoga = createYoga({
    schema,
    context,
    logging: false,
    graphiql: false,
    landingPage: false,
    maskedErrors: false,
  });
  return `${await listen(createServer(yoga))}/graphql`;
}
