/**
 * What stands between the doors and the engine. An endpoint holds its policies in one ordered list, the outermost first; where a client
 * has no use for one, it is not in the list and costs nothing.
 */
import type { Answer, Stream } from './answer.ts';
import type { PreparedOperation, Request } from './request.ts';

export type Answering = (operation: PreparedOperation, request: Request) => Promise<Answer>;
export type Streaming<Item> = (
  operation: PreparedOperation,
  request: Request,
) => Promise<Answer | Stream<Item>>;

/** Each calls `next` at most once. Neither may throw nor reject: what is refused is an answer with errors. */
export interface Policy {
  /** A query or mutation that has one answer. */
  answer?(operation: PreparedOperation, request: Request, next: Answering): Promise<Answer>;
  /** A query or mutation with several parts, or a subscription. */
  stream?<Item>(
    operation: PreparedOperation,
    request: Request,
    next: Streaming<Item>,
  ): Promise<Answer | Stream<Item>>;
}

/** The policies around what has one answer. */
export function answeringThrough(policies: readonly Policy[], innermost: Answering): Answering {
  return policies.reduceRight<Answering>((next, policy) => {
    if (policy.answer === undefined) return next;
    return (operation, request) => policy.answer!(operation, request, next);
  }, innermost);
}

/** The policies around what is a stream. */
export function streamingThrough<Item>(
  policies: readonly Policy[],
  innermost: Streaming<Item>,
): Streaming<Item> {
  return policies.reduceRight<Streaming<Item>>((next, policy) => {
    if (policy.stream === undefined) return next;
    return (operation, request) => policy.stream!(operation, request, next);
  }, innermost);
}
