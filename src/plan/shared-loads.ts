/** Which steps of a plan ask the same field for the same selection: they share what they load. Known only once all is compiled. */
import type { ConnectorField } from '../load/model.ts';

export class SharedLoads {
  readonly #uses = new Map<string, number>();
  /** Of steps in the order in which they were compiled. */
  readonly #loads: string[] = [];

  /** Gives the name under which it is shared; undefined where nobody else asks the same. */
  add(
    kind: 'call' | 'lookup',
    { owner, coordinate }: ConnectorField,
    selectionId: string,
  ): () => string | undefined {
    const id = `${kind} ${owner.connector.name} ${coordinate} ${selectionId}`;
    const uses = this.#uses;
    this.note(id);
    return () => (uses.get(id)! > 1 ? id : undefined);
  }

  /** Another step loads the same. */
  note(id: string): void {
    this.#loads.push(id);
    this.#uses.set(id, (this.#uses.get(id) ?? 0) + 1);
  }

  get count(): number {
    return this.#loads.length;
  }

  since(count: number): ReadonlySet<string> {
    return new Set(this.#loads.slice(count));
  }
}
