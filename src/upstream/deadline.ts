/** How long a call to a backend may take: its connector's request timeout, or what is left of the operation's time. */
import type { CallContext } from './call-context.ts';

export type Waiting = Pick<CallContext, 'signal' | 'deadlineAt' | 'onCall'>;

/** Milliseconds that are left; 0 when there are none, or nobody waits any more. */
export function remainingMs(limitMs: number, { signal, deadlineAt }: Waiting): number {
  return signal.aborted ? 0 : Math.max(0, Math.min(limitMs, deadlineAt - performance.now()));
}

/**
 * Calls `onOver` when the time is over or the caller leaves, whichever comes first.
 * @param limitMs may be Infinity
 * @returns what ends the watch
 */
export function watch(limitMs: number, signal: AbortSignal, onOver: () => void): () => void {
  const stop = () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', over);
  };
  const over = () => {
    stop();
    onOver();
  };
  const timer = limitMs === Infinity ? undefined : setTimeout(over, limitMs);
  signal.addEventListener('abort', over, { once: true });
  return stop;
}

/** Waits for work that several share, no longer than one of them may. */
export function waitFor<T>(
  work: Promise<T>,
  limitMs: number,
  signal: AbortSignal,
  toError: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = watch(limitMs, signal, () => reject(toError()));
    if (signal.aborted) reject(toError());
    work.then(resolve, reject).finally(stop);
  });
}
