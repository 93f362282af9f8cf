/** Counts the values of an answer as they are made: a small document times a long list is an answer that nothing can hold. */
import { HemError } from '../errors.ts';

export class ValueCount {
  readonly most: number;
  #left: number;

  constructor(most: number) {
    this.most = most;
    this.#left = most;
  }

  /** @returns whether there is room for so many more */
  take(count: number): boolean {
    this.#left -= count;
    return this.#left >= 0;
  }

  /** What was made is thrown away, and made anew. */
  reset(): void {
    this.#left = this.most;
  }

  refusal(): HemError {
    return new HemError('OPERATION_TOO_LARGE', {
      publicText: `The answer has more than ${this.most} values, which are allowed: ask for shorter lists, or for less of each.`,
    });
  }
}
