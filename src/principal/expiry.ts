/** What lives longer than a request, a subscription or a socket, ends when its principal does. */
import type { Principal } from './principal.ts';

/** What timers can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Calls once the principal has expired, by the clock on the wall. @returns what stops waiting for it */
export function onExpiry(principal: Principal | undefined, expired: () => void): () => void {
  const { expiresAt = Number.POSITIVE_INFINITY } = principal ?? {};
  if (expiresAt === Number.POSITIVE_INFINITY) return () => {};
  let timer: NodeJS.Timeout;
  const wait = () => {
    const left = expiresAt - Date.now();
    // Also looked at anew now and then: the clock may have been set.
    timer = left <= 0 ? setTimeout(expired, 0) : setTimeout(wait, Math.min(left, MAX_TIMER_MS, 60_000));
    timer.unref();
  };
  wait();
  return () => clearTimeout(timer);
}
