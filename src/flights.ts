/** Work that is done once for all who ask for the same at the same time. It goes on until it has ended, or nobody waits for it any more. */
import { Cancellation } from './cancellation.ts';

interface Flight<Result> {
  readonly work: Promise<Result>;
  /** Cancelled when the last of those who wait has left. */
  readonly left: Cancellation;
  waiting: number;
}

export class Flights<Result> {
  /** In slots, and numbers in the map: see src/doors/in-flight.ts. */
  readonly #slots: Array<Flight<Result> | undefined> = [];
  readonly #free: number[] = [];
  readonly #byKey = new Map<string, number>();

  /** Joins the work of this key, or begins it. @param start told when nobody waits any more */
  join(key: string, left: Cancellation, start: (left: Cancellation) => Promise<Result>): Promise<Result> {
    const known = this.#byKey.get(key);
    const flight = known === undefined ? this.#begin(key, start) : this.#slots[known]!;
    flight.waiting++;
    const leave = (): void => {
      if (--flight.waiting > 0) return;
      // Whoever comes now begins anew.
      if (this.#slots[this.#byKey.get(key) ?? -1] === flight) this.#forget(key);
      flight.left.cancel();
    };
    if (left.isCancelled) leave();
    else left.add(leave);
    const stay = () => left.remove(leave);
    flight.work.then(stay, stay);
    return flight.work;
  }

  #begin(key: string, start: (left: Cancellation) => Promise<Result>): Flight<Result> {
    const left = new Cancellation();
    const flight: Flight<Result> = { work: start(left), left, waiting: 0 };
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[slot] = flight;
    this.#byKey.set(key, slot);
    const over = () => {
      if (this.#slots[this.#byKey.get(key) ?? -1] === flight) this.#forget(key);
    };
    flight.work.then(over, over);
    return flight;
  }

  #forget(key: string): void {
    const slot = this.#byKey.get(key)!;
    this.#byKey.delete(key);
    this.#slots[slot] = undefined;
    this.#free.push(slot);
  }
}
