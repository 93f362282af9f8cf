/** How long a call to a backend may take: its connector's request timeout, or what is left of the operation's time. */
import type { CallContext } from '../call-context.ts';
import type { Cancellation } from '../cancellation.ts';
import { timeoutsOf } from '../timeouts.ts';

export type Waiting = Pick<CallContext, 'cancellation' | 'deadlineAt'> &
  Partial<Pick<CallContext, 'onCall' | 'isFresh'>>;

/** Milliseconds that are left; 0 when there is none to speak of (timers may be early by less than one), or nobody waits any more. */
export function remainingMs(
  limitMs: number,
  { cancellation, deadlineAt }: Waiting,
  now = performance.now(),
): number {
  const leftMs = deadlineAt - now;
  return cancellation.isCancelled || leftMs < 1 ? 0 : Math.min(limitMs, leftMs);
}

/**
 * Calls `onOver` when the time is over or the work is cancelled, whichever comes first.
 * @param limitMs of the call itself, nearly always the same length for a connector; may be Infinity
 * @param now `performance.now()`, for those who have looked already
 * @returns what ends the watch
 */
export function watch(
  limitMs: number,
  { cancellation, deadlineAt }: Pick<Waiting, 'cancellation' | 'deadlineAt'>,
  onOver: () => void,
  now = performance.now(),
): () => void {
  const leftMs = deadlineAt - now;
  const over = () => {
    stop();
    onOver();
  };
  // What is left of an operation is a length of its own.
  const timer = leftMs < limitMs ? setTimeout(over, Math.max(0, Math.ceil(leftMs))) : undefined;
  const timeout =
    timer === undefined && limitMs !== Number.POSITIVE_INFINITY
      ? timeoutsOf(limitMs).start(over, now)
      : undefined;
  const stop = () => {
    timeout?.stop();
    if (timer !== undefined) clearTimeout(timer);
    cancellation.remove(over);
  };
  cancellation.add(over);
  return stop;
}

/** Waits for work that several share, no longer than one of them may. */
export function waitFor<T>(
  work: Promise<T>,
  limitMs: number,
  cancellation: Cancellation,
  toError: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const waiting = { cancellation, deadlineAt: performance.now() + limitMs };
    const stop = watch(Number.POSITIVE_INFINITY, waiting, () => reject(toError()));
    if (cancellation.isCancelled) reject(toError());
    work.then(resolve, reject).finally(stop);
  });
}
