/**
 * GCRA: refills evenly, so that in any time t at most burst + t × limit / window is admitted.
 *
 * A usage is what is used at a moment, and the moment. That says the same as the theoretical arrival time (moment + used / rate), which
 * cannot hold the units of large limits: of 10^15 in a minute, rounding to a moment would lose millions.
 */
import type { Algorithm, Usage, Used } from './algorithm.ts';
import { MAX_AHEAD_MS, SLACK } from './rounding.ts';

export class Rate implements Algorithm {
  readonly capacity: number;
  readonly #limit: number;
  readonly #windowMs: number;

  constructor(limit: number, windowMs: number, burst: number) {
    this.capacity = burst;
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  fresh(): Usage {
    return [0, 0];
  }

  remaining(usage: Usage, now: number): number {
    this.#advance(usage, now);
    return this.capacity - usage[0]!;
  }

  take(usage: Usage, amount: number, now: number): void {
    this.#advance(usage, now);
    usage[0]! += amount;
  }

  /** What may have refilled since then was perhaps used by others: giving it back would admit it twice. */
  adjust(usage: Usage, difference: number, at: number, now: number): void {
    this.#advance(usage, now);
    const counts = difference > 0 ? difference : Math.min(0, difference + this.#refilled(now - at));
    usage[0] = Math.max(0, usage[0]! + counts);
  }

  waitMs(usage: Usage, amount: number, now: number): number {
    if (amount > this.capacity) return Infinity;
    const missing = amount - this.remaining(usage, now);
    return missing <= SLACK ? 0 : Math.max(0, usage[1]! - now) + this.#msFor(missing);
  }

  resetMs(usage: Usage, now: number): number {
    this.#advance(usage, now);
    return usage[0]! <= SLACK ? 0 : Math.max(0, usage[1]! - now) + this.#msFor(usage[0]!);
  }

  isCovered(usage: Usage, mark: Usage): boolean {
    return Math.max(0, mark[0]! - this.#refilled(usage[1]! - mark[1]!)) >= usage[0]! - SLACK;
  }

  used(usage: Usage, now: number): readonly Used[] {
    this.#advance(usage, now);
    return [{ amount: usage[0]!, at: now }];
  }

  #advance(usage: Usage, now: number): void {
    const at = usage[1]!;
    if (now > at) usage[0] = Math.max(0, usage[0]! - this.#refilled(now - at));
    if (now > at || at - now > MAX_AHEAD_MS) usage[1] = now;
  }

  #refilled(ms: number): number {
    return (Math.max(0, ms) * this.#limit) / this.#windowMs;
  }

  #msFor(amount: number): number {
    return Math.max(1, Math.ceil((amount * this.#windowMs) / this.#limit - SLACK));
  }
}
