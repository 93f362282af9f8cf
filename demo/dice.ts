/** Numbers that look random and are the same at every start. */
export class Dice {
  #state: number;

  /** @param seed a positive whole number below 2^31 - 1 */
  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 up to, but not including, 1. A multiplicative congruential generator modulo 2^31 - 1. */
  next(): number {
    this.#state = (this.#state * 48_271) % 2_147_483_647;
    return (this.#state - 1) / 2_147_483_646;
  }

  /** A whole number, both ends included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.between(0, items.length - 1)]!;
  }
}
