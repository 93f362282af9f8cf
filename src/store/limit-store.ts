/** What was used of limits. All limits of a request are decided together: each is taken from, or none is. */

export interface LimitRule {
  /** Unique among the rules of one decision; part of the key in the store. */
  readonly name: string;
  /**
   * `rate`: GCRA, `limit` per `windowMs`, with `burst` at once. `quota`: `limit` per calendar `period` in UTC. `rolling`: `limit` in any
   * `windowMs`. `concurrency`: `limit` at the same time, until it is settled, or `leaseMs` after its process is gone.
   */
  readonly algorithm: 'rate' | 'quota' | 'rolling' | 'concurrency';
  readonly limit: number;
  readonly windowMs?: number;
  readonly period?: 'minute' | 'hour' | 'day' | 'week' | 'month';
  readonly burst?: number;
  readonly leaseMs?: number;
  /** While the store cannot be reached: a bounded share of the limit, or the whole of it in each process. */
  readonly onStoreLoss: 'availability' | 'limit';
}

/** How much of a rule is wanted, and for whom. */
export interface Demand {
  readonly rule: LimitRule;
  /** Whose it is: a consumer, a key, an address, …; part of the key in the store. */
  readonly partition: string;
  readonly amount: number;
  /** Takes what it would take if it were none, where there is not enough nothing; but it is never a reason to refuse. */
  readonly shadow?: boolean;
}

export interface LimitState {
  readonly demand: Demand;
  /** Whether this one had enough left. */
  readonly admitted: boolean;
  readonly remaining: number;
  /** Until all of it is there again. Of what runs nobody knows: a second, while something runs. */
  readonly resetMs: number;
  /** Until the amount may be had; 0 when it was admitted, Infinity when it is more than the limit ever gives. Of what runs: a second. */
  readonly retryAfterMs: number;
}

export interface Reservation {
  readonly admitted: boolean;
  /** In the order of the demands. */
  readonly states: readonly LimitState[];
  /** Whether the store decided, or this process alone. */
  readonly decidedBy: 'store' | 'process';
  /**
   * What was really used, in the order of the demands: the difference is taken or given back; undefined or no number changes nothing.
   * What runs has ended then, whatever the number. Counts once; never throws.
   */
  settle(used: readonly number[]): void;
}

export interface LimitStore {
  /** Never rejects. A promise only where the decision needs a round trip. */
  reserve(demands: readonly Demand[]): Reservation | Promise<Reservation>;
}
