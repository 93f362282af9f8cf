/** So much in each calendar period: exactly `limit`, and all of it again when the next one begins. A usage is the period's start, and what is used. */
import type { Algorithm, Usage, Used } from './algorithm.ts';
import { endOf, type Period, startOf } from './calendar.ts';
import { MAX_AHEAD_MS, SLACK } from './rounding.ts';

export class Quota implements Algorithm {
  readonly capacity: number;
  readonly #period: Period;
  /** The period that was asked for last: nearly always the one that is asked for next. */
  #start = 0;
  #end = 0;

  constructor(limit: number, period: Period) {
    this.capacity = limit;
    this.#period = period;
  }

  fresh(): Usage {
    return [0, 0];
  }

  remaining(usage: Usage, now: number): number {
    this.#advance(usage, now);
    return this.capacity - usage[1]!;
  }

  take(usage: Usage, amount: number, now: number): void {
    this.#advance(usage, now);
    usage[1]! += amount;
  }

  /** What was taken in another period is that one's. */
  adjust(usage: Usage, difference: number, at: number, now: number): void {
    this.#advance(usage, now);
    if (at < usage[0]! && this.#startOf(at) !== usage[0]) return;
    usage[1] = Math.max(0, usage[1]! + difference);
  }

  waitMs(usage: Usage, amount: number, now: number): number {
    if (amount > this.capacity) return Infinity;
    return amount <= this.remaining(usage, now) + SLACK ? 0 : this.#leftMs(usage, now);
  }

  resetMs(usage: Usage, now: number): number {
    this.#advance(usage, now);
    return this.#leftMs(usage, now);
  }

  isCovered(usage: Usage, mark: Usage): boolean {
    return usage[1] === 0 || mark[0]! > usage[0]! || (mark[0] === usage[0] && mark[1]! >= usage[1]!);
  }

  used(usage: Usage, now: number): readonly Used[] {
    this.#advance(usage, now);
    return [{ amount: usage[1]!, at: usage[0]! }];
  }

  #advance(usage: Usage, now: number): void {
    const start = this.#startOf(now);
    if (start > usage[0]!) {
      usage[0] = start;
      usage[1] = 0;
    } else if (usage[0]! - now > MAX_AHEAD_MS) usage[0] = start;
  }

  #leftMs(usage: Usage, now: number): number {
    return Math.ceil((usage[0] === this.#start ? this.#end : endOf(this.#period, usage[0]!)) - now);
  }

  #startOf(now: number): number {
    if (now < this.#start || now >= this.#end) {
      this.#start = startOf(this.#period, now);
      this.#end = endOf(this.#period, this.#start);
    }
    return this.#start;
  }
}
