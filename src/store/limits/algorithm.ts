/** How limits count: arithmetic on what was used, with the time as an argument. It knows neither clocks nor stores. */
import type { LimitRule } from '../limit-store.ts';
import { Concurrency } from './concurrency.ts';
import { Quota } from './quota.ts';
import { Rate } from './rate.ts';
import { Rolling } from './rolling.ts';

/** What one partition has used of one rule: numbers whose meaning is the algorithm's. Changed in place. */
export type Usage = number[];

/** A part of a usage: so much, at that time. */
export interface Used {
  readonly amount: number;
  readonly at: number;
}

/** All times are milliseconds of one clock. One that goes back gives nothing back: usage waits where it was. */
export interface Algorithm {
  /** The most that may be had at once. */
  readonly capacity: number;
  fresh(): Usage;
  /** May have a fraction, and may be negative where more was used than there is. */
  remaining(usage: Usage, now: number): number;
  /** Counts it, whether there is enough or not. */
  take(usage: Usage, amount: number, now: number): void;
  /** Counts more, or less, of what was taken at `at`. What has come back by itself since then is not given back once more. */
  adjust(usage: Usage, difference: number, at: number, now: number): void;
  /** Until the amount may be had: 0 is now, Infinity is never. Whole milliseconds. */
  waitMs(usage: Usage, amount: number, now: number): number;
  /** Until all of it is there again. */
  resetMs(usage: Usage, now: number): number;
  /** Whether at no time less is left by `mark` than by `usage`. */
  isCovered(usage: Usage, mark: Usage): boolean;
  /** What still counts of it. */
  used(usage: Usage, now: number): readonly Used[];
}

export function algorithmOf(rule: LimitRule): Algorithm {
  switch (rule.algorithm) {
    case 'rate':
      return new Rate(rule.limit, rule.windowMs ?? 60_000, rule.burst ?? rule.limit);
    case 'quota':
      return new Quota(rule.limit, rule.period ?? 'month');
    case 'rolling':
      return new Rolling(rule.limit, rule.windowMs ?? 60_000);
    case 'concurrency':
      return new Concurrency(rule.limit);
  }
}
