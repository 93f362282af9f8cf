/** How long a call to a backend may take: its connector's request timeout, or what is left of the operation's time. */
import type { CallContext } from '../call-context.ts';
import type { Cancellation } from '../cancellation.ts';

export type Waiting = Pick<CallContext, 'cancellation' | 'deadlineAt'> & Partial<Pick<CallContext, 'onCall'>>;

/** Milliseconds that are left; 0 when there are none, or nobody waits any more. */
export function remainingMs(limitMs: number, { cancellation, deadlineAt }: Waiting): number {
  return cancellation.isCancelled ? 0 : Math.max(0, Math.min(limitMs, deadlineAt - performance.now()));
}

/**
 * Calls `onOver` when the time is over or the work is cancelled, whichever comes first.
 * @param limitMs may be Infinity
 * @returns what ends the watch
 */
export function watch(limitMs: number, cancellation: Cancellation, onOver: () => void): () => void {
  const stop = () => {
    clearTimeout(timer);
    cancellation.remove(over);
  };
  const over = () => {
    stop();
    onOver();
  };
  const timer = limitMs === Infinity ? undefined : setTimeout(over, limitMs);
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
    const stop = watch(limitMs, cancellation, () => reject(toError()));
    if (cancellation.isCancelled) reject(toError());
    work.then(resolve, reject).finally(stop);
  });
}
