/**
 * Gathers who used what and hands it to the store every few seconds. While the store cannot be reached, counts are held: so many that
 * memory is bounded. What is more is lost, and the time of it is then known to be without counts.
 */
import { randomBytes } from 'node:crypto';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { UsageSettings } from '../load/settings/metrics-settings.ts';
import {
  beginningOf,
  DAY_MS,
  HOUR_MS,
  type UsageAddition,
  type UsageCount,
  type UsageStore,
} from '../store/usage-store.ts';
import { NOWHERE, type UsageSink } from './client-metrics.ts';
import type { Tally } from './operation-use.ts';

/** Some 30 MB. */
const MAX_HELD = 100_000;
/** What one addition has at most: what a store writes at once. */
const MAX_COUNTS = 500;
/** How long the last counts may take when the process ends. */
const LAST_FLUSH_MS = 2000;
const ASK_AGAIN_MS = 50;

interface Held extends Omit<UsageCount, 'count' | 'errors' | 'firstAt' | 'lastAt'> {
  readonly hour: number;
  count: number;
  errors: number;
  firstAt: number;
  lastAt: number;
}

/** A time of counting without a break. */
interface Run {
  readonly id: string;
  readonly from: number;
  /** What happened before that is in additions. */
  until: number;
  seq: number;
}

export class UsageRecorder implements UsageSink, AsyncDisposable {
  readonly #store: () => UsageStore;
  readonly #settings: UsageSettings;
  readonly #log: Logger;
  readonly #maxHeld: number;
  #held = new Map<string, Held>();
  #run = newRun();
  /** Since when counts were lost. */
  #losingSince: number | undefined;
  #lost = 0;
  /** On its way to the store, in this order; the first may have been handed in before. */
  #leaving: UsageAddition[] = [];
  #flushing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failing = false;
  #isClosed = false;

  /** @param maxHeld of consumers and fields together */
  constructor(
    store: () => UsageStore,
    {
      settings,
      log,
      maxHeld = MAX_HELD,
    }: { readonly settings: UsageSettings; readonly log: Logger; readonly maxHeld?: number },
  ) {
    this.#store = store;
    this.#settings = settings;
    this.#log = log;
    this.#maxHeld = maxHeld;
  }

  /** Begins to hand counts on. @param read brings what was counted and not told yet */
  start(read: () => void): void {
    const tick = () => {
      read();
      void this.flush().finally(() => {
        if (!this.#isClosed) this.#timer = setTimeout(tick, this.#settings.flush).unref();
      });
    };
    this.#timer = setTimeout(tick, this.#settings.flush).unref();
  }

  used(client: string, { consumer, count, firstAt, lastAt, use }: Tally): void {
    // Durations are counted on a clock that never steps; the store has the time of day.
    const zero = Date.now() - performance.now();
    const [first, last] = [Math.floor(zero + firstAt), Math.floor(zero + lastAt)];
    for (const coordinate of use.used.fields) {
      const held = this.#hold({ consumer, client, coordinate }, last);
      if (held === undefined) continue;
      held.count += count;
      held.firstAt = Math.min(held.firstAt, first);
      held.lastAt = Math.max(held.lastAt, last);
    }
  }

  failed(client: string, consumer: string, coordinate: string): void {
    if (coordinate === NOWHERE) return;
    const now = Date.now();
    const held = this.#hold({ consumer, client, coordinate }, now);
    if (held !== undefined) held.errors++;
  }

  /** Hands on what is held. Never rejects: what the store did not take is handed in again later. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  /** What is held goes to the store, if that takes it soon. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    // A gateway that failed to start has counted nothing: not even that nothing was used.
    if (this.#timer === undefined && this.#held.size === 0) return;
    clearTimeout(this.#timer);
    const late = sleep(LAST_FLUSH_MS, 'late' as const, { ref: false });
    for (;;) {
      const flushed = await Promise.race([this.flush(), late]);
      const holds = this.#held.size + this.#leaving.reduce((sum, { counts }) => sum + counts.length, 0);
      if (holds === 0) return;
      if (flushed !== 'late' && (await Promise.race([sleep(ASK_AGAIN_MS), late])) !== 'late') continue;
      const lost = this.#lost + holds;
      const since = new Date(this.#run.until);
      this.#log.warn({ lost, since }, 'usage was lost: the store did not take it before the end');
      return;
    }
  }

  #hold(
    { consumer, client, coordinate }: Omit<Held, 'hour' | 'count' | 'errors' | 'firstAt' | 'lastAt'>,
    at: number,
  ) {
    const hour = beginningOf(at, 'hour');
    const id = `${consumer}\n${client}\n${coordinate}\n${hour}`;
    let held = this.#held.get(id);
    if (held === undefined) {
      if (this.#held.size >= this.#maxHeld) {
        this.#losingSince ??= at;
        this.#lost++;
        return undefined;
      }
      held = { consumer, client, coordinate, hour, count: 0, errors: 0, firstAt: at, lastAt: at };
      this.#held.set(id, held);
    }
    return held;
  }

  async #flush(): Promise<void> {
    try {
      await this.#handIn();
      this.#leaving = this.#take();
      await this.#handIn();
      if (this.#failing) this.#log.info('usage is handed to the store again');
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#log.warn({ err: error }, 'usage is held until the store takes it');
      this.#failing = true;
    }
  }

  async #handIn(): Promise<void> {
    for (let next = this.#leaving[0]; next !== undefined; next = this.#leaving[0]) {
      await this.#store().add(next);
      this.#leaving.shift();
      // An embedded store writes at once, and requests do not wait for all of it.
      await setImmediate();
    }
  }

  /** What is held, as additions; the last says until when counting went on. */
  #take(): UsageAddition[] {
    const held = this.#held;
    this.#held = new Map();
    const until = this.#losingSince ?? Date.now();
    const run = this.#run;
    const keepMs = { hour: this.#settings.hours * HOUR_MS, day: this.#settings.days * DAY_MS };
    const additions: UsageAddition[] = [];
    let since = run.until;
    const add = (hour: number, counts: readonly UsageCount[]) => {
      const { id, from, until: told } = run;
      additions.push({ run: id, seq: ++run.seq, from, since, until: told, hour, counts, keepMs });
      // A store that lacks one of them has not all of the time.
      since = until;
    };
    for (const [hour, all] of Map.groupBy(held.values(), (one) => one.hour))
      for (let at = 0; at < all.length; at += MAX_COUNTS) add(hour, all.slice(at, at + MAX_COUNTS));
    // Only with the last of them everything is there.
    run.until = until;
    add(beginningOf(until, 'hour'), []);
    if (this.#losingSince !== undefined) {
      this.#log.warn({ lost: this.#lost, since: new Date(until) }, 'usage was lost: too much had to be held');
      this.#run = newRun();
      this.#losingSince = undefined;
      this.#lost = 0;
    }
    return additions;
  }
}

function newRun(): Run {
  const now = Date.now();
  return { id: randomBytes(12).toString('base64url'), from: now, until: now, seq: 0 };
}
