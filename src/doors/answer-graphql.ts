/** A GraphQL request over HTTP: what it may say, who sends it, what it asks, and which door answers in the form it wants. */
import { identify } from './authentication.ts';
import { hasPreflightHeader, PREFLIGHT_HEADERS } from './csrf.ts';
import { type ClientDoors, type Exchange, setHeaders } from './exchange.ts';
import type { Sender } from './hops.ts';
import { answerInParts } from './in-parts.ts';
import {
  acceptsEventStream,
  acceptsHtml,
  JSON_TYPE,
  MULTIPART_TYPE,
  namesOlderFormat,
  parseContentType,
  partsType,
  preferredAnswerType,
} from './media-type.ts';
import { PAGE_HEADERS } from './page-headers.ts';
import { type Params, paramsOfAddress, paramsOfBody } from './params.ts';
import { Refusal } from './refusal.ts';
import { sendFetchResponse } from './send-response.ts';
import { answerShortly } from './short-path.ts';
import type { YogaContext } from './yoga.ts';

/** To callers who take an answer in parts, but of an older format only. */
const ONE_FORMAT =
  'Parts of an answer are sent in the format of "multipart/mixed;incrementalSpec=v0.2", in no older one; an answer as one is "application/json".';

export async function answerGraphQL(
  door: ClientDoors,
  exchange: Exchange,
  { sender, search }: { readonly sender: Sender; readonly search: string },
): Promise<void> {
  const { message, response, request, headers } = exchange;
  const { endpoint } = door;
  const { graphiql, uploads, batching } = endpoint.view.client.settings;
  const { accept } = message.headers;
  const isGet = message.method === 'GET';
  const ifNoneMatch = isGet ? message.headers['if-none-match'] : undefined;
  const wantsPage = isGet && graphiql && acceptsHtml(accept);
  const preferred = preferredAnswerType(accept);
  const inParts = preferred === undefined ? partsType(accept) : preferred.parts;
  if (!wantsPage && preferred === undefined && inParts === undefined && !acceptsEventStream(accept)) {
    throw new Refusal('NOT_ACCEPTABLE', ...(namesOlderFormat(accept) ? [ONE_FORMAT] : []));
  }
  const contentType = parseContentType(message.headers['content-type']);
  const isMultipart = contentType?.type === 'multipart/form-data';
  if (isMultipart && !hasPreflightHeader(message.headers)) {
    throw new Refusal(
      'BAD_REQUEST',
      `A multipart request needs one of the headers ${PREFLIGHT_HEADERS.slice(0, 3).join(', ')}, so that no other site's form can send it.`,
    );
  }
  const coding = message.headers['content-encoding'];
  if (coding !== undefined && coding !== 'identity')
    throw new Refusal('UNSUPPORTED_MEDIA_TYPE', 'Bodies are read without a Content-Encoding.');
  // The page is the same for all; what it asks for is not.
  const identified = wantsPage ? undefined : identify(endpoint, message.headers, sender);
  request.principal = identified instanceof Promise ? await identified : identified;
  const { bodyBytes } = endpoint.limits;
  const fileBytes = isMultipart && uploads !== undefined ? uploads.maxFiles * uploads.maxFileBytes : 0;
  const body = await message.readBody(bodyBytes + fileBytes);
  if (wantsPage) return answerBroadly(door, exchange, undefined);
  const reading = isGet
    ? paramsOfAddress(search)
    : paramsOfBody(body, contentType, { batching, uploads, maxBytes: bodyBytes });
  const params = reading instanceof Promise ? await reading : reading;
  if (inParts !== undefined && isSingle(params)) {
    setHeaders(exchange);
    const asked = { endpoint, params, method: message.method, ifNoneMatch, type: inParts, request };
    if (await answerInParts(asked, response)) return;
  } else if ((isGet || contentType?.type === JSON_TYPE) && isSingle(params)) {
    const asked = { endpoint, params, request, method: isGet ? 'GET' : 'POST', ifNoneMatch, accept, headers };
    const answering = answerShortly(asked, response);
    if (answering !== undefined) {
      await answering;
      return;
    }
  } else if (inParts === MULTIPART_TYPE && preferred === undefined) {
    throw new Refusal('NOT_ACCEPTABLE', 'A batch is answered as JSON.');
  }
  await answerBroadly(door, exchange, params);
}

/** Through Yoga. */
async function answerBroadly(
  { endpoint, broad, streams }: ClientDoors,
  exchange: Exchange,
  params: YogaContext['params'],
): Promise<void> {
  const { message, response, request } = exchange;
  const wantsPage = params === undefined;
  const said = new Map<string, string>();
  setHeaders(exchange);
  const given = await broad.fetch(
    new Request(`http://hem/${endpoint.name}/graphql`, {
      method: message.method,
      headers: { accept: wantsPage ? 'text/html' : 'text/event-stream' },
      signal: request.left.signal,
    }),
    { endpointRequest: request, params, streams, said },
  );
  for (const [name, value] of Object.entries(wantsPage ? PAGE_HEADERS : {})) given.headers.set(name, value);
  given.headers.set('cache-control', 'no-store');
  given.headers.set('x-content-type-options', 'nosniff');
  for (const [name, value] of said) given.headers.set(name, value);
  await sendFetchResponse(response, given);
}

function isSingle(params: Params | readonly Params[]): params is Params {
  return !Array.isArray(params);
}
