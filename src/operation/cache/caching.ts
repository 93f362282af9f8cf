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
import { Flights } from '../../flights.ts';
import type { ComposedGraph } from '../../graph/compose.ts';
import type { SourceDirectory } from '../../load/source-directory.ts';
import { fingerprintOf } from '../../principal/identity.ts';
import type { View } from '../../views/view.ts';
import type { Answer } from '../answer.ts';
import { Deadline } from '../deadline.ts';
import { PerConditions } from '../per-conditions.ts';
import type { Answering, Policy } from '../policy.ts';
import type { PreparedOperation, Request } from '../request.ts';
import { RequestOfMany } from '../request-of-many.ts';
import { cacheabilityOf } from './cacheability.ts';
import { CacheableOperation, HIT, type Origin } from './cacheable-operation.ts';

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

/** What is made for all who wait: an answer without errors, or one with some. */
type Made =
  | { readonly kept: KeptAnswer; readonly origin: Origin }
  | {
      readonly failed: Answer;
      /** What others have kept, over its time. */
      readonly stale: KeptAnswer | undefined;
      /** Its time was over, which need not be that of all who wait. */
      readonly isLate: boolean;
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
  /** What is being made, shared by all who ask the same. */
  readonly #flights = new Flights<Made>();

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
    const how = {
      staleMs: cache.settings.staleWhileRevalidate,
      started: () => {
        isFirst = true;
      },
    };
    let made = await this.#join(asking, request.left, how);
    // Who came late has time left when that of the first is over: all who have some ask once more together.
    if (!isFirst && 'failed' in made && made.isLate)
      made = (await this.#inTime(startedAt, request, (left) => this.#join(asking, left, how))) ?? made;
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
    const standIn = younger(stale, made.stale);
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
    return this.#flights.join(flight, left, async (allLeft): Promise<Made> => {
      started();
      const begunAt = performance.now();
      const shared = await cache.findShared(key, version, keepMs);
      if (shared !== undefined && overMsOf(facts, shared) < staleMs)
        return { kept: shared, origin: 'shared' };
      const answer = await next(operation, new RequestOfMany(request, allLeft));
      if (!isClean(answer))
        return { failed: answer, stale: shared, isLate: isOver(answer, begunAt + this.#setup.deadlineMs) };
      const made = { json: JSON.stringify(answer.result), tags: facts.tagsOf(answer.result.data) };
      const { kept, isHeld } = cache.keep(key, made, { begun, version, keepMs });
      return { kept, origin: isHeld ? 'stored' : 'not-kept' };
    });
  }

  /** What comes in what is left of a caller's time; undefined for what does not. */
  async #inTime<Result>(
    startedAt: number,
    { left }: Request,
    begin: (left: Cancellation) => Promise<Result>,
  ): Promise<Result | undefined> {
    const leftMs = startedAt + this.#setup.deadlineMs - performance.now();
    if (leftMs < 1) return undefined;
    const deadline = new Deadline(leftMs, left, () => {});
    try {
      return await Promise.race([begin(deadline), over(deadline)]);
    } finally {
      deadline.end();
    }
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

function younger(one: KeptAnswer | undefined, other: KeptAnswer | undefined): KeptAnswer | undefined {
  return one === undefined || (other !== undefined && other.madeAt > one.madeAt) ? other : one;
}

/** How far an answer is over its time; less than 0 before. */
function overMsOf({ maxAgeMs }: CacheableOperation, { madeAt }: KeptAnswer): number {
  return performance.now() - madeAt - maxAgeMs;
}

function over(cancellation: Cancellation): Promise<undefined> {
  return new Promise((resolve) => cancellation.add(() => resolve(undefined)));
}

const LATE: ReadonlySet<unknown> = new Set(['UPSTREAM_TIMEOUT', 'DEADLINE_EXCEEDED']);

/** Whether something is not there because the operation's time was over. */
function isOver({ result: { errors = [] } }: Answer, deadlineAt: number): boolean {
  return (
    performance.now() > deadlineAt - TIMERS_MS && errors.some(({ extensions }) => LATE.has(extensions?.code))
  );
}

/** By which timers may differ. */
const TIMERS_MS = 20;

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
