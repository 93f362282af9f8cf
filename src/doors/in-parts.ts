/**
 * Answers callers who take several parts: `multipart/mixed` or server-sent events, written to the socket as they come. Nothing is
 * read ahead of a slow reader. An operation in which nothing comes later is answered as it is to everybody.
 */
import type { ServerResponse } from 'node:http';
import type { FormattedExecutionResult } from 'graphql';
import { type AnswerHeaders, isStream } from '../operation/answer.ts';
import type { Endpoint } from '../operation/endpoint.ts';
import type { Part } from '../operation/parts.ts';
import type { Request as EndpointRequest } from '../operation/request.ts';
import { acceptsEventStream, EVENT_STREAM_TYPE, type PartsType, preferredAnswerType } from './media-type.ts';
import { headersOf, NEEDS_EVENT_STREAM, operate, statusOf } from './operate.ts';
import type { Params } from './params.ts';
import { Refusal } from './refusal.ts';
import { drained } from './send-response.ts';
import { sendAnswer } from './short-path.ts';

/** All but those of the result are set already. */
const NO_HEADERS: readonly string[] = [];

/** Comments between events that are long in coming: proxies close what is silent. */
const KEEP_ALIVE_MS = 12_000;

export interface AskedInParts {
  readonly endpoint: Endpoint;
  readonly params: Params;
  readonly method: string | undefined;
  /** What the caller of a GET has already. */
  readonly ifNoneMatch: string | undefined;
  readonly type: PartsType;
  readonly request: EndpointRequest;
}

/** Answers one operation, or gives false for a subscription, which takes the broad door. */
export async function answerInParts(
  { endpoint, params, method, ifNoneMatch, type, request }: AskedInParts,
  response: ServerResponse,
): Promise<boolean> {
  const { accept } = request.headers;
  const outcome = await operate(endpoint, params, method, request, 'executeInParts');
  if ('subscription' in outcome) {
    if (!acceptsEventStream(accept)) throw new Refusal('NOT_ACCEPTABLE', NEEDS_EVENT_STREAM);
    return false;
  }
  if (isStream(outcome)) {
    await sendParts(response, { status: 200, headers: outcome.headers }, outcome.items, type);
    return true;
  }
  if (response.destroyed) return true;
  const { result } = outcome;
  const status = statusOf(result, accept);
  const single = preferredAnswerType(accept)?.type;
  if (single !== undefined)
    sendAnswer(response, outcome, { status, type: single, headers: NO_HEADERS, ifNoneMatch });
  else {
    // Browsers hand the events of a stream on only when its status is 200.
    const head = {
      status: type === EVENT_STREAM_TYPE ? 200 : status,
      headers: { ...headersOf(status, result), ...outcome.headers },
    };
    await sendParts(response, head, [result], type);
  }
  return true;
}

interface Head {
  readonly status: number;
  readonly headers?: AnswerHeaders | undefined;
}

type Results = AsyncIterable<Part> | readonly FormattedExecutionResult[];

async function sendParts(
  response: ServerResponse,
  { status, headers }: Head,
  results: Results,
  type: PartsType,
): Promise<void> {
  const framing = FRAMINGS[type];
  if (!response.destroyed) {
    response.writeHead(status, {
      ...headers,
      'content-type': framing.contentType,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // For nginx: it would gather parts until there are enough of them.
      'x-accel-buffering': 'no',
    });
  }
  const { pulse } = framing;
  const isIdle = () => !response.destroyed && !response.writableNeedDrain;
  const beat = pulse && setInterval(() => isIdle() && response.write(pulse), KEEP_ALIVE_MS);
  let { head } = framing;
  try {
    // Parts have to be begun on to end, also when nobody is there any more.
    for await (const result of results) {
      if (response.destroyed) return;
      const part = head + framing.part(JSON.stringify(result));
      head = '';
      if (!('hasNext' in result && result.hasNext)) response.end(part + framing.tail);
      else if (!response.write(part)) await drained(response);
    }
  } finally {
    clearInterval(beat);
  }
}

interface Framing {
  readonly contentType: string;
  readonly head: string;
  readonly part: (json: string) => string;
  readonly tail: string;
  readonly pulse?: string;
}

const FRAMINGS: Readonly<Record<PartsType, Framing>> = {
  'multipart/mixed': {
    contentType: 'multipart/mixed; boundary="-"; incrementalSpec=v0.2',
    head: '\r\n---',
    // Followed at once by the delimiter that tells the reader that it has the whole of it.
    part: (json) => `\r\ncontent-type: application/json; charset=utf-8\r\n\r\n${json}\r\n---`,
    tail: '--\r\n',
  },
  'text/event-stream': {
    contentType: EVENT_STREAM_TYPE,
    head: ':\n\n',
    part: (json) => `event: next\ndata: ${json}\n\n`,
    tail: 'event: complete\ndata:\n\n',
    pulse: ':\n\n',
  },
};
