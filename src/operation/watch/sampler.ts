/** Says now and then yes: at a rate, and never in step with what comes regularly. */
export class Sampler {
  readonly #every: number;
  #left: number;

  /** @param rate from 0, never, to 1, always */
  constructor(rate: number) {
    this.#every = rate === 0 ? Number.POSITIVE_INFINITY : 1 / rate;
    this.#left = this.#draw();
  }

  isNext(): boolean {
    if (--this.#left > 0) return false;
    this.#left = this.#draw();
    return true;
  }

  /** Of a mean of `#every`. */
  #draw(): number {
    return this.#every === 1 ? 1 : Math.max(1, Math.round(Math.random() * 2 * this.#every));
  }
}
