/** So many at the same time: exactly `limit`. A usage is how many there are. When one of them ends is not known. */
import type { Algorithm, Usage, Used } from './algorithm.ts';

/** What those are told who would have to wait for others to end. */
export const ASK_AGAIN_MS = 1000;

export class Concurrency implements Algorithm {
  readonly capacity: number;

  constructor(limit: number) {
    this.capacity = limit;
  }

  fresh(): Usage {
    return [0];
  }

  remaining(usage: Usage): number {
    return this.capacity - usage[0]!;
  }

  take(usage: Usage, amount: number): void {
    usage[0]! += amount;
  }

  adjust(usage: Usage, difference: number): void {
    usage[0] = Math.max(0, usage[0]! + difference);
  }

  waitMs(usage: Usage, amount: number): number {
    if (amount > this.capacity) return Infinity;
    return amount <= this.remaining(usage) ? 0 : ASK_AGAIN_MS;
  }

  resetMs(usage: Usage): number {
    return usage[0] === 0 ? 0 : ASK_AGAIN_MS;
  }

  isCovered(usage: Usage, mark: Usage): boolean {
    return mark[0]! >= usage[0]!;
  }

  used(usage: Usage, now: number): readonly Used[] {
    return [{ amount: usage[0]!, at: now }];
  }
}
