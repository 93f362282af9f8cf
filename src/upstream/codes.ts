/** What the error codes of backends mean: one table for all kinds, and `codes:` of connector.yml in front of it. */
import { z } from 'zod';
import { type ErrorCode, UpstreamError } from '../errors.ts';
import { codeOfStatus } from './status.ts';

export type UpstreamCode = ErrorCode & `UPSTREAM_${string}`;

const MEANINGS = {
  'not-found': 'UPSTREAM_NOT_FOUND',
  denied: 'UPSTREAM_DENIED',
  conflict: 'UPSTREAM_CONFLICT',
  limited: 'UPSTREAM_LIMITED',
  unavailable: 'UPSTREAM_UNAVAILABLE',
  timeout: 'UPSTREAM_TIMEOUT',
  failed: 'UPSTREAM_FAILED',
  rejected: 'UPSTREAM_REJECTED',
} as const satisfies Readonly<Record<string, UpstreamCode>>;

export type Meaning = keyof typeof MEANINGS;

/** The key `codes` of connector.yml: what the backend's own error codes mean, beside the ones that Hem knows. */
export const codes = z
  .record(z.string().min(1).max(255), z.enum(Object.keys(MEANINGS) as Meaning[]))
  .default({});

/** Words that services use of themselves: gRPC's, and those of GraphQL servers. HTTP's numbers are known as well. */
const KNOWN: ReadonlyMap<string, UpstreamCode> = new Map([
  ['CANCELLED', 'UPSTREAM_FAILED'],
  ['UNKNOWN', 'UPSTREAM_FAILED'],
  ['INVALID_ARGUMENT', 'UPSTREAM_REJECTED'],
  ['DEADLINE_EXCEEDED', 'UPSTREAM_TIMEOUT'],
  ['NOT_FOUND', 'UPSTREAM_NOT_FOUND'],
  ['ALREADY_EXISTS', 'UPSTREAM_CONFLICT'],
  ['PERMISSION_DENIED', 'UPSTREAM_DENIED'],
  ['RESOURCE_EXHAUSTED', 'UPSTREAM_LIMITED'],
  ['FAILED_PRECONDITION', 'UPSTREAM_CONFLICT'],
  ['ABORTED', 'UPSTREAM_CONFLICT'],
  ['OUT_OF_RANGE', 'UPSTREAM_REJECTED'],
  ['UNIMPLEMENTED', 'UPSTREAM_REJECTED'],
  ['INTERNAL', 'UPSTREAM_FAILED'],
  ['UNAVAILABLE', 'UPSTREAM_UNAVAILABLE'],
  ['DATA_LOSS', 'UPSTREAM_FAILED'],
  ['UNAUTHENTICATED', 'UPSTREAM_DENIED'],
  ['FORBIDDEN', 'UPSTREAM_DENIED'],
  ['CONFLICT', 'UPSTREAM_CONFLICT'],
  ['RATE_LIMITED', 'UPSTREAM_LIMITED'],
  ['TOO_MANY_REQUESTS', 'UPSTREAM_LIMITED'],
  ['BAD_REQUEST', 'UPSTREAM_REJECTED'],
  ['BAD_USER_INPUT', 'UPSTREAM_REJECTED'],
  ['GRAPHQL_PARSE_FAILED', 'UPSTREAM_REJECTED'],
  ['GRAPHQL_VALIDATION_FAILED', 'UPSTREAM_REJECTED'],
]);

/** What a code means wherever it comes from; undefined when that is the backend's affair. */
export function knownCode(code: string): UpstreamCode | undefined {
  return KNOWN.get(code) ?? (/^[45]\d\d$/.test(code) ? codeOfStatus(Number(code)) : undefined);
}

/** Whether a backend says in words that it does not know who asks: other credentials may help. */
export function isOfCredentials({ status }: UpstreamError): boolean {
  return status === 'UNAUTHENTICATED';
}

const SAFE_CODE = /^[\w.:-]{1,64}$/;
const DETAIL_CHARACTERS = 4096;

/** A code that may be shown to callers: anything that is not a short plain word or number is none. */
export function toSafeCode(code: unknown): string | undefined {
  const text = typeof code === 'number' ? String(code) : code;
  return typeof text === 'string' && SAFE_CODE.test(text) ? text : undefined;
}

/** The `code` of an error that is an object. */
export function codeIn(error: object): unknown {
  return Object.hasOwn(error, 'code') ? (error as { readonly code?: unknown }).code : undefined;
}

/** The codes of one connector. */
export class ErrorCodes {
  readonly connector: string;
  readonly #given: ReadonlyMap<string, UpstreamCode>;

  constructor(connector: string, given: z.output<typeof codes>) {
    this.connector = connector;
    this.#given = new Map(Object.entries(given).map(([code, meaning]) => [code, MEANINGS[meaning]]));
  }

  /** What connector.yml says that a code means. */
  given(code: string): UpstreamCode | undefined {
    return this.#given.get(code);
  }

  /**
   * The error that a backend answered with.
   * @param usual what a code means of which nobody says anything
   * @param about `ownNumbers` when numbers are the protocol's own, and not HTTP's
   */
  toError(
    given: unknown,
    usual: Meaning,
    about: { readonly detail: unknown; readonly internal?: string; readonly ownNumbers?: boolean },
  ): UpstreamError {
    const { detail, internal, ownNumbers = false } = about;
    const code = toSafeCode(given);
    const known =
      code === undefined || (ownNumbers && typeof given === 'number') ? undefined : knownCode(code);
    const meaning = code === undefined ? undefined : (this.#given.get(code) ?? known);
    return new UpstreamError(meaning ?? MEANINGS[usual], this.connector, {
      internal: internal ?? `answered with the error ${code ?? 'without a readable code'}`,
      status: code,
      detail: bounded(detail),
    });
  }
}

function bounded(detail: unknown): unknown {
  if (detail === undefined || detail === null) return undefined;
  const text = typeof detail === 'string' ? detail : JSON.stringify(detail);
  return text.length <= DETAIL_CHARACTERS ? detail : text.slice(0, DETAIL_CHARACTERS);
}
