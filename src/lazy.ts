/** What is opened when somebody first needs it. */
export class Lazy<Opened> {
  readonly #open: () => Promise<Opened>;
  #opened: Promise<Opened> | undefined;

  /** @param open called once, and once more for the next who asks if it fails */
  constructor(open: () => Promise<Opened>) {
    this.#open = open;
  }

  /** @throws what opening it throws */
  get(): Promise<Opened> {
    if (this.#opened === undefined) {
      const opening = this.#open();
      this.#opened = opening;
      opening.catch(() => {
        this.#opened = undefined;
      });
    }
    return this.#opened;
  }

  /** Undefined where nobody ever needed it, or it could not be opened; one that is being opened is waited for. */
  async opened(): Promise<Opened | undefined> {
    return this.#opened?.catch(() => undefined);
  }
}
