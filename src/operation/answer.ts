/** What an operation is answered with: one result, or a stream of them. */
import type { FormattedExecutionResult } from 'graphql';

/** Lower-case names. */
export type AnswerHeaders = Readonly<Record<string, string>>;

export interface Answer {
  readonly result: FormattedExecutionResult;
  /** The result as JSON, where that is at hand. */
  readonly json?: string;
  /** What doors over HTTP say beside it. */
  readonly headers?: AnswerHeaders;
}

/** The parts of an answer, or the events of a subscription. */
export interface Stream<Item> {
  readonly items: AsyncGenerator<Item, void>;
  readonly headers?: AnswerHeaders;
}

export function isStream<Item>(outcome: Answer | Stream<Item>): outcome is Stream<Item> {
  return 'items' in outcome;
}
