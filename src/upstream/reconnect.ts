/** How lost connections and subscriptions come back: the key `reconnect` of connector.yml and the pauses that it asks for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { duration } from '../units.ts';

export interface Reconnect {
  readonly minMs: number;
  readonly maxMs: number;
  /** After so many failed attempts in a row subscriptions end. */
  readonly attempts: number;
}

/** A connection that lived so long was a good one: what happens to it begins a new row of failures. */
export const STABLE_MS = 5000;

/** The key, with a kind's own defaults for the first and the longest pause. */
export function reconnect(min: number, max: number) {
  return z
    .strictObject({
      min: duration.default(min),
      max: duration.default(max),
      attempts: z.int().min(1).max(1000).default(10),
    })
    .refine((given) => given.min >= 1 && given.min <= given.max, {
      error: '"min" of at least 1ms and not above "max"',
    })
    .transform((given): Reconnect => ({ minMs: given.min, maxMs: given.max, attempts: given.attempts }))
    .prefault({});
}

/**
 * Milliseconds to wait before the next attempt. After the loss of a good connection anything up to the minimum, so that many
 * gateways do not come back at once; after failures in a row a doubling pause of which up to half is left out.
 * @param random from 0 to 1
 */
export function pauseMs(
  { minMs, maxMs }: Pick<Reconnect, 'minMs' | 'maxMs'>,
  failures: number,
  random = Math.random(),
): number {
  if (failures === 0) return minMs * random;
  return Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 30)) * (0.5 + random / 2);
}

/** Waits for as long. Ends early, without an error, when the signal aborts. */
export async function pause(settings: Reconnect, failures: number, signal: AbortSignal): Promise<void> {
  await sleep(pauseMs(settings, failures), undefined, { signal }).catch(() => {});
}
