/** Decides the demands of one request together: each is taken from, or none is. */
import type { Demand, LimitState } from '../limit-store.ts';
import type { Algorithm, Usage } from './algorithm.ts';
import { amountOf } from './meter.ts';
import { SLACK } from './rounding.ts';

/** Where a demand takes from. */
export interface Seat {
  readonly algorithm: Algorithm;
  readonly usage: Usage;
}

export interface Decision {
  readonly admitted: boolean;
  readonly states: readonly LimitState[];
}

/** @param seats in the order of the demands */
export function decide(demands: readonly Demand[], seats: readonly Seat[], now: number): Decision {
  let admitted = true;
  for (let index = 0; index < demands.length; index++) {
    const demand = demands[index]!;
    if (demand.shadow !== true && !isEnough(demand, seats[index]!, now)) admitted = false;
  }
  return { admitted, states: demands.map((demand, index) => stateOf(demand, seats[index]!, now, admitted)) };
}

/** A shadow takes what it would take if it were none: where there is not enough, nothing. */
function stateOf(demand: Demand, seat: Seat, now: number, taking: boolean): LimitState {
  const { algorithm, usage } = seat;
  const amount = amountOf(demand);
  const enough = isEnough(demand, seat, now);
  const retryAfterMs = enough ? 0 : algorithm.waitMs(usage, amount, now);
  if (taking && enough) algorithm.take(usage, amount, now);
  return {
    demand,
    admitted: enough,
    remaining: Math.max(0, Math.floor(algorithm.remaining(usage, now) + SLACK)),
    resetMs: algorithm.resetMs(usage, now),
    retryAfterMs,
  };
}

function isEnough(demand: Demand, { algorithm, usage }: Seat, now: number): boolean {
  const amount = amountOf(demand);
  return amount === 0 || algorithm.remaining(usage, now) + SLACK >= amount;
}
