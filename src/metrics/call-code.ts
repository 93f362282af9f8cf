/** What a call to a backend came to, in one word: for metrics and traces. */
import { type CallContext, isAbandoned } from '../call-context.ts';
import { HemError } from '../errors.ts';

/** In place of the code that a call ended with because nobody waited for it any more. */
const LEFT = 'LEFT';

/** @param error what the call ended with */
export function codeOf(error: unknown, context: CallContext): string {
  if (isAbandoned(context)) return LEFT;
  return error instanceof HemError ? error.code : 'UPSTREAM_FAILED';
}
