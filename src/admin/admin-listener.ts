/** The operators' listener: liveness, readiness, and the whole graph behind the token. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import {
  readBody,
  requestIdOf,
  sendFetchResponse,
  targetOf,
  toEndpointRequest,
  toFetchRequest,
} from '../doors/http-message.ts';
import { PAGE_HEADERS } from '../doors/page-headers.ts';
import { listenOn } from '../doors/public-listener.ts';
import { Refusal, sendProblem } from '../doors/refusal.ts';
import { HemError } from '../errors.ts';
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
    const requestId = requestIdOf(message);
    response.setHeader('x-request-id', requestId);
    answer(options, message, response, requestId).catch((error: unknown) => {
      if (response.destroyed) return;
      if (!(error instanceof HemError)) options.log.error({ err: error, requestId }, 'admin request failed');
      sendProblem(response, error instanceof HemError ? error : new HemError('INTERNAL'), requestId);
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

async function answer(
  { token, ready, graph }: AdminOptions,
  message: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const target = targetOf(message);
  const path = target.split('?')[0];
  if (path === '/livez') return sendText(response, 200, 'ok');
  if (path === '/readyz')
    return ready() ? sendText(response, 200, 'ok') : sendText(response, 503, 'not ready');
  if (path !== '/graph') throw new Refusal('NOT_FOUND');
  if (!isToken(message.headers.authorization, token)) {
    throw new Refusal(
      'UNAUTHENTICATED',
      'This needs the operators\' token: "Authorization: Bearer …", or as the password of any user.',
      // Browsers ask for a password, so that the page can be opened.
      { 'www-authenticate': 'Basic realm="Hem operators", charset="UTF-8"' },
    );
  }
  const request = toEndpointRequest(message, response, requestId);
  const body = await readBody(message, MAX_BODY_BYTES);
  const given = await graph.fetch(toFetchRequest(message, target, body, request.signal), request);
  const isPage = given.headers.get('content-type')?.startsWith('text/html') ?? false;
  for (const [name, value] of Object.entries(isPage ? PAGE_HEADERS : {})) given.headers.set(name, value);
  given.headers.set('cache-control', 'no-store');
  given.headers.set('x-content-type-options', 'nosniff');
  await sendFetchResponse(response, given);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`${text}\n`);
}
