/** What one process knows of one rule for one partition that Redis counts. */
import type { Usage } from '../../limits/algorithm.ts';
import type { Alone, Heard } from '../../limits/alone.ts';
import type { Keepable } from '../../limits/kept.ts';
import type { Meter } from '../../limits/meter.ts';

/** Taken from the store ahead of use. The store counts all of it until it gets back what is left. */
export interface Slice {
  left: number;
  /** When it was taken, by the clock of Redis. */
  readonly at: number;
  /** When it ends, by the clock of `performance.now()`. */
  readonly until: number;
  readonly size: number;
}

/** Leases that no rule gives a length end so long after the process that has them. */
const LEASE_MS = 30_000;
/** Slices are for what is small beside the limit: at most a thousandth. */
const SMALL = 1000;
/** The largest slice, as a part of the limit. */
const LARGEST = 1 / 100;
const MAX_SLICE_MS = 1000;
const MIN_SLICE_MS = 20;
/** The first slice is so many times what was asked for. */
const FIRST = 8;

export class Share implements Keepable {
  /** Decides on the slot in a Cluster. */
  readonly tag: string;
  meter: Meter;
  isRecent = false;
  /** Whether its slice, or what runs, is looked after. */
  isListed = false;
  heard: Heard | undefined;
  slice: Slice | undefined;
  /** Set while the store cannot be reached. */
  alone: Alone | undefined;
  /** What runs in this process, and how much more was asked for without an answer yet. */
  readonly running: Usage = [0];
  asking = 0;
  renewAt = 0;
  #isAskingAhead = false;
  #askedAt = -Infinity;
  #ahead = 0;

  constructor(tag: string, meter: Meter) {
    this.tag = tag;
    this.meter = meter;
  }

  get isNeeded(): boolean {
    return this.slice !== undefined || this.running[0] !== 0 || this.asking !== 0;
  }

  get isLease(): boolean {
    return this.meter.rule.algorithm === 'concurrency';
  }

  get leaseMs(): number {
    return this.meter.rule.leaseMs ?? LEASE_MS;
  }

  /** What can be had of its slice now, at most so much. */
  sliceFor(amount: number, now: number): number {
    const { slice } = this;
    return slice === undefined || now >= slice.until ? 0 : Math.min(slice.left, amount);
  }

  /** How much to ask for ahead, with an amount that the slice does not have. Only one command at a time asks. */
  askAhead(amount: number, now: number): number {
    const { rule, algorithm } = this.meter;
    if (rule.algorithm !== 'rate' && rule.algorithm !== 'quota') return 0;
    const most = Math.min(rule.limit, algorithm.capacity);
    if (amount === 0 || amount * SMALL > most || this.#isAskingAhead) return 0;
    const isBusy = now - this.#askedAt < 2 * MAX_SLICE_MS;
    this.#askedAt = now;
    // Twice what was used of the last one. A partition that is asked for now and then gets none.
    this.#ahead = isBusy
      ? Math.min(Math.floor(most * LARGEST), Math.max(amount * FIRST, this.#ahead * 2))
      : 0;
    this.#isAskingAhead = this.#ahead > 0;
    return this.#ahead;
  }

  /** Where the store refused, or did not answer. */
  gotNothingAhead(): void {
    this.#isAskingAhead = false;
  }

  /** @param times `at` by the clock of Redis, `askedAt` by that of `performance.now()` */
  gotAhead(
    ahead: number,
    times: { readonly at: number; readonly askedAt: number; readonly resetMs: number },
  ): void {
    this.#isAskingAhead = false;
    if (ahead === 0) return;
    const { resetMs } = times;
    const { rule } = this.meter;
    // Never into the next period; and a rate admits at most a hundredth more, since what is used now was counted before.
    const ms = rule.algorithm === 'quota' ? resetMs : (rule.windowMs ?? 60_000) * LARGEST;
    const until = times.askedAt + Math.max(Math.min(MIN_SLICE_MS, resetMs), Math.min(MAX_SLICE_MS, ms));
    this.slice = { left: ahead, at: times.at, until, size: ahead };
  }

  /** Ends a slice. The next one is as large as what was used of this one. */
  endSlice(): Slice | undefined {
    const { slice } = this;
    this.slice = undefined;
    if (slice !== undefined) this.#ahead = Math.min(this.#ahead, slice.size - slice.left);
    return slice;
  }
}
