/** An operation whose answers may be kept: what they are found by, and what callers are told of them. */
import type { KeptAnswer } from '../../cache/kept-answer.ts';
import { isNobody } from '../../principal/identity.ts';
import type { View } from '../../views/view.ts';
import type { Answer, Freshness } from '../answer.ts';
import type { Request } from '../request.ts';
import type { Cacheability } from './cacheability.ts';
import { entitiesIn } from './entity-tags.ts';

/** How an answer came to be, for those who are told: found, where others have kept it; made and kept; made, and without room or out of date. */
export type Origin = 'shared' | 'stored' | 'not-kept';

export const HIT = 'hit';

/** Why something was asked for, and what became of it. */
interface Forwarded {
  readonly why: 'miss' | 'stale';
  /** Undefined where what was stale stands in. */
  readonly origin?: Origin;
  readonly joined?: boolean;
}

/** An operation whose answers may be kept, with all that is said of them. */
export class CacheableOperation {
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
