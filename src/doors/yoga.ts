/** The broad door over HTTP: GET, POST, multipart, batches, SSE and GraphiQL. Yoga speaks the protocol, the endpoint does the work. */
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { type FormattedExecutionResult, GraphQLError, getOperationAST } from 'graphql';
import { createYoga, type GraphQLParams, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import { ERRORS, type ErrorCode } from '../errors.ts';
import { type Endpoint, type Request as EndpointRequest, format } from '../operation/endpoint.ts';

interface ServerContext {
  readonly endpointRequest: EndpointRequest;
}

type Result = FormattedExecutionResult | AsyncIterable<FormattedExecutionResult>;
export type YogaDoor = YogaServerInstance<ServerContext, object>;

export function openYogaDoor(endpoint: Endpoint): YogaDoor {
  const { settings } = endpoint.view.client;
  return createYoga<ServerContext>({
    graphqlEndpoint: `/${endpoint.name}/graphql`,
    schema: endpoint.view.schema,
    plugins: [runOnEndpoint(endpoint), answerByMediaType()],
    graphiql: settings.graphiql ? { title: `${endpoint.name} · Hem`, subscriptionsProtocol: 'WS' } : false,
    renderGraphiQL,
    landingPage: false,
    logging: false,
    batching: settings.batching === undefined ? false : { limit: settings.batching.max },
    multipart: settings.uploads !== undefined,
    cors:
      settings.cors === undefined ? false : { origin: settings.cors.origins, credentials: true, maxAge: 600 },
    // Bounded before it gets here.
    maxRequestBodySize: false,
    parserAndValidationCache: false,
    maskedErrors: false,
  });
}

/** Takes the parameters that Yoga read from a request to the endpoint. */
function runOnEndpoint(endpoint: Endpoint): Plugin<ServerContext> {
  return {
    onParams({ params, request, context, setParamsHandler }) {
      const { endpointRequest } = context as unknown as ServerContext;
      setParamsHandler(async () => (await run(endpoint, params, request.method, endpointRequest)) as never);
    },
  };
}

async function run(
  endpoint: Endpoint,
  params: GraphQLParams,
  method: string,
  request: EndpointRequest,
): Promise<Result> {
  if (typeof params.query !== 'string' || params.query === '')
    return refuse('BAD_REQUEST', 'The request has no "query".', request);
  const prepared = endpoint.prepare(params.query);
  if ('errors' in prepared) return format({ errors: prepared.errors }, request);
  const { document } = prepared;
  const operationName = params.operationName ?? undefined;
  const node = getOperationAST(document, operationName);
  if (node === null || node === undefined) {
    return refuse(
      'BAD_REQUEST',
      operationName === undefined
        ? 'The document has several operations; name one with "operationName".'
        : `The document has no operation "${operationName}".`,
      request,
    );
  }
  if (method === 'GET' && node.operation !== 'query')
    return refuse('METHOD_NOT_ALLOWED', `A ${node.operation} needs POST.`, request);
  const operation = { document, operationName, variables: params.variables ?? {} };
  return node.operation === 'subscription'
    ? endpoint.subscribe(operation, request)
    : endpoint.execute(operation, request);
}

function refuse(code: ErrorCode, message: string, request: EndpointRequest): FormattedExecutionResult {
  return format({ errors: [new GraphQLError(message, { extensions: { code } })] }, request);
}

/** Statuses of GraphQL over HTTP: 400 and its like before execution, 294 for partial data in the GraphQL media type. */
function answerByMediaType(): Plugin<ServerContext> {
  return {
    onResultProcess({ result, acceptableMediaTypes, request, serverContext, setResultProcessor }) {
      if (typeof result !== 'object' || result === null || Symbol.asyncIterator in result) return;
      const mediaType = preferredMediaType(request.headers.get('accept'));
      acceptableMediaTypes.push('application/graphql-response+json', 'application/json');
      if (mediaType === undefined) return;
      const { endpointRequest } = serverContext as unknown as ServerContext;
      setResultProcessor((raw, fetchAPI) => {
        const results = (Array.isArray(raw) ? raw : [raw]) as FormattedExecutionResult[];
        const formatted = results.map((one) => settle(one, endpointRequest));
        const first = formatted[0]!;
        const headers = {
          'content-type': `${mediaType}; charset=utf-8`,
          ...(first.status === 405 ? { allow: 'POST' } : {}),
        };
        const body = JSON.stringify(
          Array.isArray(raw) ? formatted.map(({ result: one }) => one) : first.result,
        );
        const status = Array.isArray(raw) ? 200 : statusOf(first, mediaType);
        return new fetchAPI.Response(body, { status, headers });
      }, mediaType);
    },
  };
}

interface Settled {
  readonly result: FormattedExecutionResult;
  /** Of a request that was not executed. */
  readonly status: number | undefined;
}

/** Yoga's own refusals (no JSON, unknown parameters) come as GraphQLErrors with a status. */
function settle(result: FormattedExecutionResult, request: EndpointRequest): Settled {
  const errors = result.errors as ReadonlyArray<GraphQLError> | undefined;
  if (errors === undefined || 'data' in result) return { result, status: undefined };
  const foreign = errors.filter((error) => error instanceof GraphQLError);
  if (foreign.length === 0) {
    const code = errors[0]?.extensions?.code as ErrorCode | undefined;
    return { result, status: code === undefined ? 400 : ERRORS[code].status };
  }
  const status =
    foreign
      .map((error) => (error.extensions.http as { status?: number } | undefined)?.status)
      .find((known) => known !== undefined) ?? 500;
  const code: ErrorCode =
    status === 405
      ? 'METHOD_NOT_ALLOWED'
      : status === 413
        ? 'BODY_TOO_LARGE'
        : status >= 500
          ? 'INTERNAL'
          : 'BAD_REQUEST';
  const message = (error: GraphQLError) => (status >= 500 ? ERRORS.INTERNAL.text : error.message);
  return {
    result: format(
      { errors: foreign.map((error) => new GraphQLError(message(error), { extensions: { code } })) },
      request,
    ),
    status,
  };
}

function statusOf({ result, status }: Settled, mediaType: string): number {
  if (status !== undefined) return status;
  return result.errors !== undefined && mediaType === 'application/graphql-response+json' ? 294 : 200;
}

/** Which of the two media types a caller prefers; undefined when neither will do. */
export function preferredMediaType(accept: string | null): string | undefined {
  if (accept === null || accept.trim() === '') return 'application/json';
  const ranked = accept
    .split(',')
    .map((part) => {
      const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
      const quality = parameters.find((text) => text.startsWith('q='));
      return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) };
    })
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality);
  for (const { type } of ranked) {
    if (type === 'application/graphql-response+json' || type === 'application/json') return type;
    if (type === '*/*' || type === 'application/*') return 'application/json';
  }
  return undefined;
}
