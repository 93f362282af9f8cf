/** Decisions of this process alone, while the store is lost, and what it has to tell when the store is back. */
import type { Demand, LimitState } from '../../limit-store.ts';
import { Alone } from '../../limits/alone.ts';
import { type Decision, decide } from '../../limits/decide.ts';
import type { Kept } from '../../limits/kept.ts';
import { amountOf, meterOf } from '../../limits/meter.ts';
import { AloneCharge, type Charge, type Counting } from './charges.ts';
import type { Leases } from './leases.ts';
import { RedisReservation } from './redis-reservation.ts';
import type { Share } from './share.ts';

/** The store may be back then. */
const ASK_AGAIN_MS = 1000;

export interface AloneOptions {
  readonly processes: number;
  /** Whether the store was asked, too, and may still answer. */
  readonly isAsked: boolean;
}

export class AloneDecisions {
  readonly #counting: Counting;
  readonly #leases: Leases;
  readonly #shares: Kept<Share>;

  constructor(counting: Counting, leases: Leases, shares: Kept<Share>) {
    this.#counting = counting;
    this.#leases = leases;
    this.#shares = shares;
  }

  reserve(demands: readonly Demand[], shares: readonly Share[], options: AloneOptions): AloneReservation {
    const now = this.#counting.now();
    const seats = shares.map((share) => this.#aloneOf(share, options.processes, now));
    const { admitted, states } = decide(demands, seats, now);
    const aloneCharges: Array<AloneCharge | undefined> = [];
    const charges = demands.map((demand, index): Charge | undefined => {
      const share = shares[index]!;
      if (!admitted || !states[index]!.admitted) return undefined;
      if (share.isLease) return this.#leases.begin(share);
      const alone = seats[index]!;
      const charge = new AloneCharge(share, amountOf(demand), {
        alone,
        counting: this.#counting,
        isAsked: options.isAsked,
      });
      aloneCharges[index] = charge;
      return charge;
    });
    return new AloneReservation({ admitted, states: states.map(toPatient) }, charges, aloneCharges);
  }

  /** Puts what was used since among what the store is to be told. */
  tell(): void {
    for (const share of this.#shares.values()) this.#tell(share);
  }

  /** The store decides again. */
  end(): void {
    for (const share of this.#shares.values()) this.forget(share);
  }

  forget(share: Share): void {
    this.#tell(share);
    share.alone = undefined;
  }

  #aloneOf(share: Share, processes: number, now: number): Alone {
    if (share.alone === undefined) {
      const { heard, running } = share;
      share.alone = new Alone(share.meter, { heard, running, now, processes });
    }
    return share.alone;
  }

  #tell(share: Share): void {
    if (share.isLease) return;
    for (const { amount, at } of share.alone?.tell(this.#counting.now()) ?? []) {
      this.#counting.adjustments.add({ share, difference: amount, at });
    }
  }
}

export class AloneReservation extends RedisReservation {
  /** In the order of the demands; undefined where nothing was taken, and for leases. */
  readonly aloneCharges: ReadonlyArray<AloneCharge | undefined>;

  constructor(
    decision: Decision,
    charges: ReadonlyArray<Charge | undefined>,
    aloneCharges: ReadonlyArray<AloneCharge | undefined>,
  ) {
    super(decision, 'process', charges);
    this.aloneCharges = aloneCharges;
  }
}

/** More than this process may ever give alone is not more than the limit ever gives. */
function toPatient(state: LimitState): LimitState {
  const { rule } = state.demand;
  const { capacity } = meterOf(rule).algorithm;
  const isNever = state.retryAfterMs === Infinity && amountOf(state.demand) <= capacity;
  return isNever ? { ...state, retryAfterMs: ASK_AGAIN_MS } : state;
}
