/** The broad door over HTTP: GET, POST, multipart, batches, SSE and GraphiQL. Yoga carries the protocol, the endpoint does the work. */
import { setImmediate } from 'node:timers/promises';
import { type FormattedExecutionResult, GraphQLError } from 'graphql';
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import { Cancellation } from '../cancellation.ts';
import { ERRORS } from '../errors.ts';
import { isStream, joinHeaders } from '../operation/answer.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import { format } from '../operation/format.ts';
import type { Request as EndpointRequest } from '../operation/request.ts';
import type { EventStreams } from './event-streams.ts';
import { acceptsEventStream, preferredAnswerType } from './media-type.ts';
import { headersOf, NEEDS_EVENT_STREAM, operate, statusOf } from './operate.ts';
import { renderPage } from './page.ts';
import type { Params } from './params.ts';
import { Relay } from './relay.ts';

/** What the listener has read of a request, and the door's own state. */
export interface YogaContext {
  readonly endpointRequest: EndpointRequest;
  /** Undefined when a page is asked for. */
  readonly params: Params | readonly Params[] | undefined;
  /** What ends each running subscription over SSE, for when the gateway stops. */
  readonly streams: EventStreams;
  /** What the answers' policies say beside them, for whoever sends the response. */
  readonly said: Map<string, string>;
}

type Result = FormattedExecutionResult | AsyncIterable<FormattedExecutionResult>;
export type YogaDoor = YogaServerInstance<YogaContext, object>;

export function openYogaDoor(endpoint: Endpoint): YogaDoor {
  const { settings } = endpoint.view.client;
  return createYoga<YogaContext>({
    graphqlEndpoint: `/${endpoint.name}/graphql`,
    schema: endpoint.view.schema,
    plugins: [takeParams(), runOnEndpoint(endpoint), answerByMediaType()],
    graphiql: settings.graphiql
      ? {
          title: `${endpoint.name} · Hem`,
          // Over websocket the page leaves out the headers that are filled in there: subscriptions would be somebody else's.
          subscriptionsProtocol: 'SSE',
          method: 'POST',
          ...headersToFillIn(endpoint),
        }
      : false,
    renderGraphiQL: renderPage,
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

/** Shown in the page's editor of headers, to be filled in or switched on there. */
function headersToFillIn({ view: { client } }: Endpoint): { readonly headers?: string } {
  const { keys } = client.auth ?? {};
  const headers = {
    ...(keys === undefined ? {} : { [keys.header]: '' }),
    ...(client.settings.explain ? { 'hem-plan': '0' } : {}),
  };
  return Object.keys(headers).length === 0 ? {} : { headers: JSON.stringify(headers, null, 2) };
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
      const { endpointRequest, params: all, streams, said } = context as unknown as YogaContext;
      const turn = Array.isArray(all) ? all.indexOf(params as Params) : undefined;
      const asked: Asked = { method: request.method, turn, endpointRequest, streams, said };
      setParamsHandler(
        async () => withStatus(await run(endpoint, params as Params, asked), endpointRequest) as never,
      );
    },
  };
}

interface Asked {
  readonly method: string;
  /** Of an operation of a batch: how many come before it. */
  readonly turn: number | undefined;
  readonly endpointRequest: EndpointRequest;
  readonly streams: EventStreams;
  readonly said: Map<string, string>;
}

async function run(endpoint: Endpoint, params: Params, asked: Asked): Promise<Result> {
  const { endpointRequest: request, method, turn } = asked;
  // One in each turn of the event loop: others have theirs in between.
  for (let before = turn ?? 0; before > 0; before--) await setImmediate();
  const outcome = await operate(endpoint, params, method, request);
  if (!('subscription' in outcome)) {
    joinHeaders(asked.said, outcome.headers);
    return outcome.result;
  }
  if (turn !== undefined)
    return endpoint.refuse('BAD_REQUEST', 'A subscription cannot be part of a batch.', request);
  if (!acceptsEventStream(request.headers.accept)) {
    return endpoint.refuse('NOT_ACCEPTABLE', NEEDS_EVENT_STREAM, request);
  }
  return stream(endpoint, outcome.subscription, asked);
}

/** Yoga would send a refusal to whoever accepts nothing but events with status 500. */
function withStatus(result: Result, { headers: { accept } }: EndpointRequest): Result {
  if (Symbol.asyncIterator in result || 'data' in result || preferredAnswerType(accept) !== undefined)
    return result;
  const status = statusOf(result, accept);
  const http = { status, headers: headersOf(status, result) };
  return { ...result, extensions: { ...result.extensions, http } };
}

async function stream(
  endpoint: Endpoint,
  operation: Parameters<Endpoint['subscribe']>[0],
  asked: Asked,
): Promise<Result> {
  const { endpointRequest, streams } = asked;
  // What ends the stream ends what runs for it, also while it waits for an event that may never come.
  const over = new Cancellation();
  const { requestId, headers, principal, address, notes, span, left } = endpointRequest;
  if (left.isCancelled) over.cancel();
  left.add(() => over.cancel());
  const request = { requestId, headers, principal, address, notes, span, left: over };
  const goAway = () => endpoint.refuse('SHUTTING_DOWN', ERRORS.SHUTTING_DOWN.text, endpointRequest);
  if (streams.isOver) return goAway();
  let relay: Relay<FormattedExecutionResult> | undefined;
  // Also while it is held back, or its backend takes its time.
  const forgetStop = streams.add(() => {
    if (relay === undefined) over.cancel();
    else relay.end(goAway());
  });
  const outcome = await endpoint.subscribe(operation, request).catch((error: unknown) => {
    forgetStop();
    throw error;
  });
  joinHeaders(asked.said, outcome.headers);
  if (!isStream(outcome)) {
    forgetStop();
    return streams.isOver ? goAway() : outcome.result;
  }
  relay = new Relay(outcome.items);
  if (streams.isOver) relay.end(goAway());
  else if (left.isCancelled) relay.end();
  left.add(() => relay.end());
  const forgetEnd = endpoint.authenticator?.onEnd(endpointRequest.principal, (why) =>
    relay.end(endpoint.refuse('UNAUTHENTICATED', why, endpointRequest)),
  );
  if (forgetEnd !== undefined) left.add(forgetEnd);
  return forgetAtEnd(relay, () => {
    forgetStop();
    forgetEnd?.();
    over.cancel();
  });
}

async function* forgetAtEnd(
  relay: Relay<FormattedExecutionResult>,
  forget: () => void,
): AsyncGenerator<FormattedExecutionResult, void> {
  try {
    yield* relay;
  } finally {
    forget();
  }
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
          headers: {
            'content-type': `${type}; charset=utf-8`,
            ...headersOf(status, results[0]!),
          },
        });
      }, type);
    },
  };
}

/** Errors of the endpoint are formatted already; a GraphQLError is something that Yoga itself met. */
function presentable(result: FormattedExecutionResult, request: EndpointRequest): FormattedExecutionResult {
  return result.errors?.some((error) => error instanceof GraphQLError)
    ? format({ errors: [new GraphQLError('')] }, request)
    : result;
}
