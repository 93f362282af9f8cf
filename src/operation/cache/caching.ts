/**
 * Answers that are given again, and what callers are told of how long they may keep them. It stands next to the engine: whoever gets
 * here may have the answer, and was counted. Answers with errors, or with anything else beside their data, are never kept, nor shared.
 */
import { hash } from 'node:crypto';
import { getOperationAST } from 'graphql';
import { canonicalVariables } from '../../cache/canonical-variables.ts';
import type { KeptAnswer } from '../../cache/kept-answer.ts';
import type { ResponseCache, ResponseCaches } from '../../cache/response-cache.ts';
import { Cancellation } from '../../cancellation.ts';
import { type ErrorCode, isFailureOfBackend } from '../../errors.ts';
import type { ComposedGraph } from '../../graph/compose.ts';
import type { SourceDirectory } from '../../load/source-directory.ts';
import { fingerprintOf, isNobody } from '../../principal/identity.ts';
import type { View } from '../../views/view.ts';
import type { Answer, Freshness } from '../answer.ts';
import { Deadline } from '../deadline.ts';
import { PerConditions } from '../per-conditions.ts';
import type { Answering, Policy } from '../policy.ts';
import type { PreparedOperation, Request } from '../request.ts';
import { RequestOfMany } from '../request-of-many.ts';
import { type Cacheability, cacheabilityOf } from './cacheability.ts';
import { entitiesIn } from './entity-tags.ts';

interface Parts {
  readonly view: View;
  readonly graph: ComposedGraph;
  readonly caches: ResponseCaches;
  readonly sources: Pick<SourceDirectory, 'digestOf'>;
  readonly deadlineMs: number;
}

/** Undefined where a client has no `cache`. */
export function cachingOf({ caches, ...parts }: Parts): Policy | undefined {
  const { settings, name } = parts.view.client;
  if (settings.cache === undefined) return undefined;
  const { responses } = settings.cache;
  const keeper = new Keeper({
    ...parts,
    cache: responses && caches.open(name, responses),
    version: responses && caches.store.isShared ? versionOf(parts) : '',
  });
  return {
    answer: (operation, request, next) => keeper.answer(operation, request, next),
  };
}

/**
 * Of what answers of a client mean: it changes with the files of the client's schema and of the connectors, and with all that these take
 * from the environment: another address is another backend, and another account may see other things there.
 */
function versionOf({ view: { client }, graph, sources }: Pick<Parts, 'view' | 'graph' | 'sources'>): string {
  const connectors = graph.connectors.map(({ name, settings }) => {
    return [name, sources.digestOf(`connectors/${name}`), settings];
  });
  const all = [client.name, sources.digestOf(client.file), ...connectors];
  return hash('sha256', JSON.stringify(all), 'base64url');
}

interface CachingSetup extends Omit<Parts, 'caches' | 'sources'> {
  /** Of what keys of this client mean, for those who share a store. */
  readonly version: string;
  /** Undefined where only callers keep answers. */
  readonly cache: ResponseCache | undefined;
}

/** How long a failed renewal in the background is not tried again. */
const RENEW_AGAIN_MS = 1000;

/** How an answer came to be, for those who are told: found, where others have kept it; made and kept; made, and without room or out of date. */
type Origin = 'shared' | 'stored' | 'not-kept';

/** What is made for all who wait: an answer without errors, or one with some. */
type Made =
  | { readonly kept: KeptAnswer; readonly origin: Origin }
  | {
      readonly failed: Answer /** What others have kept, over its time. */;
      readonly stale: KeptAnswer | undefined;
    };

/** One query on its way. */
interface Asking {
  readonly key: string;
  readonly facts: CacheableOperation;
  readonly operation: PreparedOperation;
  readonly request: Request;
  readonly next: Answering;
}

class Keeper {
  readonly #setup: CachingSetup;
  /** Undefined for those whose answers are not kept. */
  readonly #operations: PerConditions<CacheableOperation | undefined>;

  constructor(setup: CachingSetup) {
    this.#setup = setup;
    this.#operations = new PerConditions((document, operationName, conditions) => {
      const facts = cacheabilityOf(setup, { document, operationName }, conditions);
      const text = document.loc?.source.body;
      if (facts.maxAgeMs === 0 || text === undefined) return undefined;
      const id = hash('sha256', JSON.stringify([text, operationName ?? null]), 'base64url');
      const variables = getOperationAST(document, operationName)?.variableDefinitions ?? [];
      const names = variables.map(({ variable }) => variable.name.value);
      return new CacheableOperation(facts, { id, variables: names, view: setup.view });
    });
  }

  answer(operation: PreparedOperation, request: Request, next: Answering): Promise<Answer> {
    // What some may not see ends in errors, and a trace tells its caller of one run. One that only the metrics see makes no difference.
    if (operation.kind !== 'query' || operation.denied !== undefined || operation.trace?.isShown === true)
      return next(operation, request);
    const facts = this.#operations.get(operation);
    if (facts === undefined) return next(operation, request);
    const { cache } = this.#setup;
    const variables =
      cache === undefined ? undefined : canonicalVariables(facts.variables, operation.variables);
    if (cache === undefined || variables === undefined || !facts.isForOne(request))
      return this.#unkept(facts, operation, request, next);
    const key = `${facts.id} ${fingerprintOf(request, facts.dependence)} ${variables}`;
    const kept = cache.find(key, facts.maxAgeMs + cache.staleMs);
    if (kept === undefined) return this.#make({ key, facts, operation, request, next }, undefined);
    const overMs = overMsOf(facts, kept);
    if (overMs < 0) {
      cache.tell('hit');
      return Promise.resolve(facts.served(kept, request, HIT));
    }
    const asking = { key, facts, operation, request, next };
    if (overMs >= cache.settings.staleWhileRevalidate) return this.#make(asking, kept);
    this.#renew(asking, kept);
    cache.tell('stale');
    return Promise.resolve(facts.served(kept, request, HIT));
  }

  async #unkept(
    facts: CacheableOperation,
    operation: PreparedOperation,
    request: Request,
    next: Answering,
  ): Promise<Answer> {
    const answer = await next(operation, request);
    return isClean(answer) ? facts.passed(answer, request) : answer;
  }

  /** Once for all who ask at the same time. @param stale what is given where that fails */
  async #make(asking: Asking, stale: KeptAnswer | undefined): Promise<Answer> {
    const cache = this.#setup.cache!;
    const { facts, operation, request, next } = asking;
    const startedAt = performance.now();
    let isFirst = false;
    const made = await this.#join(asking, request.left, {
      staleMs: cache.settings.staleWhileRevalidate,
      started: () => {
        isFirst = true;
      },
    });
    const why = stale === undefined ? 'miss' : 'stale';
    if ('kept' in made) {
      const { kept, origin } = made;
      if (overMsOf(facts, kept) >= 0) {
        this.#renew(asking, kept);
        cache.tell('stale');
        return facts.served(kept, request, HIT);
      }
      cache.tell(isFirst ? OUTCOMES[origin] : 'joined');
      return facts.served(kept, request, origin === 'shared' ? HIT : { why, origin, joined: !isFirst });
    }
    const own = isFirst
      ? made.failed
      : (failureForAll(made.failed, request) ?? (await this.#within(startedAt, operation, request, next)));
    if (isClean(own)) {
      cache.tell('not-kept');
      return facts.passed(own, request);
    }
    const standIn = stale ?? made.stale;
    if (standIn !== undefined && this.#covers(facts, standIn, own)) {
      cache.tell('stale-on-error');
      return facts.served(standIn, request, { why: 'stale' });
    }
    cache.tell('not-kept');
    return own;
  }

  /** In the background; what fails is tried again by a later request. */
  #renew(asking: Asking, kept: KeptAnswer): void {
    const now = performance.now();
    if (now < kept.renewAt) return;
    kept.renewAt = now + RENEW_AGAIN_MS;
    // It belongs to no caller, so none that leaves ends it.
    this.#join(asking, new Cancellation(), { staleMs: 0, started: () => {} }).catch(() => {});
  }

  /** @param staleMs how far over its time it may be, where others have kept it */
  #join(
    asking: Asking,
    left: Cancellation,
    { staleMs, started }: { readonly staleMs: number; readonly started: () => void },
  ): Promise<Made> {
    const cache = this.#setup.cache!;
    const { key, operation, request, next, facts } = asking;
    const begun = cache.begin();
    // What began before something was found out of date is not for those who ask after it.
    const flight = `${begun.stamp} ${key}`;
    const keepMs = facts.maxAgeMs + cache.staleMs;
    const { version } = this.#setup;
    return cache.flights.join(flight, left, async (allLeft): Promise<Made> => {
      started();
      const shared = await cache.findShared(key, version, keepMs);
      if (shared !== undefined && overMsOf(facts, shared) < staleMs)
        return { kept: shared, origin: 'shared' };
      const answer = await next(operation, new RequestOfMany(request, allLeft));
      if (!isClean(answer)) return { failed: answer, stale: shared };
      const made = { json: JSON.stringify(answer.result), tags: facts.tagsOf(answer.result.data) };
      const { kept, isHeld } = cache.keep(key, made, { begun, version, keepMs });
      return { kept, origin: isHeld ? 'stored' : 'not-kept' };
    }) as Promise<Made>;
  }

  /** In what is left of a caller's time. */
  async #within(
    startedAt: number,
    operation: PreparedOperation,
    request: Request,
    next: Answering,
  ): Promise<Answer> {
    const leftMs = Math.max(0, startedAt + this.#setup.deadlineMs - performance.now());
    const deadline = new Deadline(leftMs, request.left, () => {});
    try {
      return await next(operation, new RequestOfMany(request, deadline));
    } finally {
      deadline.end();
    }
  }

  /** A failure of backends only, and not for too long. A denial or a limit is an answer. */
  #covers(facts: CacheableOperation, stale: KeptAnswer, { result }: Answer): boolean {
    const cache = this.#setup.cache!;
    return (
      overMsOf(facts, stale) < cache.settings.staleIfError &&
      cache.isCurrent(stale) &&
      failedAtBackends(result)
    );
  }
}

/** How far an answer is over its time; less than 0 before. */
function overMsOf({ maxAgeMs }: CacheableOperation, { madeAt }: KeptAnswer): number {
  return performance.now() - madeAt - maxAgeMs;
}

function failedAtBackends({ errors = [] }: Answer['result']): boolean {
  return errors.every(({ extensions }) => isFailureOfBackend(extensions?.code as ErrorCode));
}

/**
 * What backends failed at for the first of several who ask the same they would fail at for the others, too, who had better not
 * ask them all at once. Undefined for other errors: those may be the first one's own.
 */
function failureForAll({ result, headers }: Answer, { requestId }: Request): Answer | undefined {
  if (headers !== undefined || result.extensions !== undefined || !failedAtBackends(result)) return undefined;
  const errors = result.errors!.map((error) => ({
    ...error,
    extensions: { ...error.extensions, requestId },
  }));
  return { result: { ...result, errors } };
}

function isClean({ result, headers }: Answer): boolean {
  return (
    result.errors === undefined &&
    result.extensions === undefined &&
    headers === undefined &&
    result.data !== undefined &&
    result.data !== null
  );
}

const OUTCOMES = { shared: 'shared', stored: 'miss', 'not-kept': 'not-kept' } as const;

const HIT = 'hit';

/** Why something was asked for, and what became of it. */
interface Forwarded {
  readonly why: 'miss' | 'stale';
  /** Undefined where what was stale stands in. */
  readonly origin?: Origin;
  readonly joined?: boolean;
}

/** An operation whose answers may be kept, with all that is said of them. */
class CacheableOperation {
  /** Equal for equal texts and operation names. */
  readonly id: string;
  /** Names of those that it has. */
  readonly variables: readonly string[];
  readonly maxAgeMs: number;
  readonly dependence: Cacheability['dependence'];
  readonly #facts: Cacheability;
  readonly #forAll: Pick<Freshness, 'cacheControl' | 'vary'>;
  readonly #forOne: Pick<Freshness, 'cacheControl' | 'vary'>;
  readonly #dependsOnCaller: boolean;

  constructor(
    facts: Cacheability,
    { id, variables, view }: Pick<CacheableOperation, 'id' | 'variables'> & { readonly view: View },
  ) {
    this.id = id;
    this.variables = variables;
    const { dependence, maxAgeMs } = facts;
    this.#facts = facts;
    this.maxAgeMs = maxAgeMs;
    this.dependence = dependence;
    this.#dependsOnCaller = dependence.principal || dependence.address || dependence.headers.length > 0;
    const maxAge = `max-age=${Math.floor(maxAgeMs / 1000)}`;
    const { jwt, keys } = view.client.auth ?? {};
    const credentials = [
      'authorization',
      ...(jwt?.cookie === undefined ? [] : ['cookie']),
      ...(keys === undefined ? [] : [keys.header]),
    ];
    this.#forAll = { cacheControl: `${maxAge}, public`, vary: 'accept' };
    this.#forOne = {
      cacheControl: `${maxAge}, private`,
      vary: [...new Set(['accept', ...credentials, ...dependence.headers])].join(', '),
    };
  }

  /** Of what is private, nothing is kept for callers that cannot be told apart. */
  isForOne({ principal, headers }: Request): boolean {
    if (!this.#facts.isPrivate || !isNobody(principal)) return true;
    return this.dependence.headers.some((name) => CREDENTIALS.has(name) && headers[name] !== undefined);
  }

  /** What callers are told of an answer that is not kept here. */
  passed(answer: Answer, request: Request): Answer {
    return { ...answer, freshness: { ...this.#said(request), age: 0, status: 'hem; fwd=miss' } };
  }

  served({ result, json, etag, madeAt }: KeptAnswer, request: Request, how: typeof HIT | Forwarded): Answer {
    const ageMs = performance.now() - madeAt;
    const { cacheControl, vary } = this.#said(request);
    const ttl = `; ttl=${Math.floor((this.maxAgeMs - ageMs) / 1000)}`;
    const status = how === HIT ? `hem; hit${ttl}` : statusOf(how, ttl);
    const said = { cacheControl, vary, age: Math.floor(ageMs / 1000), status };
    const isKept = how === HIT || how.origin !== 'not-kept';
    return { result, json, freshness: isKept ? { ...said, etag } : said };
  }

  /** Where anything of the caller counts, or anything is known of the caller, other caches are told to keep it for nobody else. */
  #said({ principal }: Request): Pick<Freshness, 'cacheControl' | 'vary'> {
    return this.#dependsOnCaller || !isNobody(principal) ? this.#forOne : this.#forAll;
  }

  tagsOf(data: unknown): readonly string[] {
    const { types, entities, unknownEntities } = this.#facts;
    return [...types, ...(entitiesIn(data, entities) ?? unknownEntities)];
  }
}

/** As RFC 9211 has it: who was asked for has no `hit`, also where what was stale stands in for a failure. */
function statusOf({ why, origin, joined = false }: Forwarded, ttl: string): string {
  const what = origin === undefined ? ttl : joined ? '; collapsed' : origin === 'stored' ? '; stored' : '';
  return `hem; fwd=${why}${what}`;
}

/** By which a backend may know its caller. */
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'cookie']);
