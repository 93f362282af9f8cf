/** Something to wait for that happens once. */
export class Gate {
  readonly passed: Promise<void>;
  readonly #resolve: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.passed = promise;
    this.#resolve = resolve;
  }

  open(): void {
    this.#resolve();
  }
}
