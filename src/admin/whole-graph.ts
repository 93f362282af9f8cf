/** The operators' view of everything: the stitched graph, queries and mutations. */
import { type ExecutionResult, GraphQLError, type GraphQLSchema, getOperationAST } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import type { OutOfDate } from '../cache/tags.ts';
import { CallContext } from '../call-context.ts';
import { Cancellation } from '../cancellation.ts';
import { renderPage } from '../doors/page.ts';
import type { Params } from '../doors/params.ts';
import { answerByMediaType, takeParams } from '../doors/yoga.ts';
import { newExecution } from '../execute/execution.ts';
import { toFieldError } from '../execute/field-errors.ts';
import { stitchGraph } from '../execute/stitched.ts';
import type { ComposedGraph } from '../graph/compose.ts';
import type { Connections } from '../load/model.ts';
import type { OperationLimits } from '../load/settings/settings.ts';
import { Documents } from '../operation/documents.ts';
import { format } from '../operation/format.ts';
import type { Request as EndpointRequest } from '../operation/request.ts';
import { collectFields, fragmentsOf } from '../plan/collect.ts';

export interface WholeGraphDoor {
  /** @param params undefined when the page is asked for */
  fetch(method: string, params: Params | undefined, endpointRequest: EndpointRequest): Promise<Response>;
  dispose(): Promise<void>;
}

interface Context {
  readonly endpointRequest: EndpointRequest;
  readonly params: Params | undefined;
}

export function openWholeGraph(
  graph: ComposedGraph,
  connections: Connections,
  {
    limits,
    invalidate,
  }: { readonly limits: OperationLimits; readonly invalidate: (what: readonly OutOfDate[]) => void },
): WholeGraphDoor {
  const schema = stitchGraph(graph);
  const connectors = new Map(graph.connectors.map((connector) => [connector.name, connector]));
  const { deadlineMs } = limits;
  const told = { connections, caller: { principal: undefined } };
  const yoga = createYoga<Context>({
    graphqlEndpoint: '/graph',
    schema,
    plugins: [
      takeParams<Context>(),
      checkDocument(new Documents(schema, limits, true)),
      endWhatIsKept(graph, schema, invalidate),
      answerByMediaType<Context>(),
    ],
    graphiql: { title: 'The whole graph · Hem' },
    renderGraphiQL: renderPage,
    landingPage: false,
    logging: false,
    cors: false,
    multipart: false,
    maxRequestBodySize: false,
    context: ({ endpointRequest }) => {
      const over = AbortSignal.any([endpointRequest.left.signal, AbortSignal.timeout(deadlineMs)]);
      const deadlineAt = performance.now() + deadlineMs;
      return newExecution(
        graph,
        connections,
        new CallContext(endpointRequest, Cancellation.of(over), { deadlineAt, claims: {} }),
      );
    },
    maskedErrors: {
      maskError(error) {
        if (!(error instanceof GraphQLError)) return toFieldError(error, '', connectors, told);
        if (error.originalError === undefined) return error;
        const cause = rootOf(error.originalError);
        const located = toFieldError(cause, error.path?.join('.') ?? '', connectors, told);
        return new GraphQLError(located.message, {
          nodes: error.nodes,
          path: error.path,
          extensions: located.extensions,
        });
      },
    },
  });
  return {
    fetch: (method, params, endpointRequest) => {
      const accept =
        params === undefined ? 'text/html' : (endpointRequest.headers.accept ?? 'application/json');
      const request = new Request('http://hem/graph', { method, headers: { accept } });
      return Promise.resolve(yoga.fetch(request, { endpointRequest, params }));
    },
    dispose: () => Promise.resolve(yoga.dispose()),
  };
}

/** A mutation with `@invalidates` makes all of its types out of date: which of them is not looked for here. */
function endWhatIsKept(
  { types }: ComposedGraph,
  schema: GraphQLSchema,
  invalidate: (what: readonly OutOfDate[]) => void,
): Plugin<Context> {
  return {
    onExecute({ args: { document, operationName } }) {
      const operation = getOperationAST(document, operationName);
      const root = schema.getMutationType();
      if (operation?.operation !== 'mutation' || !root) return undefined;
      const sources = [{ selectionSet: operation.selectionSet, conditional: false }];
      const out = collectFields(fragmentsOf(schema, document, undefined), root, sources)
        .flatMap(({ nodes }) => types.get('Mutation')?.fields.get(nodes[0]!.name.value)?.sources ?? [])
        .flatMap(({ invalidates }) => invalidates.map(({ type }) => ({ type })));
      return { onExecuteDone: () => invalidate(out) };
    },
  };
}

/** Bounded as for clients: recursion has no end where operators err, either. */
function checkDocument(documents: Documents): Plugin<Context> {
  return {
    onParams({ params, setResult }) {
      const checked = documents.check(params.query ?? '');
      if ('errors' in checked) setResult({ errors: checked.errors });
    },
    onExecutionResult({ result, context, setResult }) {
      if (result === undefined || Array.isArray(result) || Symbol.asyncIterator in result) return;
      const { endpointRequest } = context as unknown as Context;
      setResult(format(result as ExecutionResult, endpointRequest) as ExecutionResult);
    },
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
