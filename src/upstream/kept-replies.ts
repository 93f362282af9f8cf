/**
 * Replies of one backend that may be given again, as long as it says (RFC 9111, RFC 5861): in HTTP's words, which other protocols borrow.
 * Hem stands between many callers and the backend, so it is a shared cache; where a backend is told who calls, that is part of the key, and
 * the reply is that caller's own.
 */
import CachePolicy from 'http-cache-semantics';
import { BoundedCache, type CacheSize } from '../bounded-cache.ts';
import { HemError, isFailureOfBackend } from '../errors.ts';
import type { TagClock } from '../tag-clock.ts';
import type { CacheSettings } from './sharing-settings.ts';

/** What was said to be out of date, and under which names what this backend answers is found. */
export interface OutOfDate {
  readonly clock: TagClock;
  readonly tags: readonly string[];
}

export interface Reply {
  /** HTTP's; what others answer well is 200. */
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: { readonly length: number };
}

/** `fleeting`: it counts, but only for whoever asked. `failure`: it says nothing about what was asked for. */
export type Worth = 'good' | 'fleeting' | 'failure';

/** By what reading a reply comes to: what is not there may come to be. @param read throws what the reply means */
export function worthOf(read: () => unknown): Worth {
  try {
    return (read() ?? null) === null ? 'fleeting' : 'good';
  } catch (error) {
    const code = error instanceof HemError ? error.code : 'INTERNAL';
    return isFailureOfBackend(code) || code === 'UPSTREAM_LIMITED' ? 'failure' : 'fleeting';
  }
}

/** What is asked for. */
export interface Question {
  /** Of HTTP. Only what is asked for by GET can be asked for on conditions. */
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface KeepingSetup {
  readonly settings: CacheSettings;
  /** Whether the backend knows whom it answers. */
  readonly knowsCaller: (headers: Question['headers']) => boolean;
  readonly outOfDate: OutOfDate;
  /** Marked with the address of what was changed by another method than GET. */
  readonly changes: TagClock;
}

/** When it began to be asked for, by both clocks. */
interface Stamps {
  stamp: number;
  changeStamp: number;
}

interface Kept<R> extends Stamps {
  readonly policy: CachePolicy;
  readonly reply: R;
  /** What a change of it would be marked with. */
  readonly addresses: readonly string[];
}

/** What an entry takes beside its body. */
const OVERHEAD_BYTES = 2000;

export class KeptReplies<R extends Reply> {
  readonly #setup: KeepingSetup;
  readonly #kept: BoundedCache<Kept<R>>;

  constructor(setup: KeepingSetup) {
    this.#setup = setup;
    this.#kept = new BoundedCache(setup.settings.maxBytes);
  }

  get size(): CacheSize {
    return this.#kept.size;
  }

  /** What may be used without asking; stale where it is to be asked for meanwhile. */
  find(key: string, question: Question): { readonly reply: R; readonly isStale: boolean } | undefined {
    const kept = this.#current(key);
    if (kept === undefined) return undefined;
    const { response, revalidation } = kept.policy.evaluateRequest(toPlain(question));
    if (response === undefined || revalidation?.synchronous === true) return undefined;
    return { reply: kept.reply, isStale: revalidation !== undefined };
  }

  /**
   * Asks, only for what has changed where that can be said, and keeps what may be kept.
   * @param worthOf says of a reply that came whether it is one
   */
  async ask(
    key: string,
    question: Question,
    { send, worthOf }: { send(conditions: Conditions): Promise<R>; worthOf(reply: R): Worth },
  ): Promise<R> {
    const addresses = question.method === 'GET' ? [addressOf(question.path)] : [];
    const begun = { ...this.#now(), addresses };
    const kept = this.#current(key);
    const plain = toPlain(question);
    const canAskOnConditions = question.method === 'GET';
    const conditional = canAskOnConditions ? kept?.policy.revalidationHeaders(plain) : undefined;
    let reply: R;
    try {
      reply = await send(conditional === undefined ? {} : conditionsOf(conditional));
    } catch (error) {
      const isFailure = error instanceof HemError && isFailureOfBackend(error.code);
      if (kept !== undefined && isFailure && mayStandIn(kept, plain)) return kept.reply;
      throw error;
    }
    if (kept !== undefined && reply.status === 304) {
      const headers = { ...validatorsOf(kept.reply), ...toHeaders(reply.headers) };
      const { policy } = kept.policy.revalidatedPolicy(plain, { status: 304, headers });
      this.#hold(key, { policy, reply: kept.reply, ...begun });
      return kept.reply;
    }
    const worth = worthOf(reply);
    // What is kept stays as it is (RFC 9111, 4.3.3).
    if (kept !== undefined && worth === 'failure')
      return reply.status !== TOO_MANY && mayStandIn(kept, plain) ? kept.reply : reply;
    const policy = this.#policyOf(question, reply);
    const isUseful = policy.timeToLive() > 0 || (canAskOnConditions && canRevalidate(reply));
    if (policy.storable() && isUseful && worth === 'good') this.#hold(key, { policy, reply, ...begun });
    else this.#kept.delete(key);
    return reply;
  }

  #current(key: string): Kept<R> | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    if (this.#isCurrent(kept)) return Object.assign(kept, this.#now());
    this.#kept.delete(key);
    return undefined;
  }

  #now(): Stamps {
    const { outOfDate, changes } = this.#setup;
    return { stamp: outOfDate.clock.now, changeStamp: changes.now };
  }

  #isCurrent({ stamp, changeStamp, addresses }: Kept<R>): boolean {
    const { outOfDate, changes } = this.#setup;
    return outOfDate.clock.isCurrent(outOfDate.tags, stamp) && changes.isCurrent(addresses, changeStamp);
  }

  #hold(key: string, kept: Kept<R>): void {
    const bytes = kept.reply.body.length;
    if (bytes > this.#setup.settings.maxEntryBytes || !this.#isCurrent(kept)) return;
    this.#kept.set(key, kept, bytes + key.length + OVERHEAD_BYTES);
  }

  #policyOf(question: Question, reply: R): CachePolicy {
    return new CachePolicy(
      toPlain(question),
      { status: reply.status, headers: toHeaders(this.#said(reply)) },
      {
        shared: !this.#setup.knowsCaller(question.headers),
        // Only what the backend says counts, nothing that could be guessed from it.
        cacheHeuristic: 0,
        immutableMinTimeToLive: 0,
      },
    );
  }

  /** What the backend says, or connector.yml where it says nothing. */
  #said({ status, headers }: R): Reply['headers'] {
    const { maxAge } = this.#setup.settings;
    const saysNothing = SAYING.every((name) => headers[name] === undefined);
    if (maxAge === undefined || status !== 200 || !saysNothing) return headers;
    return { ...headers, 'cache-control': `max-age=${maxAge / 1000}` };
  }
}

export type Conditions = Readonly<Record<string, string>>;

/** Of what a backend has: its path without the query. */
export function addressOf(path: string): string {
  const end = path.indexOf('?');
  return end === -1 ? path : path.slice(0, end);
}

/** By which a backend says how long a reply counts. */
const SAYING = ['cache-control', 'expires', 'pragma'];

/** Whoever has other credentials has another key, so they are none of the policy's business. */
function toPlain({ method, path, headers }: Question): CachePolicy.Request {
  const { authorization: _own, ...others } = headers;
  return { method, url: path, headers: others };
}

/** Lines of one name are one list (RFC 9110, 5.3). Of what is no list the first one counts. */
function toHeaders(headers: Reply['headers']): CachePolicy.Headers {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? (LISTS.has(name) ? value.join(', ') : value[0]) : value,
    ]),
  );
}

const LISTS: ReadonlySet<string> = new Set(['cache-control', 'pragma', 'vary', 'warning', 'connection']);

/** The backend wants to be asked before what is stale is given again (RFC 9111, 4.2.4), which RFC 5861 does not change. */
const MUST_ASK = /(?:^|,)\s*(?:must-revalidate|proxy-revalidate|no-cache)\b/i;

function mustAsk(headers: Reply['headers']): boolean {
  return MUST_ASK.test(String(toHeaders(headers)['cache-control'] ?? ''));
}

const TOO_MANY = 429;

/** Whether what is kept may be given where asking has failed, as if a gateway before us had answered 504: if the backend said so (RFC 5861, 4). */
function mayStandIn({ policy, reply }: Kept<Reply>, plain: CachePolicy.Request): boolean {
  const { modified } = policy.revalidatedPolicy(plain, { status: 504, headers: {} });
  return !modified && !mustAsk(reply.headers);
}

/** Many backends leave them out of a 304, which is about what was asked for all the same. */
function validatorsOf({ headers }: Reply): CachePolicy.Headers {
  const { etag, 'last-modified': lastModified } = toHeaders(headers);
  return { ...(etag && { etag }), ...(lastModified && { 'last-modified': lastModified }) };
}

function conditionsOf(headers: CachePolicy.Headers): Conditions {
  const conditions: Record<string, string> = {};
  for (const name of ['if-none-match', 'if-modified-since']) {
    const value = headers[name];
    if (typeof value === 'string') conditions[name] = value;
  }
  return conditions;
}

function canRevalidate({ headers }: Reply): boolean {
  return headers.etag !== undefined || headers['last-modified'] !== undefined;
}
