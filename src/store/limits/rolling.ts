/**
 * At most `limit` in any window, whenever it begins: never more. Use is counted in sixtieths of a window and comes back when the whole
 * sixtieth has left the window, so a unit is missing for at most a sixtieth longer than the window. A usage is the total, then pairs of
 * a sixtieth's number and what was used in it, the oldest first.
 */
import type { Algorithm, Usage, Used } from './algorithm.ts';
import { MAX_AHEAD_MS, SLACK } from './rounding.ts';

export const SIXTIETHS = 60;

export class Rolling implements Algorithm {
  readonly capacity: number;
  readonly #windowMs: number;

  constructor(limit: number, windowMs: number) {
    this.capacity = limit;
    this.#windowMs = windowMs;
  }

  fresh(): Usage {
    return [0];
  }

  remaining(usage: Usage, now: number): number {
    this.#advance(usage, now);
    return this.capacity - usage[0]!;
  }

  take(usage: Usage, amount: number, now: number): void {
    this.#advance(usage, now);
    if (amount !== 0) this.#add(usage, amount, this.#numberOf(now));
  }

  adjust(usage: Usage, difference: number, at: number, now: number): void {
    this.#advance(usage, now);
    const number = this.#numberOf(at);
    if (number < this.#oldest(now)) return;
    if (difference > 0) this.#add(usage, difference, number);
    else this.#giveBack(usage, -difference, number);
  }

  waitMs(usage: Usage, amount: number, now: number): number {
    if (amount > this.capacity) return Infinity;
    let missing = amount - this.remaining(usage, now);
    if (missing <= SLACK) return 0;
    for (let index = 1; index < usage.length; index += 2) {
      missing -= usage[index + 1]!;
      if (missing <= SLACK) return this.#leftMs(usage[index]!, now);
    }
    return this.#windowMs;
  }

  resetMs(usage: Usage, now: number): number {
    this.#advance(usage, now);
    return usage[0]! <= SLACK || usage.length === 1 ? 0 : this.#leftMs(usage.at(-2)!, now);
  }

  isCovered(usage: Usage, mark: Usage): boolean {
    let other = 1;
    for (let index = 1; index < usage.length; index += 2) {
      while (other < mark.length && mark[other]! < usage[index]!) other += 2;
      const isThere = mark[other] === usage[index] && mark[other + 1]! >= usage[index + 1]!;
      if (!isThere && usage[index + 1]! > SLACK) return false;
    }
    return true;
  }

  used(usage: Usage, now: number): readonly Used[] {
    this.#advance(usage, now);
    const parts: Used[] = [];
    for (let index = 1; index < usage.length; index += 2) {
      parts.push({ amount: usage[index + 1]!, at: Math.ceil((usage[index]! * this.#windowMs) / SIXTIETHS) });
    }
    return parts;
  }

  /** Into its sixtieth; a new one is made where it belongs, mostly at the end. */
  #add(usage: Usage, amount: number, number: number): void {
    usage[0]! += amount;
    let index = usage.length - 2;
    while (index > 0 && usage[index]! > number) index -= 2;
    if (index > 0 && usage[index] === number) usage[index + 1]! += amount;
    else usage.splice(index + 2, 0, number, amount);
  }

  #giveBack(usage: Usage, amount: number, number: number): void {
    let index = usage.length - 2;
    while (index > 0 && usage[index]! > number) index -= 2;
    if (index < 1 || usage[index] !== number) return;
    const back = Math.min(amount, usage[index + 1]!);
    usage[0]! -= back;
    usage[index + 1]! -= back;
    if (usage[index + 1] === 0) usage.splice(index, 2);
  }

  #advance(usage: Usage, now: number): void {
    const oldest = this.#oldest(now);
    let gone = 1;
    for (; gone < usage.length && usage[gone]! < oldest; gone += 2) usage[0]! -= usage[gone + 1]!;
    if (gone > 1) usage.splice(1, gone - 1);
    if (usage.length === 1) usage[0] = 0;
    else if (usage.at(-2)! > this.#numberOf(now + MAX_AHEAD_MS)) {
      usage.splice(1, Infinity, this.#numberOf(now), usage[0]!);
    }
  }

  #numberOf(time: number): number {
    return Math.floor((time * SIXTIETHS) / this.#windowMs);
  }

  /** The oldest sixtieth that is not wholly outside of the window. */
  #oldest(now: number): number {
    return this.#numberOf(now) - SIXTIETHS;
  }

  #leftMs(number: number, now: number): number {
    return Math.ceil(((number + SIXTIETHS + 1) * this.#windowMs) / SIXTIETHS - now);
  }
}
