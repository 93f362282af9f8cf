/** How lost connections and subscriptions come back: the key `reconnect` of connector.yml and the pauses that it asks for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { duration } from '../units.ts';

export interface Reconnect {
  readonly minMs: number;
  readonly maxMs: number;
  /** After so many attempts in vain, in a row, subscriptions end. */
  readonly attempts: number;
}

/** What lived so long was good: its loss begins a new row of attempts. */
const STABLE_MS = 5000;

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
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}

/**
 * Attempts to have a connection, or a subscription, counted in two ways: those that were in vain, which patience is about, and those
 * after which nothing stayed, which pauses are about. Whoever accepts and hangs up at once is not asked more often than who does not
 * accept, whatever was said in between.
 */
export class Attempts {
  readonly #settings: Reconnect;
  #inVain = 0;
  #unstable = 0;
  /** On the clock of `performance.now()`; far in the future while nothing is open. */
  #openedAt = Number.POSITIVE_INFINITY;
  #hasProved = false;

  constructor(settings: Reconnect) {
    this.#settings = settings;
  }

  /** How many there were in a row that failed, or opened what neither did what it is for nor stayed. */
  get inVain(): number {
    return this.#inVain;
  }

  /** Whether that is as many as the settings have patience for. */
  get areOver(): boolean {
    return this.#inVain >= this.#settings.attempts;
  }

  /** @param at when, on the clock of `performance.now()`: whoever learns only later that it was open says it then */
  opened(at = performance.now()): void {
    this.#openedAt = at;
  }

  /** What was opened does what it is for: it was not in vain, however soon it is lost. */
  proved(): void {
    this.#hasProved = true;
  }

  /** An attempt failed, or what was opened is lost. @returns milliseconds to wait before the next one */
  ended(): number {
    const isStable = performance.now() - this.#openedAt >= STABLE_MS;
    this.#inVain = isStable || this.#hasProved ? 0 : this.#inVain + 1;
    this.#unstable = isStable ? 0 : this.#unstable + 1;
    this.#openedAt = Number.POSITIVE_INFINITY;
    this.#hasProved = false;
    return pauseMs(this.#settings, this.#unstable);
  }
}
