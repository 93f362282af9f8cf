/** What lives longer than a request, a subscription or a socket, ends when its principal does. */
import type { KeyTable } from '../consumers/known-key.ts';
import { EXPIRED, KEY_ENDED } from './failures.ts';
import type { Principal } from './principal.ts';

/** What timers can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Calls once the principal has expired, by the clock on the wall, or its key is revoked.
 * @returns what stops waiting for it
 */
export function onEnd(
  principal: Principal | undefined,
  keys: Pick<KeyTable, 'onEnd'>,
  ended: (why: string) => void,
): () => void {
  const { key, expiresAt = Number.POSITIVE_INFINITY } = principal ?? {};
  let over = false;
  const end = (why: string) => {
    if (over) return;
    stop();
    ended(why);
  };
  const forgetTimer = onTime(expiresAt, () =>
    end(key !== undefined && key.expiresAt <= Date.now() ? KEY_ENDED : EXPIRED),
  );
  const forgetKey = key === undefined ? undefined : keys.onEnd(key, () => end(KEY_ENDED));
  const stop = () => {
    over = true;
    forgetTimer();
    forgetKey?.();
  };
  return stop;
}

function onTime(at: number, passed: () => void): () => void {
  if (at === Number.POSITIVE_INFINITY) return () => {};
  let timer: NodeJS.Timeout;
  const wait = () => {
    const left = at - Date.now();
    // Also looked at anew now and then: the clock may have been set.
    timer = left <= 0 ? setTimeout(passed, 0) : setTimeout(wait, Math.min(left, MAX_TIMER_MS, 60_000));
    timer.unref();
  };
  wait();
  return () => clearTimeout(timer);
}
