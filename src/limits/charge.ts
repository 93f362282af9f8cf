/** What a request draws on: limits, and how much of each. */
import type { Demand } from '../store/limit-store.ts';
import type { Account } from './account.ts';
import type { Limit } from './limit.ts';

export class Charge {
  /** In the order of the demands. Where nothing was added, the very list that it was made with. */
  #limits: readonly Limit[];
  readonly demands: Demand[];

  /**
   * @param accounts in the order of the limits
   * @param cost what limits of the unit "cost" are drawn on by; others by 1
   */
  constructor(limits: readonly Limit[], accounts: readonly Account[], cost: number) {
    this.#limits = limits;
    this.demands = [];
    for (const account of accounts)
      this.demands.push(account.demand(account.limit.unit === 'cost' ? cost : 1));
  }

  get limits(): readonly Limit[] {
    return this.#limits;
  }

  add({ limit, partition }: Pick<Account, 'limit' | 'partition'>, amount: number): void {
    const { rule, shadow } = limit;
    this.#limits = [...this.#limits, limit];
    this.demands.push({ rule, partition, amount, shadow });
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
}
