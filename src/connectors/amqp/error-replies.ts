/** How a reply says that it is an error, and what its code means. */
import type { Message } from 'amqplib';
import { type ErrorCode, UpstreamError } from '../../errors.ts';
import type { AmqpOptions } from './options.ts';

/** What connector.yml may say that a code means. */
export const CODE_MEANINGS = [
  'not-found',
  'denied',
  'conflict',
  'limited',
  'unavailable',
  'timeout',
  'failed',
  'rejected',
] as const;

export type CodeMeaning = (typeof CODE_MEANINGS)[number];

type UpstreamCode = ErrorCode & `UPSTREAM_${string}`;

const ERROR_CODES: Readonly<Record<CodeMeaning, UpstreamCode>> = {
  'not-found': 'UPSTREAM_NOT_FOUND',
  denied: 'UPSTREAM_DENIED',
  conflict: 'UPSTREAM_CONFLICT',
  limited: 'UPSTREAM_LIMITED',
  unavailable: 'UPSTREAM_UNAVAILABLE',
  timeout: 'UPSTREAM_TIMEOUT',
  failed: 'UPSTREAM_FAILED',
  rejected: 'UPSTREAM_REJECTED',
};

/** Names that services use of themselves: gRPC's and HTTP's. Any other code is a refusal. */
const KNOWN: Readonly<Record<string, CodeMeaning>> = {
  NOT_FOUND: 'not-found',
  '404': 'not-found',
  '410': 'not-found',
  UNAUTHENTICATED: 'denied',
  PERMISSION_DENIED: 'denied',
  FORBIDDEN: 'denied',
  '401': 'denied',
  '403': 'denied',
  ALREADY_EXISTS: 'conflict',
  CONFLICT: 'conflict',
  ABORTED: 'conflict',
  '409': 'conflict',
  '412': 'conflict',
  RESOURCE_EXHAUSTED: 'limited',
  RATE_LIMITED: 'limited',
  '429': 'limited',
  UNAVAILABLE: 'unavailable',
  '502': 'unavailable',
  '503': 'unavailable',
  DEADLINE_EXCEEDED: 'timeout',
  '408': 'timeout',
  '504': 'timeout',
  INTERNAL: 'failed',
  '500': 'failed',
};

const DETAIL_CHARACTERS = 4096;
const SAFE_CODE = /^[\w.:-]{1,64}$/;

export class ErrorReplies {
  readonly #type: string;
  readonly #header: string;
  readonly #meanings: ReadonlyMap<string, CodeMeaning>;

  constructor({ errorReplies, codes }: Pick<AmqpOptions, 'errorReplies' | 'codes'>) {
    this.#type = errorReplies.type;
    this.#header = errorReplies.header;
    this.#meanings = new Map([...Object.entries(KNOWN), ...Object.entries(codes)]);
  }

  isError({ properties }: Message): boolean {
    if (properties.type === this.#type) return true;
    const { headers } = properties;
    return headers !== undefined && Object.hasOwn(headers, this.#header);
  }

  /** `body` is the reply's content once read, or its text. */
  toError(connector: string, { properties }: Message, body: unknown): UpstreamError {
    const { headers } = properties;
    const code = toCode(
      headers !== undefined && Object.hasOwn(headers, this.#header) ? headers[this.#header] : codeIn(body),
    );
    const meaning = (code === undefined ? undefined : this.#meanings.get(code)) ?? 'rejected';
    return new UpstreamError(ERROR_CODES[meaning], connector, {
      internal: `replied with the error ${code ?? 'without a readable code'}`,
      status: code,
      detail: bounded(body),
    });
  }
}

function codeIn(body: unknown): unknown {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, 'code')
    ? (body as { code: unknown }).code
    : undefined;
}

/** Codes are shown to callers: anything that is not a short plain word is not one. */
function toCode(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && SAFE_CODE.test(text) ? text : undefined;
}

function bounded(detail: unknown): unknown {
  if (detail === undefined || detail === null) return undefined;
  const text = typeof detail === 'string' ? detail : JSON.stringify(detail);
  return text.length <= DETAIL_CHARACTERS ? detail : text.slice(0, DETAIL_CHARACTERS);
}
