/** The operators' view of everything: the stitched graph, queries and mutations. */
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { GraphQLError } from 'graphql';
import { createYoga } from 'graphql-yoga';
import { newExecution } from '../execute/execution.ts';
import { toFieldError } from '../execute/field-errors.ts';
import { installSubschemaResolvers } from '../execute/stitched.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import type { Connections } from '../load/model.ts';
import type { Request as EndpointRequest } from '../operation/endpoint.ts';

export interface WholeGraphDoor {
  fetch(request: Request, endpointRequest: EndpointRequest): Promise<Response>;
  dispose(): Promise<void>;
}

export function openWholeGraph(
  graph: ComposedGraph,
  connections: Connections,
  deadlineMs: number,
): WholeGraphDoor {
  installSubschemaResolvers(graph);
  const connectors = new Map(graph.connectors.map((connector) => [connector.name, connector]));
  const yoga = createYoga<{ readonly endpointRequest: EndpointRequest }>({
    graphqlEndpoint: '/graph',
    schema: graph.schema,
    graphiql: { title: 'The whole graph · Hem' },
    renderGraphiQL,
    landingPage: false,
    logging: false,
    cors: false,
    batching: false,
    multipart: false,
    context: ({ endpointRequest }) => {
      const { requestId, headers } = endpointRequest;
      const signal = AbortSignal.any([endpointRequest.signal, AbortSignal.timeout(deadlineMs)]);
      return newExecution(graph, connections, {
        requestId,
        headers,
        signal,
        deadlineAt: performance.now() + deadlineMs,
        claims: {},
      });
    },
    maskedErrors: {
      maskError(error) {
        if (!(error instanceof GraphQLError)) return toFieldError(error, '', connectors);
        if (error.originalError === undefined) return error;
        const cause = rootOf(error.originalError);
        const located = toFieldError(cause, error.path?.join('.') ?? '', connectors);
        return new GraphQLError(located.message, {
          nodes: error.nodes,
          path: error.path,
          extensions: located.extensions,
        });
      },
    },
  });
  return {
    fetch: (request, endpointRequest) => Promise.resolve(yoga.fetch(request, { endpointRequest })),
    dispose: () => Promise.resolve(yoga.dispose()),
  };
}

/** Stitching wraps errors once per level. */
function rootOf(error: unknown): unknown {
  let current = error;
  for (
    let level = 0;
    level < 20 && current instanceof GraphQLError && current.originalError !== undefined;
    level++
  )
    current = current.originalError;
  return current;
}
