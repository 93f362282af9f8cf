/** What one operation costs those who may see all of it, and those who may not. */
import type { Denials } from '../../execute/engine.ts';
import type { OperationCost } from './operation-cost.ts';

/** Undefined where there is more than may be walked. */
export class Costs {
  readonly #make: (denied: Denials | undefined) => OperationCost | undefined;
  readonly #ofAll: OperationCost | undefined;
  readonly #without = new WeakMap<Denials, OperationCost>();

  constructor(make: (denied: Denials | undefined) => OperationCost | undefined) {
    this.#make = make;
    this.#ofAll = make(undefined);
  }

  /** What somebody may not see must not use up what others have left. */
  without(denied: Denials | undefined): OperationCost | undefined {
    if (denied === undefined || this.#ofAll === undefined) return this.#ofAll;
    let cost = this.#without.get(denied);
    if (cost === undefined) {
      cost = this.#make(denied) ?? this.#ofAll;
      this.#without.set(denied, cost);
    }
    return cost;
  }
}
