/**
 * Calls that ask the same at the same time are one, and what a backend allows to be kept is not asked for again. What makes two calls
 * the same is all that the backend would read of them: method, path, body and every header, its caller's and the connector's own.
 */
import { hash } from 'node:crypto';
import { Cancellation } from '../cancellation.ts';
import { UpstreamError } from '../errors.ts';
import { Flights } from '../flights.ts';
import { type Waiting, waitFor } from './deadline.ts';
import type { HttpClient, HttpRequest, HttpResponse } from './http.ts';
import { HttpCache, type HttpCacheSetup } from './http-cache.ts';
import type { HttpCacheSettings, HttpCalls } from './http-calls.ts';

/** Headers that tell one request from another rather than one caller. */
const OF_THE_REQUEST: ReadonlySet<string> = new Set(['x-request-id', 'traceparent', 'tracestate']);

export interface SharedCallsSetup extends Omit<HttpCacheSetup, 'settings'> {
  readonly name: string;
  readonly dedupe: boolean;
  readonly cache: HttpCacheSettings | undefined;
}

export class SharedCalls implements HttpCalls {
  readonly #client: HttpClient;
  readonly #setup: SharedCallsSetup;
  readonly #cache: HttpCache | undefined;
  readonly #flights = new Flights<HttpResponse>();

  constructor(client: HttpClient, setup: SharedCallsSetup) {
    this.#client = client;
    this.#setup = setup;
    this.#cache = setup.cache && new HttpCache({ ...setup, settings: setup.cache });
  }

  request<Result>(
    request: HttpRequest,
    context: Waiting,
    read: (response: HttpResponse) => Result,
  ): Promise<Result> {
    if (request.isRead !== true) return this.#client.request(request, context, read);
    const cache = request.method === 'GET' ? this.#cache : undefined;
    if (cache === undefined && !this.#setup.dedupe) return this.#client.request(request, context, read);
    const key = keyOf(request);
    if (cache === undefined)
      return this.#join(key, context, (waiting) => this.#client.request(request, waiting, whole)).then(read);
    const found = cache.find(key, request);
    const ask = (waiting: Waiting) =>
      cache.ask(key, request, (asked) => this.#client.request(asked, waiting, whole));
    if (found === undefined) return this.#join(key, context, ask).then(read);
    // It belongs to nobody: no caller who leaves ends it.
    if (found.isStale) this.#flights.join(key, NOBODY, (left) => ask(toWaiting(left))).catch(() => {});
    return new Promise((resolve) => resolve(read(found.response)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }

  /** Each waits as long as it may; the call goes on by the connector's time while anybody waits. */
  #join(
    key: string,
    context: Waiting,
    start: (waiting: Waiting) => Promise<HttpResponse>,
  ): Promise<HttpResponse> {
    const work = this.#flights.join(key, context.cancellation, (left) => {
      return start({ ...toWaiting(left), ...(context.onCall && { onCall: context.onCall }) });
    });
    const toError = () =>
      new UpstreamError('UPSTREAM_TIMEOUT', this.#setup.name, {
        internal: `${this.#client.origin} did not answer in time`,
      });
    return waitFor(work, context.deadlineAt - performance.now(), context.cancellation, toError);
  }
}

const NOBODY = new Cancellation();

function toWaiting(cancellation: Cancellation): Waiting {
  return { cancellation, deadlineAt: Number.POSITIVE_INFINITY };
}

function whole(response: HttpResponse): HttpResponse {
  return response;
}

/** Holds credentials, so it is a hash. */
function keyOf({ method, path, headers, body }: HttpRequest): string {
  const counted = Object.entries(headers).filter(([name]) => !OF_THE_REQUEST.has(name));
  const text = typeof body === 'object' ? body.toString('latin1') : body;
  return hash('sha256', JSON.stringify([method, path, counted.sort(byName), text ?? null]), 'base64url');
}

function byName([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : 1;
}
