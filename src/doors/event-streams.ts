/** The subscriptions that are answered as a stream over HTTP, for whoever stops. */
export class EventStreams {
  readonly #ends = new Set<() => void>();
  #isOver = false;

  /** Whether there are to be no more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** @param end called once there are to be no more @returns what takes it out again */
  add(end: () => void): () => void {
    this.#ends.add(end);
    return () => this.#ends.delete(end);
  }

  endAll(): void {
    this.#isOver = true;
    for (const end of this.#ends) end();
  }
}
