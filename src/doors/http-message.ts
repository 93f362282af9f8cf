/** Between node:http messages and the fetch API that Yoga speaks; bodies are bounded while they are read. */

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request as EndpointRequest } from '../operation/endpoint.ts';

/** The body is larger than it may be. */
export class BodyTooLarge extends Error {}

/** Reads a body. @throws {BodyTooLarge} before more than `maxBytes` are held */
export async function readBody(message: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const announced = Number(message.headers['content-length'] ?? 0);
  if (announced > maxBytes) throw new BodyTooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new BodyTooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

/** What the endpoint knows of a request. Aborts when the caller leaves before the answer is sent. */
export function toEndpointRequest(message: IncomingMessage, response: ServerResponse): EndpointRequest {
  const left = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) left.abort();
  });
  return { requestId: requestIdOf(message), headers: headersOf(message), signal: left.signal };
}

const REQUEST_ID = /^[\w.:/+=-]{1,128}$/;

/** The caller's own request id if it is one, else a new one. */
export function requestIdOf(message: IncomingMessage): string {
  const given = message.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/** Lower-case names; repeated headers joined. Headers named by `Connection` are for one hop and left out. */
export function headersOf(message: IncomingMessage): Readonly<Record<string, string>> {
  const headers: Record<string, string> = Object.create(null);
  const hop = new Set((message.headers.connection ?? '').toLowerCase().split(/\s*,\s*/));
  for (const [name, value] of Object.entries(message.headers)) {
    if (value === undefined || hop.has(name)) continue;
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}

export function toFetchRequest(
  message: IncomingMessage,
  path: string,
  body: Buffer | undefined,
  signal: AbortSignal,
): Request {
  const hasBody = body !== undefined && message.method !== 'GET' && message.method !== 'HEAD';
  const headers = new Headers();
  for (const [name, value] of Object.entries(headersOf(message))) headers.set(name, value);
  return new Request(`http://hem${path}`, {
    method: message.method,
    headers,
    body: hasBody ? new Uint8Array(body) : null,
    signal,
  });
}

/** Sends a fetch response; streams are sent as they come and stopped when the caller leaves. */
export async function sendFetchResponse(
  response: ServerResponse,
  answer: Response,
  extra: Readonly<Record<string, string>>,
): Promise<void> {
  response.statusCode = answer.status;
  for (const [name, value] of answer.headers) response.appendHeader(name, value);
  for (const [name, value] of Object.entries(extra)) response.setHeader(name, value);
  if (answer.body === null) {
    response.end();
    return;
  }
  const reader = answer.body.getReader();
  response.once('close', () => void reader.cancel().catch(() => {}));
  response.flushHeaders();
  for (;;) {
    const { done, value } = await reader.read();
    if (done || response.destroyed) break;
    if (!response.write(value)) await drained(response);
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      response.off('drain', settle);
      response.off('close', settle);
      resolve();
    };
    response.once('drain', settle);
    response.once('close', settle);
  });
}

/** A problem as RFC 9457 describes it, for answers that are not GraphQL. */
export function sendProblem(
  response: ServerResponse,
  status: number,
  code: string,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = JSON.stringify({ type: 'about:blank', title: code, status, detail });
  response.writeHead(status, {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(body);
}
