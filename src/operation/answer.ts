/** What an operation is answered with: one result, or a stream of them. */
import type { FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import { JOINED } from '../limits/headers.ts';
import type { Request } from './request.ts';

/** Lower-case names. */
export type AnswerHeaders = Readonly<Record<string, string>>;

export interface Answer {
  readonly result: FormattedExecutionResult;
  /** The result as JSON, where that is at hand. */
  readonly json?: string;
  /** How long its caller may keep it; not at all without it. Doors that send one answer over HTTP say so. */
  readonly freshness?: Freshness;
  /** What doors over HTTP say beside it. */
  readonly headers?: AnswerHeaders;
}

export interface Freshness {
  /** `max-age=60, public` */
  readonly cacheControl: string;
  /** Request headers on which it depends. */
  readonly vary: string;
  /** Seconds since it was made. */
  readonly age: number;
  /** Where the gateway has kept it. */
  readonly etag?: string;
  /** What became of the request here (RFC 9211). */
  readonly status: string;
}

/** The parts of an answer, or the events of a subscription. */
export interface Stream<Item> {
  readonly items: AsyncGenerator<Item, void>;
  readonly headers?: AnswerHeaders;
}

export function isStream<Item>(outcome: Answer | Stream<Item>): outcome is Stream<Item> {
  return 'items' in outcome;
}

/** Of several answers in one response: what the later one says, where the two do not make up one thing. */
export function joinHeaders(all: Map<string, string>, headers: AnswerHeaders = {}): void {
  for (const [name, value] of Object.entries(headers)) {
    const known = all.get(name);
    const join = Object.hasOwn(JOINED, name) ? JOINED[name] : undefined;
    all.set(name, known === undefined || join === undefined ? value : join(known, value));
  }
}

/** The errors of an answer that somebody waits for: what is not there because nobody did is nobody's failure. */
export function toldErrors({ result }: Answer, { left }: Pick<Request, 'left'>): Errors | undefined {
  return left.isCancelled ? undefined : result.errors;
}

type Errors = readonly GraphQLFormattedError[];

/** Events, and parts with what came later. */
interface ItemWithErrors {
  readonly errors?: Errors;
  readonly incremental?: ReadonlyArray<{ readonly errors?: Errors }>;
  readonly completed?: ReadonlyArray<{ readonly errors?: Errors }>;
}

/** The errors of one item of a stream, wherever in it they are. */
export function errorsIn(item: unknown): readonly Errors[] {
  const { errors, incremental = [], completed = [] } = item as ItemWithErrors;
  return [errors, ...incremental.map((one) => one.errors), ...completed.map((one) => one.errors)].filter(
    (some) => some !== undefined,
  );
}
