/** Numbers objects, so that several of them together can be a key. */
export class Identities {
  readonly #numbers = new Map<unknown, number>();

  /** Equal exactly for the same objects in the same order. */
  keyOf(objects: readonly unknown[]): string {
    return objects.map((object) => this.#numberOf(object)).join(' ');
  }

  #numberOf(object: unknown): number {
    const known = this.#numbers.get(object);
    if (known !== undefined) return known;
    this.#numbers.set(object, this.#numbers.size);
    return this.#numbers.size - 1;
  }
}
