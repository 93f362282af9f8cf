/**
 * The one table of errors that callers can meet. `docs/errors.md` is checked against it.
 *
 * `fault`: whose it is. `status`: HTTP status when the whole request fails with it. `retryable`: whether the same
 * request may succeed later without a change. `text`: what the caller reads; internal text never leaves.
 */
export const ERRORS = {
  BAD_REQUEST: {
    status: 400,
    fault: 'caller',
    retryable: false,
    text: 'The request is not a GraphQL request.',
  },
  GRAPHQL_PARSE_FAILED: {
    status: 400,
    fault: 'caller',
    retryable: false,
    text: 'The document is not GraphQL.',
  },
  GRAPHQL_VALIDATION_FAILED: {
    status: 400,
    fault: 'caller',
    retryable: false,
    text: 'The operation does not fit the schema.',
  },
  BAD_VARIABLES: {
    status: 400,
    fault: 'caller',
    retryable: false,
    text: 'The variables do not fit the operation.',
  },
  OPERATION_TOO_LARGE: {
    status: 400,
    fault: 'caller',
    retryable: false,
    text: 'The operation exceeds a limit.',
  },
  BODY_TOO_LARGE: { status: 413, fault: 'caller', retryable: false, text: 'The request body is too large.' },
  NOT_FOUND: { status: 404, fault: 'caller', retryable: false, text: 'There is nothing at this address.' },
  METHOD_NOT_ALLOWED: {
    status: 405,
    fault: 'caller',
    retryable: false,
    text: 'This method is not allowed here.',
  },
  CONFLICT: {
    status: 409,
    fault: 'caller',
    retryable: false,
    text: 'This does not go with what is there.',
  },
  NOT_ACCEPTABLE: {
    status: 406,
    fault: 'caller',
    retryable: false,
    text: 'None of the accepted media types can be answered with.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    fault: 'caller',
    retryable: false,
    text: 'The body has a media type that is not read here.',
  },
  UNAUTHENTICATED: { status: 401, fault: 'caller', retryable: false, text: 'This needs credentials.' },
  FORBIDDEN: { status: 403, fault: 'caller', retryable: false, text: 'The caller may not see this.' },
  AUTH_UNAVAILABLE: {
    status: 503,
    fault: 'gateway',
    retryable: true,
    text: 'Credentials cannot be checked at the moment.',
  },
  LIMIT_EXCEEDED: {
    status: 429,
    fault: 'caller',
    retryable: true,
    text: 'A limit is used up for the time being.',
  },
  COST_EXCEEDED: {
    status: 400,
    fault: 'caller',
    retryable: false,
    text: 'The operation costs more than is allowed.',
  },
  STORE_UNAVAILABLE: {
    status: 503,
    fault: 'gateway',
    retryable: true,
    text: 'The store does not answer at the moment.',
  },
  BAD_ARGUMENT: {
    status: 400,
    fault: 'caller',
    retryable: false,
    text: 'An argument has a value that the backend cannot be asked with.',
  },
  HIDDEN_VALUE: {
    status: 500,
    fault: 'backend',
    retryable: false,
    text: 'The value is not part of this schema.',
  },
  UPSTREAM_UNAVAILABLE: {
    status: 502,
    fault: 'backend',
    retryable: true,
    text: 'The backend cannot be reached.',
  },
  UPSTREAM_TIMEOUT: {
    status: 504,
    fault: 'backend',
    retryable: true,
    text: 'The backend did not answer in time.',
  },
  UPSTREAM_CIRCUIT_OPEN: {
    status: 503,
    fault: 'backend',
    retryable: true,
    text: 'The backend has failed too often and is left alone for a while.',
  },
  UPSTREAM_FAILED: { status: 502, fault: 'backend', retryable: true, text: 'The backend failed.' },
  UPSTREAM_REJECTED: {
    status: 502,
    fault: 'backend',
    retryable: false,
    text: 'The backend refused the request.',
  },
  UPSTREAM_DENIED: { status: 502, fault: 'backend', retryable: false, text: 'The backend denied access.' },
  UPSTREAM_NOT_FOUND: {
    status: 502,
    fault: 'backend',
    retryable: false,
    text: 'The backend has no such thing.',
  },
  UPSTREAM_CONFLICT: {
    status: 502,
    fault: 'backend',
    retryable: false,
    text: 'The request conflicts with the state of the backend.',
  },
  UPSTREAM_LIMITED: {
    status: 502,
    fault: 'backend',
    retryable: true,
    text: 'The backend has limited the rate of requests.',
  },
  UPSTREAM_INVALID: {
    status: 502,
    fault: 'backend',
    retryable: false,
    text: 'The backend answered something that cannot be read.',
  },
  UPSTREAM_GAP: {
    status: 502,
    fault: 'backend',
    retryable: true,
    text: 'The stream was interrupted; events may be missing.',
  },
  DEADLINE_EXCEEDED: {
    status: 504,
    fault: 'gateway',
    retryable: true,
    text: 'The operation did not finish in time.',
  },
  ERRORS_LEFT_OUT: {
    status: 500,
    fault: 'gateway',
    retryable: false,
    text: 'There are more errors than are told.',
  },
  SHUTTING_DOWN: { status: 503, fault: 'gateway', retryable: true, text: 'The gateway is shutting down.' },
  INTERNAL: { status: 500, fault: 'gateway', retryable: false, text: 'The gateway failed.' },
} as const satisfies Record<string, ErrorKind>;

interface ErrorKind {
  readonly status: number;
  readonly fault: 'caller' | 'backend' | 'gateway';
  readonly retryable: boolean;
  readonly text: string;
}

export type ErrorCode = keyof typeof ERRORS;

const FAILURES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'UPSTREAM_UNAVAILABLE',
  'UPSTREAM_TIMEOUT',
  'UPSTREAM_CIRCUIT_OPEN',
  'UPSTREAM_FAILED',
  'UPSTREAM_INVALID',
  'DEADLINE_EXCEEDED',
]);

/** Whether there is no answer because a backend could not give one. A denial, a limit, or "not found" is an answer. */
export function isFailureOfBackend(code: ErrorCode): boolean {
  return FAILURES.has(code);
}

/** An error whose code and public text may leave the gateway; its `cause` and internal message never do. */
export class HemError extends Error {
  readonly code: ErrorCode;
  /** What the caller reads. */
  readonly publicText: string;
  /** Further extensions that may leave, e.g. `argument`. */
  readonly publicDetails: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    options: {
      /** For logs only. */
      readonly internal?: string;
      readonly publicText?: string;
      readonly publicDetails?: Readonly<Record<string, unknown>>;
      readonly cause?: unknown;
    } = {},
  ) {
    super(options.internal ?? options.publicText ?? ERRORS[code].text, { cause: options.cause });
    this.name = 'HemError';
    this.code = code;
    this.publicText = options.publicText ?? ERRORS[code].text;
    this.publicDetails = options.publicDetails ?? {};
  }
}

/** A backend's failure, as every connector kind throws or returns it. */
export class UpstreamError extends HemError {
  readonly connector: string;
  /** The backend's own short status in its protocol's words: "503", "NOT_FOUND", "soap:Client". Bounded, safe to show. */
  readonly status: string | undefined;
  /** The backend's own description (fault detail, error body). Shown only if the connector says `errors: {detail: public}`. */
  readonly detail: unknown;

  constructor(
    code: ErrorCode & (`UPSTREAM_${string}` | 'BAD_ARGUMENT' | 'UNAUTHENTICATED'),
    connector: string,
    options: {
      readonly internal?: string;
      readonly status?: string;
      readonly detail?: unknown;
      readonly cause?: unknown;
      readonly publicText?: string;
      readonly publicDetails?: Readonly<Record<string, unknown>>;
    } = {},
  ) {
    super(code, options);
    this.name = 'UpstreamError';
    this.connector = connector;
    this.status = options.status?.slice(0, 64);
    this.detail = options.detail;
  }
}
