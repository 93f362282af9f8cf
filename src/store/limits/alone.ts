/**
 * A rule for one partition while the store cannot be reached, decided by this process alone.
 *
 * `availability`: all of the limit, in each process. `limit`: of what was left when the store was last heard, this process has the
 * share of one of as many as there were, rounded down; and of each window or period that begins, the same share of the limit. Of what
 * runs at the same time, it keeps what it has, and its share of what was free.
 */
import type { LimitRule } from '../limit-store.ts';
import { type Algorithm, algorithmOf, type Usage, type Used } from './algorithm.ts';
import type { Seat } from './decide.ts';
import type { Meter } from './meter.ts';

/** What the store last said. */
export interface Heard {
  readonly remaining: number;
  readonly at: number;
  readonly resetAt: number;
}

export interface AloneOptions {
  /** Undefined where the store never said anything of it: then nothing was used. */
  readonly heard: Heard | undefined;
  /** As many as there were with the store. */
  readonly processes: number;
  /** What runs in this process. It is counted on in place. */
  readonly running: Usage;
  readonly now: number;
}

export class Alone implements Seat {
  readonly algorithm: Algorithm;
  readonly usage: Usage;
  readonly #full: Algorithm;
  /** What the store has not been told. */
  untold: Usage;

  constructor(meter: Meter, options: AloneOptions) {
    const { rule } = meter;
    this.#full = meter.algorithm;
    this.untold = this.#full.fresh();
    this.algorithm = rule.onStoreLoss === 'availability' ? meter.algorithm : shareOf(rule, options);
    if (rule.algorithm === 'concurrency') {
      this.usage = options.running;
      return;
    }
    this.usage = this.algorithm.fresh();
    if (rule.onStoreLoss === 'limit') {
      const share = Math.floor(leftOf(meter, options) / options.processes);
      const { capacity } = this.algorithm;
      this.algorithm.take(this.usage, capacity - Math.min(capacity, share), options.now);
    }
  }

  /** @returns where it is counted, until the store is told */
  count(amount: number, now: number): Usage {
    this.#full.take(this.untold, amount, now);
    return this.untold;
  }

  adjust(difference: number, at: number, now: number): void {
    this.algorithm.adjust(this.usage, difference, at, now);
  }

  adjustUntold(difference: number, at: number, now: number): void {
    this.#full.adjust(this.untold, difference, at, now);
  }

  /** What the store is to be told, each time what has been counted since. */
  tell(now: number): readonly Used[] {
    const used = this.#full.used(this.untold, now).filter(({ amount }) => amount > 0);
    this.untold = this.#full.fresh();
    return used;
  }
}

function shareOf(rule: LimitRule, { processes, heard, running }: AloneOptions): Algorithm {
  const burst = Math.floor((rule.burst ?? rule.limit) / processes);
  switch (rule.algorithm) {
    case 'rate':
      return algorithmOf({ ...rule, limit: rule.limit / processes, burst });
    case 'concurrency': {
      const free = heard === undefined ? rule.limit : heard.remaining;
      return algorithmOf({ ...rule, limit: running[0]! + Math.floor(free / processes) });
    }
    default:
      return algorithmOf({ ...rule, limit: Math.floor(rule.limit / processes) });
  }
}

/** What may be left now of what was left then. */
function leftOf({ rule, algorithm }: Meter, { heard, now }: AloneOptions): number {
  if (heard === undefined || now >= heard.resetAt) return algorithm.capacity;
  if (rule.algorithm !== 'rate') return heard.remaining;
  const refilled = ((now - heard.at) * rule.limit) / (rule.windowMs ?? 60_000);
  return Math.min(algorithm.capacity, heard.remaining + Math.max(0, refilled));
}
