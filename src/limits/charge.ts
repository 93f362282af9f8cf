/** What a request draws on: limits, and how much of each. */
import type { Demand } from '../store/limit-store.ts';
import type { Limit } from './limit.ts';
import { type Caller, partitionOf } from './partition.ts';

export class Charge {
  readonly limits: Limit[] = [];
  /** In the order of the limits. */
  readonly demands: Demand[] = [];
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  add(limit: Limit, amount: number): void {
    const { rule, shadow } = limit;
    this.limits.push(limit);
    this.demands.push({ rule, partition: partitionOf(limit, this.#caller), amount, shadow });
  }

  /** Whether any of the limits counts this. */
  counts(unit: Limit['unit']): boolean {
    return this.limits.some((limit) => limit.unit === unit);
  }

  /** What was really used, in the order of the demands; what is not named here, as it was reserved. Leases end. */
  used(actual: { readonly cost?: number; readonly bytes?: number }): readonly number[] {
    return this.limits.map(({ unit }, index) => {
      const reserved = this.demands[index]!.amount;
      if (unit === 'cost') return actual.cost ?? reserved;
      return unit === 'bytes' ? (actual.bytes ?? reserved) : reserved;
    });
  }

  get isNothing(): boolean {
    return this.demands.length === 0;
  }
}
