import type { LimitState, Reservation } from '../../limit-store.ts';
import { differenceOf } from '../../limits/meter.ts';
import type { Charge } from './charges.ts';

export class RedisReservation implements Reservation {
  readonly admitted: boolean;
  readonly states: readonly LimitState[];
  readonly decidedBy: 'store' | 'process';
  readonly #charges: ReadonlyArray<Charge | undefined>;
  #isSettled = false;

  /** @param charges in the order of the states; undefined where nothing was taken */
  constructor(
    decision: { readonly admitted: boolean; readonly states: readonly LimitState[] },
    decidedBy: 'store' | 'process',
    charges: ReadonlyArray<Charge | undefined>,
  ) {
    this.admitted = decision.admitted;
    this.states = decision.states;
    this.decidedBy = decidedBy;
    this.#charges = charges;
  }

  settle(used: readonly number[]): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    for (let index = 0; index < this.#charges.length; index++) {
      const difference = differenceOf(this.states[index]!.demand, used[index]);
      if (difference !== 0) this.#charges[index]?.settle(difference);
    }
  }
}
