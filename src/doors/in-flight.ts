/**
 * The responses that are not over yet, in slots that are used again.
 *
 * Not in a Set: one that lives as long as the process and changes with every request moves into a new table every few requests, and
 * V8's old tables keep both what was in them and a pointer to the next. Once one of them has grown old, the collector of young
 * objects takes all that follow for alive: everything ever in flight then waits for a full collection. That came and went by chance,
 * and where it came, it cost 100 MB and a tenth of the processor time.
 */
import type { ServerResponse } from 'node:http';

export class InFlight {
  readonly #slots: Array<ServerResponse | undefined> = [];
  readonly #free: number[] = [];

  /** @returns the slot, to be released when the response is over */
  add(response: ServerResponse): number {
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[slot] = response;
    return slot;
  }

  release(slot: number): void {
    this.#slots[slot] = undefined;
    this.#free.push(slot);
  }

  all(): readonly ServerResponse[] {
    return this.#slots.filter((response) => response !== undefined);
  }
}
