/** The subscriptions that are answered as a stream over HTTP, for whoever stops. */
export class EventStreams {
  readonly #ends = new Set<() => void>();
  #isOver = false;

  /** @param end called once there are to be no more, at once where that is so already @returns what takes it out again */
  add(end: () => void): () => void {
    if (this.#isOver) end();
    else this.#ends.add(end);
    return () => this.#ends.delete(end);
  }

  /** Ends all, and those that are still to come. */
  endAll(): void {
    this.#isOver = true;
    for (const end of this.#ends) end();
  }
}
