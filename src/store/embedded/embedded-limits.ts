/** Limits of one process: decided in memory at once, with marks in the SQLite file so that no restart gives anything back. */
import type { DatabaseSync } from 'node:sqlite';
import type { Logger } from 'pino';
import type { Demand, LimitState, LimitStore, Reservation } from '../limit-store.ts';
import type { Algorithm, Usage } from '../limits/algorithm.ts';
import { type Decision, decide, type Seat } from '../limits/decide.ts';
import { type Keepable, Kept } from '../limits/kept.ts';
import { differenceOf, type Meter, meterOf, partitionName } from '../limits/meter.ts';
import { type Clock, steadyClock } from '../limits/steady-clock.ts';
import { LimitMarks, type Mark } from './limit-marks.ts';

/** Partitions in memory, some 300 bytes each. Others are in the file. */
const MAX_KEPT = 100_000;
/** How far a mark is ahead: that part of a limit is lost when the process dies. */
const AHEAD = 1 / 16;
const SWEEP_MS = 30_000;
/** So long nothing is written after it could not be: each try may hold up everything for a while. */
const PAUSE_MS = 1000;

export interface EmbeddedLimitsOptions {
  readonly log: Logger;
  /** For tests. */
  readonly clock?: Clock;
  readonly maxKept?: number;
}

export class EmbeddedLimits implements LimitStore, Disposable {
  readonly #marks: LimitMarks;
  readonly #log: Logger;
  readonly #now: Clock;
  readonly #partitions: Kept<Partition>;
  /** Where demands were counted last: callers who come again have the same ones. */
  readonly #places = new WeakMap<Demand, Place>();
  readonly #sweeping: NodeJS.Timeout;
  #isWriting = true;
  #pausedUntil = 0;

  constructor(
    database: DatabaseSync,
    { log, clock = steadyClock(), maxKept = MAX_KEPT }: EmbeddedLimitsOptions,
  ) {
    this.#marks = new LimitMarks(database);
    this.#log = log;
    this.#now = clock;
    this.#partitions = new Kept(maxKept, (forgotten) => {
      for (const partition of forgotten) partition.isForgotten = true;
      this.#writeExact(forgotten);
    });
    this.#sweeping = setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  reserve(demands: readonly Demand[]): Reservation {
    const now = this.#now();
    const partitions = demands.map((demand) => this.#partitionOf(demand));
    const { admitted, states } = decide(demands, partitions, now);
    if (admitted) this.#cover(partitions, now);
    return new EmbeddedReservation(this, { admitted, states }, now);
  }

  /** Gives back what was reserved and not used, or counts what was used above it. */
  settle(states: readonly LimitState[], used: readonly number[], at: number): void {
    const now = this.#now();
    const changed: Partition[] = [];
    for (let index = 0; index < states.length; index++) {
      const { demand, admitted } = states[index]!;
      const difference = differenceOf(demand, used[index]);
      if (!admitted || difference === 0) continue;
      const partition = this.#partitionOf(demand);
      partition.algorithm.adjust(partition.usage, difference, at, now);
      if (difference > 0 ? !partition.isCovered : partition.giveBack(-difference)) changed.push(partition);
    }
    if (changed.length > 0) this.#write(changed.map((partition) => partition.markAhead(now)));
  }

  /** Removes what is over from the file, a part at a time. */
  sweep(): void {
    try {
      if (this.#marks.sweep(this.#now())) setImmediate(() => this.sweep()).unref();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Writes what is exactly used, so that a restart costs nobody anything. */
  [Symbol.dispose](): void {
    clearInterval(this.#sweeping);
    this.#pausedUntil = 0;
    this.#writeExact(this.#partitions.values());
  }

  #partitionOf(demand: Demand): Partition {
    let place = this.#places.get(demand);
    if (place === undefined || place.partition.isForgotten) {
      place = this.#placeOf(demand);
      this.#places.set(demand, place);
    }
    const { partition, meter } = place;
    partition.isRecent = true;
    // A reload may have changed the limit; what is used is used.
    partition.algorithm = meter.algorithm;
    return partition;
  }

  #placeOf({ rule, partition }: Demand): Place {
    const meter = meterOf(rule);
    const key = `${meter.name}:${partitionName(partition)}`;
    const known = this.#partitions.find(key);
    if (known !== undefined) return { partition: known, meter };
    const mark = rule.algorithm === 'concurrency' ? undefined : this.#read(key);
    const made = new Partition(key, meter, mark);
    this.#partitions.add(key, made);
    return { partition: made, meter };
  }

  /** Where more is used than the file knows, it is told, and a part of the limit more. */
  #cover(partitions: readonly Partition[], now: number): void {
    let marks: Mark[] | undefined;
    for (const partition of partitions) {
      if (partition.isCovered) continue;
      marks ??= [];
      marks.push(partition.markAhead(now));
    }
    if (marks !== undefined) this.#write(marks);
  }

  #writeExact(partitions: Iterable<Partition>): void {
    const now = this.#now();
    const marks: Mark[] = [];
    for (const partition of partitions) {
      const mark = partition.exactMark(now);
      if (mark !== undefined) marks.push(mark);
    }
    this.#write(marks);
  }

  #read(key: string): Usage | undefined {
    try {
      return this.#marks.read(key);
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  #write(marks: readonly Mark[]): void {
    if (marks.length === 0 || (!this.#isWriting && performance.now() < this.#pausedUntil)) return;
    try {
      this.#marks.write(marks);
      if (!this.#isWriting) this.#log.info('the store takes what is used of limits again');
      this.#isWriting = true;
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Limits hold on in memory; a restart would give back what was used since. */
  #failed(error: unknown): void {
    if (this.#isWriting) this.#log.error({ err: error }, 'the store does not take what is used of limits');
    this.#isWriting = false;
    this.#pausedUntil = performance.now() + PAUSE_MS;
  }
}

/** What a demand draws on, and how that is counted. */
interface Place {
  readonly partition: Partition;
  readonly meter: Meter;
}

class Partition implements Seat, Keepable {
  readonly key: string;
  readonly usage: Usage;
  algorithm: Algorithm;
  isRecent = false;
  isForgotten = false;
  readonly #isRunning: boolean;
  #mark: Usage;
  /** Since the mark was written. */
  #givenBack = 0;

  /** @param mark what the file knows: it may all have been used */
  constructor(key: string, { algorithm, rule }: Meter, mark: Usage | undefined) {
    this.key = key;
    this.algorithm = algorithm;
    this.usage = mark ?? algorithm.fresh();
    this.#mark = this.usage.slice();
    // What runs ends with the process: the file has nothing to know of it.
    this.#isRunning = rule.algorithm === 'concurrency';
  }

  get isNeeded(): boolean {
    return this.#isRunning && this.usage[0] !== 0;
  }

  get isCovered(): boolean {
    return this.#isRunning || this.algorithm.isCovered(this.usage, this.#mark);
  }

  /** @returns whether the mark has come to be further ahead than it has to be */
  giveBack(amount: number): boolean {
    this.#givenBack += amount;
    return !this.#isRunning && this.#givenBack > this.algorithm.capacity * AHEAD;
  }

  markAhead(now: number): Mark {
    const { algorithm, key } = this;
    this.#givenBack = 0;
    this.#mark = this.usage.slice();
    algorithm.take(this.#mark, Math.floor(algorithm.capacity * AHEAD), now);
    return { key, usage: this.#mark, until: now + algorithm.resetMs(this.#mark, now) };
  }

  /** Undefined where the file has nothing to learn. */
  exactMark(now: number): Mark | undefined {
    const { algorithm, key, usage } = this;
    const isKnown = algorithm.isCovered(usage, this.#mark) && algorithm.isCovered(this.#mark, usage);
    return this.#isRunning || isKnown
      ? undefined
      : { key, usage, until: now + algorithm.resetMs(usage, now) };
  }
}

class EmbeddedReservation implements Reservation {
  readonly admitted: boolean;
  readonly states: readonly LimitState[];
  readonly decidedBy = 'store';
  readonly #limits: EmbeddedLimits;
  readonly #at: number;
  #isSettled = false;

  constructor(limits: EmbeddedLimits, { admitted, states }: Decision, at: number) {
    this.#limits = limits;
    this.admitted = admitted;
    this.states = states;
    this.#at = at;
  }

  settle(used: readonly number[]): void {
    if (this.#isSettled || !this.admitted) return;
    this.#isSettled = true;
    this.#limits.settle(this.states, used, this.#at);
  }
}
