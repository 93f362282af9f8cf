/** The operators' listener: liveness, readiness, and the whole graph behind the token. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import {
  readBody,
  sendFetchResponse,
  sendProblem,
  toEndpointRequest,
  toFetchRequest,
} from '../doors/http-message.ts';
import { listenOn } from '../doors/public-listener.ts';
import { isToken } from './token.ts';
import type { WholeGraphDoor } from './whole-graph.ts';

const MAX_BODY_BYTES = 1024 ** 2;

export interface AdminListener {
  readonly server: Server;
  listen(address: { readonly host: string; readonly port: number }): Promise<string>;
  close(): Promise<void>;
}

export interface AdminOptions {
  readonly token: string;
  /** Whether requests may be sent here. */
  readonly ready: () => boolean;
  readonly graph: WholeGraphDoor;
  readonly log: Logger;
}

export function openAdminListener(options: AdminOptions): AdminListener {
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000, maxHeaderSize: 16_384 });
  server.on('request', (message, response) => {
    handle(options, message, response).catch((error: unknown) => {
      options.log.error({ err: error }, 'admin request failed');
      sendProblem(response, 500, 'INTERNAL', 'The gateway failed.');
    });
  });
  return {
    server,
    listen: (address) => listenOn(server, address),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      await options.graph.dispose();
    },
  };
}

async function handle(
  { token, ready, graph }: AdminOptions,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (message.url ?? '/').split('?')[0];
  if (path === '/livez') return sendText(response, 200, 'ok');
  if (path === '/readyz')
    return ready() ? sendText(response, 200, 'ok') : sendText(response, 503, 'not ready');
  if (path !== '/graph') return sendProblem(response, 404, 'NOT_FOUND', 'There is nothing at this address.');
  if (!isToken(message.headers.authorization, token)) {
    return sendProblem(
      response,
      401,
      'UNAUTHENTICATED',
      'This needs the operators\' token: "Authorization: Bearer …".',
      { 'www-authenticate': 'Bearer' },
    );
  }
  const request = toEndpointRequest(message, response);
  const body = await readBody(message, MAX_BODY_BYTES);
  const answer = await graph.fetch(
    toFetchRequest(message, message.url ?? '/', body, request.signal),
    request,
  );
  await sendFetchResponse(response, answer, { 'x-request-id': request.requestId });
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`${text}\n`);
}
