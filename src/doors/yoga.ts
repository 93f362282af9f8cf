/** The broad door over HTTP: GET, POST, multipart, batches, SSE and GraphiQL. Yoga carries the protocol, the endpoint does the work. */
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { type FormattedExecutionResult, GraphQLError } from 'graphql';
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import { ERRORS, type ErrorCode } from '../errors.ts';
import { type Endpoint, type Request as EndpointRequest, format } from '../operation/endpoint.ts';
import { acceptsEventStream, JSON_TYPE, preferredAnswerType, RESPONSE_TYPE } from './media-type.ts';
import type { Params } from './params.ts';
import { Relay } from './relay.ts';

/** What the listener has read of a request, and the door's own state. */
export interface YogaContext {
  readonly endpointRequest: EndpointRequest;
  /** Undefined when a page is asked for. */
  readonly params: Params | readonly Params[] | undefined;
  /** What ends each running subscription over SSE, for when the gateway stops. */
  readonly streams: Set<() => void>;
}

type Result = FormattedExecutionResult | AsyncIterable<FormattedExecutionResult>;
export type YogaDoor = YogaServerInstance<YogaContext, object>;

export function openYogaDoor(endpoint: Endpoint): YogaDoor {
  const { settings } = endpoint.view.client;
  return createYoga<YogaContext>({
    graphqlEndpoint: `/${endpoint.name}/graphql`,
    schema: endpoint.view.schema,
    plugins: [takeParams(), runOnEndpoint(endpoint), answerByMediaType()],
    graphiql: settings.graphiql ? { title: `${endpoint.name} · Hem`, subscriptionsProtocol: 'WS' } : false,
    renderGraphiQL,
    landingPage: false,
    logging: false,
    // Bodies, batches, uploads and origins are read and checked before anything gets here.
    batching: { limit: Number.POSITIVE_INFINITY },
    multipart: false,
    cors: false,
    maxRequestBodySize: false,
    parserAndValidationCache: false,
    maskedErrors: false,
  });
}

/** Parameters come with the context, read already. */
export function takeParams<Context extends { readonly params: YogaContext['params'] }>(): Plugin<Context> {
  return {
    onRequestParse({ serverContext, setRequestParser }) {
      const { params } = serverContext as unknown as Context;
      setRequestParser(() => params as never);
    },
  };
}

function runOnEndpoint(endpoint: Endpoint): Plugin<YogaContext> {
  return {
    onParams({ params, request, context, setParamsHandler }) {
      const { endpointRequest, params: all, streams } = context as unknown as YogaContext;
      const asked: Asked = { method: request.method, batched: Array.isArray(all), endpointRequest, streams };
      setParamsHandler(async () => (await run(endpoint, params as Params, asked)) as never);
    },
  };
}

interface Asked {
  readonly method: string;
  readonly batched: boolean;
  readonly endpointRequest: EndpointRequest;
  readonly streams: Set<() => void>;
}

async function run(endpoint: Endpoint, params: Params, asked: Asked): Promise<Result> {
  const { endpointRequest: request, method, batched } = asked;
  const prepared = endpoint.prepare(params.query, params.operationName);
  if ('errors' in prepared) return format({ errors: prepared.errors }, request);
  const { kind, document, operationName } = prepared;
  if (method === 'GET' && kind !== 'query')
    return refuse('METHOD_NOT_ALLOWED', `A ${kind} needs POST.`, request);
  const operation = { document, operationName, variables: params.variables ?? {} };
  if (kind !== 'subscription') return endpoint.execute(operation, request);
  if (batched) return refuse('BAD_REQUEST', 'A subscription cannot be part of a batch.', request);
  if (!acceptsEventStream(request.headers.accept)) {
    return refuse(
      'NOT_ACCEPTABLE',
      'A subscription is answered as text/event-stream, or over websocket.',
      request,
    );
  }
  return stream(endpoint, operation, asked);
}

async function stream(
  endpoint: Endpoint,
  operation: Parameters<Endpoint['subscribe']>[0],
  { endpointRequest, streams }: Asked,
): Promise<Result> {
  const results = await endpoint.subscribe(operation, endpointRequest);
  if (!(Symbol.asyncIterator in results)) return results;
  const relay = new Relay(results);
  const stop = () => relay.end(refuse('SHUTTING_DOWN', ERRORS.SHUTTING_DOWN.text, endpointRequest));
  streams.add(stop);
  endpointRequest.signal.addEventListener('abort', () => relay.end(), { once: true });
  return forgetAtEnd(relay, () => streams.delete(stop));
}

async function* forgetAtEnd(
  relay: Relay,
  forget: () => void,
): AsyncGenerator<FormattedExecutionResult, void> {
  try {
    yield* relay;
  } finally {
    forget();
  }
}

function refuse(code: ErrorCode, message: string, request: EndpointRequest): FormattedExecutionResult {
  return format({ errors: [new GraphQLError(message, { extensions: { code } })] }, request);
}

/** Statuses and media types of GraphQL over HTTP. Streams are left to Yoga. */
export function answerByMediaType<Context extends Pick<YogaContext, 'endpointRequest'>>(): Plugin<Context> {
  return {
    onResultProcess({ result, serverContext, setResultProcessor }) {
      if (typeof result !== 'object' || result === null || Symbol.asyncIterator in result) return;
      const { endpointRequest } = serverContext as unknown as Context;
      const { accept } = endpointRequest.headers;
      const type = preferredAnswerType(accept)?.type;
      if (type === undefined) return;
      setResultProcessor((raw, fetchAPI) => {
        const results = [raw]
          .flat()
          .map((one) => presentable(one as FormattedExecutionResult, endpointRequest));
        const status = Array.isArray(raw) ? 200 : statusOf(results[0]!, accept);
        return new fetchAPI.Response(JSON.stringify(Array.isArray(raw) ? results : results[0]), {
          status,
          headers: { 'content-type': `${type}; charset=utf-8`, ...(status === 405 ? { allow: 'POST' } : {}) },
        });
      }, type);
    },
  };
}

/** Errors of the endpoint are formatted already; a GraphQLError is something that Yoga itself met. */
function presentable(result: FormattedExecutionResult, request: EndpointRequest): FormattedExecutionResult {
  return result.errors?.some((error) => error instanceof GraphQLError)
    ? refuse('INTERNAL', ERRORS.INTERNAL.text, request)
    : result;
}

/**
 * What a request of good form can be refused with. To callers who ask for application/json by its name these are answers like
 * others, as before there was a media type for GraphQL.
 */
const WELL_FORMED: ReadonlySet<ErrorCode> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_VARIABLES',
]);

/** Of one result. 294 says "partial success". */
export function statusOf(result: FormattedExecutionResult, accept: string | undefined): number {
  if (result.errors === undefined) return 200;
  const preferred = preferredAnswerType(accept);
  if ('data' in result) return preferred?.type === RESPONSE_TYPE ? 294 : 200;
  const code = result.errors[0]?.extensions?.code as ErrorCode;
  const isAnswer = preferred?.type === JSON_TYPE && preferred.named && WELL_FORMED.has(code);
  return isAnswer ? 200 : ERRORS[code].status;
}
