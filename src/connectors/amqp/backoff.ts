/** Delays between attempts: doubled each time up to a maximum, and spread at random so that many gateways do not return at once. */
export interface Backoff {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Milliseconds to wait after `failures` attempts in a row have failed (0: the connection was just lost). */
export function backoffMs({ minMs, maxMs }: Backoff, failures: number): number {
  const ceiling = Math.min(maxMs, minMs * 2 ** Math.min(failures, 30));
  return ceiling / 2 + Math.random() * (ceiling / 2);
}
