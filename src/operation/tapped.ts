/** Hands on what a stream gives, and tells of each item and of the end. */
import type { Stream } from './answer.ts';

export interface Tap<Item> {
  item(item: Item): void;
  /** Once, however it ends. */
  end(): void;
}

/** Not an async generator: one of those waits for its source before it can return. */
export class Tapped<Item> implements AsyncGenerator<Item, void> {
  readonly #source: Stream<Item>['items'];
  readonly #tap: Tap<Item>;
  #over = false;

  constructor(source: Stream<Item>['items'], tap: Tap<Item>) {
    this.#source = source;
    this.#tap = tap;
  }

  next(): Promise<IteratorResult<Item, void>> {
    return this.#told(this.#source.next());
  }

  return(): Promise<IteratorResult<Item, void>> {
    this.#end();
    return this.#source.return();
  }

  throw(error: unknown): Promise<IteratorResult<Item, void>> {
    this.#end();
    return this.#source.throw(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #told(step: Promise<IteratorResult<Item, void>>): Promise<IteratorResult<Item, void>> {
    return step.then(
      (result) => {
        if (result.done === true) this.#end();
        else this.#tap.item(result.value);
        return result;
      },
      (error: unknown) => {
        this.#end();
        throw error;
      },
    );
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#tap.end();
  }
}
