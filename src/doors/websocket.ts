/** GraphQL over websocket, by the graphql-transport-ws protocol. The same endpoint as over HTTP. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type FormattedExecutionResult, GraphQLError, getOperationAST } from 'graphql';
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL } from 'graphql-ws';
import { type Extra, useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { type Endpoint, type Request as EndpointRequest, format } from '../operation/endpoint.ts';
import { headersOf, requestIdOf } from './http-message.ts';

const INIT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 15_000;

interface Asked {
  readonly endpoint: Endpoint;
  readonly document: Parameters<Endpoint['execute']>[0]['document'];
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly request: EndpointRequest;
  readonly left: AbortController;
}

export interface WebSocketDoor {
  upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes all sockets with 1001. */
  close(): Promise<void>;
}

/** @param endpoint the client's endpoint of the current generation, asked for each operation */
export function openWebSocketDoor(
  endpoint: () => Endpoint,
  options: { readonly maxSubscriptions: number },
): WebSocketDoor {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: endpoint().limits.bodyBytes,
    handleProtocols: (protocols) =>
      protocols.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) ? GRAPHQL_TRANSPORT_WS_PROTOCOL : false,
  });
  const disposable = useServer<Record<string, unknown>>(
    {
      connectionInitWaitTimeout: INIT_TIMEOUT_MS,
      onSubscribe({ extra, subscriptions }, id, payload) {
        const request = toRequest(extra.request);
        if (Object.keys(subscriptions).length > options.maxSubscriptions) {
          extra.socket.close(CloseCode.BadRequest, 'Too many operations on one socket');
          return [];
        }
        const current = endpoint();
        const prepared = current.prepare(payload.query);
        if ('errors' in prepared) return prepared.errors;
        const operationName = payload.operationName ?? undefined;
        if (!getOperationAST(prepared.document, operationName)) {
          return [
            new GraphQLError('The document has no such operation.', { extensions: { code: 'BAD_REQUEST' } }),
          ];
        }
        const left = new AbortController();
        const asked: Asked = {
          endpoint: current,
          document: prepared.document,
          operationName,
          variables: payload.variables ?? {},
          request: { ...request, signal: left.signal },
          left,
        };
        leaving.set(subscriptionKey(extra, id), left);
        // The library takes graphql-js's arguments and hands them on to the functions below.
        return {
          schema: current.view.schema,
          document: prepared.document,
          operationName,
          variableValues: payload.variables,
          contextValue: asked,
        };
      },
      execute: (args) => {
        const asked = (args as { contextValue: Asked }).contextValue;
        return asked.endpoint.execute(asked, asked.request) as never;
      },
      subscribe: (args) => {
        const asked = (args as { contextValue: Asked }).contextValue;
        return asked.endpoint
          .subscribe(asked, asked.request)
          .then((outcome) =>
            Symbol.asyncIterator in outcome ? untilLeft(outcome, asked.left) : outcome,
          ) as never;
      },
      // Results are formatted already; the library would ask their errors to format themselves.
      onNext: (_context, _id, _payload, _args, result) => result as FormattedExecutionResult,
      onError: ({ extra }, _id, _payload, errors) => format({ errors }, toRequest(extra.request)).errors,
      onComplete({ extra }, id) {
        leave(subscriptionKey(extra, id));
      },
      onClose({ extra }) {
        for (const key of leaving.keys()) if (key.startsWith(socketId(extra))) leave(key);
      },
    },
    server,
    KEEP_ALIVE_MS,
  );

  const leaving = new Map<string, AbortController>();
  const sockets = new WeakMap<object, string>();
  let nextSocket = 0;
  const socketId = (extra: Extra): string => {
    const id = sockets.get(extra.socket) ?? `${nextSocket++}/`;
    sockets.set(extra.socket, id);
    return id;
  };
  const subscriptionKey = (extra: Extra, id: string) => socketId(extra) + id;
  const leave = (key: string) => {
    leaving.get(key)?.abort();
    leaving.delete(key);
  };

  return {
    upgrade(message, socket, head) {
      server.handleUpgrade(message, socket, head, (client) => server.emit('connection', client, message));
    },
    async close() {
      for (const client of server.clients) client.close(1001, 'Going away');
      await disposable.dispose();
    },
  };
}

function toRequest(message: IncomingMessage): Omit<EndpointRequest, 'signal'> {
  return { requestId: requestIdOf(message), headers: headersOf(message) };
}

/** Ends when the subscriber has left, also while no event comes. */
function untilLeft(
  results: AsyncGenerator<FormattedExecutionResult, void>,
  left: AbortController,
): AsyncGenerator<FormattedExecutionResult, void> {
  const relayed = relay(results, left.signal);
  const finish = relayed.return.bind(relayed);
  // A generator that waits for an event cannot return before it has one: what it waits for has to end first.
  relayed.return = (value) => {
    left.abort();
    return finish(value);
  };
  return relayed;
}

async function* relay(
  results: AsyncGenerator<FormattedExecutionResult, void>,
  signal: AbortSignal,
): AsyncGenerator<FormattedExecutionResult, void> {
  const left = new Promise<'left'>((resolve) =>
    signal.addEventListener('abort', () => resolve('left'), { once: true }),
  );
  try {
    for (;;) {
      const next = await Promise.race([results.next(), left]);
      if (next === 'left' || next.done === true) return;
      yield next.value;
    }
  } finally {
    await Promise.race([results.return(), new Promise((resolve) => setTimeout(resolve, 1000).unref())]);
  }
}
