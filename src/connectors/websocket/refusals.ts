/** What an error that a backend answered with means. */
import { type ErrorCode, UpstreamError } from '../../errors.ts';
import type { CodeMeaning } from './options.ts';

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

const DETAIL_CHARACTERS = 4096;
const SAFE_CODE = /^[\w.:-]{1,64}$/;

export class Refusals {
  readonly #connector: string;
  readonly #meanings: ReadonlyMap<string, CodeMeaning>;

  constructor(connector: string, codes: Readonly<Record<string, CodeMeaning>>) {
    this.#connector = connector;
    this.#meanings = new Map(Object.entries(codes));
  }

  /** @param usual what the code means when connector.yml does not say */
  toError(code: unknown, detail: unknown, usual: CodeMeaning): UpstreamError {
    const status = toStatus(code);
    const meaning = (status === undefined ? undefined : this.#meanings.get(status)) ?? usual;
    return new UpstreamError(ERROR_CODES[meaning], this.#connector, {
      internal: `answered with the error ${status ?? 'without a readable code'}`,
      status,
      detail: bounded(detail),
    });
  }
}

/** Codes are shown to callers: anything that is not a short plain word or number is not one. */
function toStatus(code: unknown): string | undefined {
  const text = typeof code === 'number' ? String(code) : code;
  return typeof text === 'string' && SAFE_CODE.test(text) ? text : undefined;
}

function bounded(detail: unknown): unknown {
  if (detail === undefined || detail === null) return undefined;
  const text = JSON.stringify(detail);
  return text.length <= DETAIL_CHARACTERS ? detail : text.slice(0, DETAIL_CHARACTERS);
}
