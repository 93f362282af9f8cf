/**
 * A circuit breaker (M. Nygard, "Release It!"): a backend that fails most of what it is asked is not asked for a while, then by few until
 * it answers. Callers learn at once what they would have learnt after a timeout, and the backend gets the quiet to recover.
 *
 * Not a library's: those that there are make promises around each call, and go by a clock that may be set. A closed one costs a call two
 * numbers.
 */
import type { Logger } from 'pino';
import { isAbandoned } from '../call-context.ts';
import type { BreakerSettings } from '../connectors/breaker-settings.ts';
import { isFailureOfBackend, UpstreamError } from '../errors.ts';
import type { Waiting } from './deadline.ts';

export type BreakerState = 'closed' | 'half-open' | 'open';

/** Says in which state of the breaker a call began: what it comes to counts in that state only. */
export type Begun = number;

export interface BreakerOptions {
  readonly log: Logger;
  /** Told of the first state, and of each that follows. */
  readonly onState?: ((state: BreakerState) => void) | undefined;
  /** Milliseconds that only grow. For tests. */
  readonly now?: () => number;
  readonly random?: () => number;
}

/** How long a call could wait. */
export interface Ended extends Pick<Waiting, 'cancellation' | 'deadlineAt'> {
  /** Whether as long as backends may take. One that is asked when the operation is nearly over is not to blame. */
  readonly hadTime: boolean;
}

/** What was counted in one half of the window. */
interface Half {
  calls: number;
  failures: number;
}

const UNFORESEEN = { code: 'UPSTREAM_FAILED', status: undefined } as const;

/** So much shorter a pause may be, by chance: many gateways do not come back at the same moment. */
const JITTER = 1 / 4;
const MAX_DOUBLINGS = 20;
/** So long it takes to find out, as a rule. */
const PROBE_MS = 1000;

export class Breaker {
  readonly #connector: string;
  readonly #settings: BreakerSettings;
  readonly #log: Logger;
  readonly #onState: ((state: BreakerState) => void) | undefined;
  readonly #now: () => number;
  readonly #random: () => number;
  #state: BreakerState = 'closed';
  /** Counts the states that there were. */
  #epoch = 0;
  #earlier: Half = { calls: 0, failures: 0 };
  #half: Half = { calls: 0, failures: 0 };
  #halfSince: number;
  #closedAt: number;
  /** Since it was closed for good. */
  #opened = 0;
  /** When it may be asked again. */
  #until = 0;
  #probing = 0;
  /** When probes of which nothing was heard count as lost. */
  #overdueAt = 0;

  constructor(
    connector: string,
    settings: BreakerSettings,
    { log, onState, now = () => performance.now(), random = Math.random }: BreakerOptions,
  ) {
    this.#connector = connector;
    this.#settings = settings;
    this.#log = log;
    this.#onState = onState;
    this.#now = now;
    this.#random = random;
    this.#halfSince = now();
    this.#closedAt = now();
    onState?.('closed');
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Why a call must not be made; else it may be, and `answered`, `failed` or `gaveUp` have to be told, once. */
  begin(): Begun | UpstreamError {
    return this.#state === 'closed' ? this.#epoch : this.#probe();
  }

  /** The backend answered, whatever that was. */
  answered(begun: Begun): void {
    if (begun !== this.#epoch) return;
    if (this.#state === 'closed') this.#half.calls++;
    else this.#close();
  }

  /** The backend could not be reached, did not answer in time, or said that it failed. */
  failed(begun: Begun): void {
    if (begun !== this.#epoch) return;
    if (this.#state === 'closed') this.#count();
    else this.#open('still fails');
  }

  /** A call ended with an error. One that says nothing of the backend's health is an answer. */
  ended(begun: Begun, error: unknown, ended: Ended): void {
    const { code, status } = error instanceof UpstreamError ? error : UNFORESEEN;
    // A backend that limits has a status for that; without one too many wait in this process.
    const wasNotAsked = code === 'BAD_ARGUMENT' || (code === 'UPSTREAM_LIMITED' && status === undefined);
    const hadNoTime = code === 'UPSTREAM_TIMEOUT' && !ended.hadTime;
    if (wasNotAsked || hadNoTime || isAbandoned(ended, this.#now())) this.gaveUp(begun);
    else if (isFailureOfBackend(code)) this.failed(begun);
    else this.answered(begun);
  }

  /** Nobody waits any more, or it was never sent: that says nothing about the backend. */
  gaveUp(begun: Begun): void {
    if (begun === this.#epoch && this.#state === 'half-open') this.#probing--;
  }

  #count(): void {
    const now = this.#now();
    const { windowMs, calls, share } = this.#settings;
    if (now - this.#halfSince >= windowMs / 2) {
      // The time since is counted only when something fails, so a half may have lasted for hours.
      this.#earlier = now - this.#halfSince >= windowMs ? { calls: 0, failures: 0 } : this.#half;
      this.#half = { calls: 0, failures: 0 };
      this.#halfSince = now;
    }
    this.#half.calls++;
    this.#half.failures++;
    const all = this.#earlier.calls + this.#half.calls;
    const failures = this.#earlier.failures + this.#half.failures;
    if (all >= calls && failures >= all * share) this.#open(`${failures} of ${all} calls failed`);
  }

  #probe(): Begun | UpstreamError {
    const now = this.#now();
    if (this.#state === 'open' && now >= this.#until) this.#become('half-open');
    const { probes, maxPauseMs } = this.#settings;
    // Others find out in the place of those of which nothing was heard.
    if (this.#probing === probes && now >= this.#overdueAt) this.#become('half-open');
    if (this.#state === 'half-open' && this.#probing < probes) {
      this.#probing++;
      this.#overdueAt = now + maxPauseMs;
      return this.#epoch;
    }
    // While somebody finds out, nobody knows whether there will be a next pause.
    const retryAfterMs = Math.max(this.#state === 'half-open' ? PROBE_MS : 0, Math.ceil(this.#until - now));
    return new UpstreamError('UPSTREAM_CIRCUIT_OPEN', this.#connector, {
      internal: 'not asked, because it failed too often',
      publicDetails: { retryAfterMs },
    });
  }

  #open(reason: string): void {
    const now = this.#now();
    const { pauseMs, maxPauseMs, windowMs } = this.#settings;
    if (this.#state === 'closed' && now - this.#closedAt >= windowMs) this.#opened = 0;
    const longest = Math.min(maxPauseMs, pauseMs * 2 ** Math.min(this.#opened, MAX_DOUBLINGS));
    this.#opened++;
    const ms = Math.round(longest * (1 - this.#random() * JITTER));
    this.#until = now + ms;
    if (this.#state === 'closed') this.#log.warn({ reason, pauseMs: ms }, 'the circuit is open');
    else this.#log.debug({ reason, pauseMs: ms }, 'the circuit stays open');
    this.#become('open');
  }

  #close(): void {
    this.#log.info('the circuit is closed again');
    this.#closedAt = this.#now();
    this.#earlier = { calls: 0, failures: 0 };
    this.#half = { calls: 0, failures: 0 };
    this.#halfSince = this.#closedAt;
    this.#become('closed');
  }

  #become(state: BreakerState): void {
    this.#state = state;
    this.#epoch++;
    this.#probing = 0;
    this.#onState?.(state);
  }
}
