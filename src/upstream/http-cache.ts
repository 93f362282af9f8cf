/**
 * Answers of one backend that its headers allow to be kept (RFC 9111, RFC 5861). Hem stands between many callers and the backend, so it
 * is a shared cache; where a caller's credentials travel on, they are part of the key, and it is that caller's own.
 */
import CachePolicy from 'http-cache-semantics';
import { LRUCache } from 'lru-cache';
import type { TagClock } from '../tag-clock.ts';
import type { HttpRequest, HttpResponse } from './http.ts';
import type { HttpCacheSettings } from './http-calls.ts';

/** What was said to be out of date, and under which names what this backend answers is found. */
export interface OutOfDate {
  readonly clock: TagClock;
  readonly tags: readonly string[];
}

export interface HttpCacheSetup {
  readonly settings: HttpCacheSettings;
  /** Headers of callers that travel on. */
  readonly forward: readonly string[];
  readonly outOfDate: OutOfDate;
}

interface Kept {
  readonly policy: CachePolicy;
  readonly response: HttpResponse;
  stamp: number;
}

/** By which a backend knows whom it answers. */
const CREDENTIALS = ['authorization', 'cookie'];
/** What an entry takes beside its body. */
const OVERHEAD_BYTES = 2000;

export class HttpCache {
  readonly #setup: HttpCacheSetup;
  readonly #kept: LRUCache<string, Kept>;

  constructor(setup: HttpCacheSetup) {
    this.#setup = setup;
    this.#kept = new LRUCache({ maxSize: setup.settings.maxBytes });
  }

  /** What may be used without asking; stale where it is to be asked for meanwhile. */
  find(
    key: string,
    request: HttpRequest,
  ): { readonly response: HttpResponse; readonly isStale: boolean } | undefined {
    const kept = this.#current(key);
    if (kept === undefined) return undefined;
    const { response, revalidation } = kept.policy.evaluateRequest(toPlain(request));
    if (response === undefined || revalidation?.synchronous === true) return undefined;
    return { response: kept.response, isStale: revalidation !== undefined };
  }

  /** Asks, only for what has changed where that can be said, and keeps what may be kept. */
  async ask(
    key: string,
    request: HttpRequest,
    send: (request: HttpRequest) => Promise<HttpResponse>,
  ): Promise<HttpResponse> {
    const { clock } = this.#setup.outOfDate;
    const stamp = clock.now;
    const kept = this.#current(key);
    const plain = toPlain(request);
    const conditional = kept?.policy.revalidationHeaders(plain);
    let response: HttpResponse;
    try {
      response = await send(
        conditional === undefined
          ? request
          : { ...request, headers: { ...request.headers, ...conditionsOf(conditional) } },
      );
    } catch (error) {
      // As if a gateway before us had answered: then what is stale may do, if the backend said so.
      if (kept?.policy.revalidatedPolicy(plain, { status: 504, headers: {} }).modified === false)
        return kept.response;
      throw error;
    }
    if (kept !== undefined) {
      const { status, headers } = response;
      const renewed = kept.policy.revalidatedPolicy(plain, { status, headers: toHeaders(headers) });
      if (status === 304 || (status >= 500 && !renewed.modified)) {
        if (status === 304) this.#hold(key, { policy: renewed.policy, response: kept.response, stamp });
        return kept.response;
      }
    }
    const policy = this.#policyOf(request, response);
    if (policy.storable() && (policy.timeToLive() > 0 || canRevalidate(response)))
      this.#hold(key, { policy, response, stamp });
    else this.#kept.delete(key);
    return response;
  }

  #current(key: string): Kept | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    const { clock, tags } = this.#setup.outOfDate;
    if (clock.isCurrent(tags, kept.stamp)) {
      kept.stamp = clock.now;
      return kept;
    }
    this.#kept.delete(key);
    return undefined;
  }

  #hold(key: string, kept: Kept): void {
    const bytes = kept.response.body.length;
    const { clock, tags } = this.#setup.outOfDate;
    if (bytes > this.#setup.settings.maxEntryBytes || !clock.isCurrent(tags, kept.stamp)) return;
    this.#kept.set(key, kept, { size: bytes + key.length + OVERHEAD_BYTES });
  }

  #policyOf(request: HttpRequest, { status, headers }: HttpResponse): CachePolicy {
    const isOneCallers = CREDENTIALS.some(
      (name) => this.#setup.forward.includes(name) && request.headers[name] !== undefined,
    );
    return new CachePolicy(
      toPlain(request),
      { status, headers: toHeaders(headers) },
      {
        shared: !isOneCallers,
        // Only what the backend says counts, nothing that could be guessed from it.
        cacheHeuristic: 0,
        immutableMinTimeToLive: 0,
      },
    );
  }
}

/** Whoever has other credentials has another key, so they are none of the policy's business. */
function toPlain({ method, path, headers }: HttpRequest): CachePolicy.Request {
  const { authorization: _own, ...others } = headers;
  return { method, url: path, headers: others };
}

function toHeaders(headers: HttpResponse['headers']): CachePolicy.Headers {
  return headers as CachePolicy.Headers;
}

function conditionsOf(headers: CachePolicy.Headers): Record<string, string> {
  const conditions: Record<string, string> = {};
  for (const name of ['if-none-match', 'if-modified-since']) {
    const value = headers[name];
    if (typeof value === 'string') conditions[name] = value;
  }
  return conditions;
}

function canRevalidate({ headers }: HttpResponse): boolean {
  return headers.etag !== undefined || headers['last-modified'] !== undefined;
}
