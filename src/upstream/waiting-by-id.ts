/**
 * What waits for answers, by id: a Map whose tables keep nothing alive. A Map that changes with every call moves into a new table every
 * few calls. V8 leaves in the old one what was there, and a pointer to the new one; once an old table has been promoted, its
 * collector of young objects takes all that follow for alive. So what leaves is also taken out of its cell, which is all that tables see.
 */
export class WaitingById<Id, Value> {
  readonly #cells = new Map<Id, { value: Value | undefined }>();

  get size(): number {
    return this.#cells.size;
  }

  add(id: Id, value: Value): void {
    this.#cells.set(id, { value });
  }

  get(id: Id): Value | undefined {
    return this.#cells.get(id)?.value;
  }

  /** What has waited under this id; it waits no longer. */
  take(id: Id): Value | undefined {
    const cell = this.#cells.get(id);
    if (cell === undefined) return undefined;
    this.#cells.delete(id);
    const { value } = cell;
    cell.value = undefined;
    return value;
  }

  /** All ids at this moment. */
  ids(): readonly Id[] {
    return [...this.#cells.keys()];
  }
}
