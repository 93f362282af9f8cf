/** The operators' listener: liveness, readiness, metrics, public keys for backends, and behind the token the API and the whole graph. */
import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { ResponseCaches } from '../cache/response-cache.ts';
import type { Registry } from '../consumers/registry.ts';
import type { BodyMessage } from '../doors/body-message.ts';
import { listenOn } from '../doors/listen-on.ts';
import { acceptsHtml, parseContentType } from '../doors/media-type.ts';
import { type HttpServer, openServer } from '../doors/node-http.ts';
import { PAGE_HEADERS } from '../doors/page-headers.ts';
import { type Params, paramsOfAddress, paramsOfBody } from '../doors/params.ts';
import { ReceivedRequest, requestIdOf } from '../doors/received-request.ts';
import { Refusal, sendProblem } from '../doors/refusal.ts';
import { targetOf } from '../doors/request-target.ts';
import { sendFetchResponse } from '../doors/send-response.ts';
import { HemError } from '../errors.ts';
import { Lazy } from '../lazy.ts';
import type { Exposition } from '../metrics/exposition.ts';
import { Api } from './api.ts';
import { type KeysOfTypes, readOutOfDate } from './invalidate.ts';
import { readJsonBody } from './json-body.ts';
import { requireReading } from './read-only.ts';
import { send } from './send.ts';
import { requireToken } from './token.ts';
import { answerUsage, type UsageApi } from './usage-api.ts';
import type { WholeGraphDoor } from './whole-graph.ts';

const MAX_BODY_BYTES = 1024 ** 2;
const INVALIDATE = '/api/cache/invalidate';
/** What is only read. */
const READ = new Set(['/livez', '/readyz', '/metrics', '/jwks.json']);

export interface AdminListener {
  readonly server: HttpServer;
  listen(address: { readonly host: string; readonly port: number }): Promise<string>;
  close(): Promise<void>;
}

export interface AdminOptions {
  readonly token: string;
  /** Whether requests may be sent here. */
  readonly ready: () => boolean;
  /** What the API is about; undefined where there are no plans. */
  readonly registry: Registry | undefined;
  /** By which backends check what Hem signs, as JSON Web Keys. */
  readonly publicKeys: () => readonly object[];
  /** Called when somebody first asks: the libraries that it takes are large, and operators ask rarely. */
  readonly openGraph: () => Promise<WholeGraphDoor>;
  /** All metrics, for whoever scrapes; undefined where nothing is counted. */
  readonly metrics: ((accept: string | undefined) => Promise<Exposition>) | undefined;
  /** Undefined where no usage is kept. */
  readonly usage: UsageApi | undefined;
  readonly caches: ResponseCaches;
  /** What can be out of date. */
  readonly types: KeysOfTypes;
  readonly log: Logger;
}

export function openAdminListener(options: AdminOptions): AdminListener {
  const graph = new Lazy(options.openGraph);
  const api = new Api(options);
  const door = { ...options, api, graph };
  const server = openServer(undefined, {
    requestTimeout: 30_000,
    headersTimeout: 10_000,
    maxHeaderSize: 16_384,
  });
  server.on('request', (message, response) => {
    const requestId = requestIdOf(message);
    response.setHeader('x-request-id', requestId);
    answer(door, message, response, requestId).catch((error: unknown) => {
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
      await (await graph.opened())?.dispose();
    },
  };
}

interface Door extends AdminOptions {
  readonly api: Api;
  readonly graph: Lazy<WholeGraphDoor>;
}

async function answer(
  { token, ready, publicKeys, api, graph, metrics, usage, caches, types }: Door,
  message: BodyMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const [path, search = ''] = targetOf(message).split(/\?(.*)/s, 2);
  if (READ.has(path!)) requireReading(message);
  if (path === '/livez') return sendText(response, 200, 'ok');
  if (path === '/readyz')
    return ready() ? sendText(response, 200, 'ok') : sendText(response, 503, 'not ready');
  if (path === '/metrics' && metrics !== undefined)
    return send(response, await metrics(message.headers.accept));
  if (path === '/api/usage' && usage !== undefined) {
    requireToken(message, token);
    return answerUsage(usage, message, response, { search });
  }
  if (path === '/jwks.json') return sendKeys(response, publicKeys());
  if (path?.startsWith('/api/') && path !== INVALIDATE)
    return api.answer(message, response, { path, search });
  if (path !== '/graph' && path !== INVALIDATE) throw new Refusal('NOT_FOUND');
  requireToken(message, token);
  const { method = '', headers } = message;
  if (path === INVALIDATE) {
    if (method !== 'POST') throw new Refusal('METHOD_NOT_ALLOWED', undefined, { allow: 'POST' });
    caches.invalidate(readOutOfDate(await readJsonBody(message, MAX_BODY_BYTES), types));
    response.writeHead(204).end();
    return;
  }
  if (method !== 'GET' && method !== 'POST') {
    throw new Refusal('METHOD_NOT_ALLOWED', undefined, { allow: 'GET, POST' });
  }
  const wantsPage = method === 'GET' && acceptsHtml(headers.accept);
  const request = new ReceivedRequest(message, response, { requestId });
  response.on('close', () => request.over());
  const body = await message.readBody(MAX_BODY_BYTES);
  const params = wantsPage ? undefined : await readParams(method, search, body, headers['content-type']);
  const given = await (await graph.get()).fetch(method, params, request);
  for (const [name, value] of Object.entries(wantsPage ? PAGE_HEADERS : {})) given.headers.set(name, value);
  given.headers.set('cache-control', 'no-store');
  given.headers.set('x-content-type-options', 'nosniff');
  await sendFetchResponse(response, given);
}

async function readParams(
  method: string,
  search: string,
  body: Buffer,
  contentType: string | undefined,
): Promise<Params> {
  if (method === 'GET') return paramsOfAddress(search);
  const settings = { batching: undefined, uploads: undefined, maxBytes: MAX_BODY_BYTES };
  return (await paramsOfBody(body, parseContentType(contentType), settings)) as Params;
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`${text}\n`);
}

/** Keys change with the configuration only; backends ask again when they meet one that they do not know. */
function sendKeys(response: ServerResponse, keys: readonly object[]): void {
  response.writeHead(200, { 'content-type': 'application/jwk-set+json', 'cache-control': 'max-age=300' });
  response.end(JSON.stringify({ keys }));
}
