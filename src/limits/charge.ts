/** What a request draws on: limits, and how much of each. */
import type { Demand } from '../store/limit-store.ts';
import type { Limit } from './limit.ts';
import { type Caller, partitionOf } from './partition.ts';

export class Charge {
  /** In the order of the demands. Where nothing was added, the very list that it was made with. */
  #limits: readonly Limit[];
  readonly demands: Demand[] = [];
  readonly #caller: Caller;

  /** @param cost what limits of the unit "cost" are drawn on by; others by 1 */
  constructor(caller: Caller, limits: readonly Limit[], cost: number) {
    this.#caller = caller;
    this.#limits = limits;
    for (const limit of limits) this.#demand(limit, limit.unit === 'cost' ? cost : 1);
  }

  get limits(): readonly Limit[] {
    return this.#limits;
  }

  add(limit: Limit, amount: number): void {
    this.#limits = [...this.#limits, limit];
    this.#demand(limit, amount);
  }

  /** Whether any of the limits counts this. */
  counts(unit: Limit['unit']): boolean {
    for (const limit of this.#limits) if (limit.unit === unit) return true;
    return false;
  }

  /** What was really used, in the order of the demands; what is not named here, as it was reserved. Leases end. */
  used(actual: { readonly cost?: number; readonly bytes?: number }): readonly number[] {
    return this.demands.map(({ amount }, index) => {
      const { unit } = this.#limits[index]!;
      if (unit === 'cost') return actual.cost ?? amount;
      return unit === 'bytes' ? (actual.bytes ?? amount) : amount;
    });
  }

  get isNothing(): boolean {
    return this.demands.length === 0;
  }

  #demand(limit: Limit, amount: number): void {
    const { rule, shadow } = limit;
    this.demands.push({ rule, partition: partitionOf(limit, this.#caller), amount, shadow });
  }
}
