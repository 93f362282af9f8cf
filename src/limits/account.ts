/** One limit as one caller draws on it. */
import type { Demand } from '../store/limit-store.ts';
import type { Limit } from './limit.ts';

export class Account {
  readonly limit: Limit;
  readonly partition: string;
  #demand: Demand | undefined;

  constructor(limit: Limit, partition: string) {
    this.limit = limit;
    this.partition = partition;
  }

  /** The same object for the same amount as last time, by which stores find again what they have counted. */
  demand(amount: number): Demand {
    if (this.#demand?.amount === amount) return this.#demand;
    const { rule, shadow } = this.limit;
    this.#demand = { rule, partition: this.partition, amount, shadow };
    return this.#demand;
  }
}
