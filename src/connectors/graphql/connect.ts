/** One HTTP pool for queries and mutations, one transport for subscriptions, opened when first used. */
import type { UpstreamError } from '../../errors.ts';
import type { Values } from '../../mapping/values.ts';
import { ErrorCodes, isOfCredentials } from '../../upstream/codes.ts';
import type { HttpResponse } from '../../upstream/http.ts';
import { openHttpCalls } from '../../upstream/http-calls.ts';
import type { CallContext, Connection, ConnectionSetup, StreamCall } from '../kind.ts';
import { type Answer, placeErrors, readAnswer } from './answer.ts';
import type { GraphqlBinding, RootTarget } from './bind.ts';
import { type Send, toEntityCall, toRootCall } from './call.ts';
import { elementVariable, RootDocuments, variablesOf } from './document.ts';
import type { GraphqlOptions } from './options.ts';
import { fixRecord } from './record-fix.ts';
import { type PrintedSelection, printSelection, slotVariable } from './selection.ts';
import { openSseTransport } from './sse-transport.ts';
import { subscribeForGood } from './subscription.ts';
import {
  openWebsocketTransport,
  type SubscriptionTransport,
  type TransportSetup,
} from './websocket-transport.ts';

const ACCEPT = 'application/graphql-response+json, application/json';

export function connect(setup: ConnectionSetup<GraphqlOptions>): Connection<GraphqlBinding> {
  const { name, settings, options } = setup;
  const { pathname, search } = new URL(settings.endpoint);
  const path = pathname + search;
  const client = openHttpCalls(setup);
  const codes = new ErrorCodes(name, options.codes);
  let transport: SubscriptionTransport | undefined;

  const read = (response: HttpResponse, context: CallContext): Answer => {
    try {
      const answer = readAnswer(codes, settings.limits, response);
      if (answer.errors.some(({ error }) => isOfCredentials(error))) setup.headers.denied(context);
      return answer;
    } catch (error) {
      if (response.status === 401 || isOfCredentials(error as UpstreamError)) setup.headers.denied(context);
      throw error;
    }
  };

  const send: Send = (body, idempotent, context) => {
    const request = (headers: Record<string, string>) => {
      headers.accept = ACCEPT;
      headers['content-type'] = 'application/json';
      return client.request(
        { method: 'POST', path, headers, body, idempotent, isRead: idempotent, mayKeep },
        context,
        (response) => read(response, context),
      );
    };
    const given = setup.headers.of(context);
    return given instanceof Promise ? given.then(request) : request(given);
  };

  function toStreamCall(
    binding: GraphqlBinding,
    target: RootTarget,
    selection: PrintedSelection,
  ): StreamCall {
    const query = new RootDocuments(binding, target.path, target.typeName, selection).text(1);
    const variables = variablesOf(binding.arguments);
    return {
      mode: 'stream',
      open(values, context) {
        transport ??= openTransport({ ...setup, codes });
        return subscribeForGood(
          { query, variables: variableValues(variables, selection, values, context) },
          context,
          {
            connector: name,
            subscribe: transport.subscribe,
            reconnect: options.subscriptions.reconnect,
            subscriber: options.subscriptions.subscriber,
            maxBytes: settings.limits.responseBytes,
            toEvent: (answer) => toEvent(answer, target.path, selection),
          },
        );
      },
    };
  }

  return {
    compile(binding, asked) {
      const { target } = binding;
      const selection = printSelection(asked, binding.type, {
        types: options.types,
        backend: binding.backend,
      });
      const { callsAtOnce } = settings.limits;
      const own = { connector: name, batchSize: options.batchSize, callsAtOnce, send };
      if (target.kind === 'entity') return toEntityCall(binding, target, selection, own);
      if (binding.operation === 'subscription') return toStreamCall(binding, target, selection);
      return toRootCall(binding, target, selection, own);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([client[Symbol.asyncDispose](), transport?.[Symbol.asyncDispose]()]);
    },
  };
}

/** Answers with errors are not kept, and a few others that only look so. */
function mayKeep({ body }: HttpResponse): boolean {
  return !body.includes('"errors"');
}

function openTransport(setup: TransportSetup): SubscriptionTransport {
  const { protocol, endpoint = setup.settings.endpoint } = setup.options.subscriptions;
  const url = new URL(endpoint);
  const isSecure = url.protocol === 'https:' || url.protocol === 'wss:';
  const rest = url.href.slice(url.protocol.length);
  return protocol === 'ws'
    ? openWebsocketTransport(setup, `${isSecure ? 'wss:' : 'ws:'}${rest}`)
    : openSseTransport(setup, `${isSecure ? 'https:' : 'http:'}${rest}`);
}

function variableValues(
  variables: ReturnType<typeof variablesOf>,
  { slots }: PrintedSelection,
  values: Values,
  context: CallContext,
): Record<string, unknown> {
  return Object.fromEntries([
    ...variables.map(({ name, value }) => [elementVariable(0, name), value(values)]),
    ...slots.map(({ slot }) => [slotVariable(slot), context.slots[slot]]),
  ]);
}

/** The value of the subscribed field, or the error in its place. */
function toEvent({ data, errors }: Answer, path: readonly string[], selection: PrintedSelection): unknown {
  const unplaced = data === null ? errors : placeErrors(data, errors);
  let value: unknown = data;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || value instanceof Error) break;
    value = Object.hasOwn(value, step) ? (value as Record<string, unknown>)[step] : null;
  }
  if (value === null) return (unplaced[0]?.error satisfies UpstreamError | undefined) ?? null;
  if (selection.fix !== undefined) fixRecord(value, selection.fix);
  return value;
}
