/** What this process has taken ahead, and decides on without asking. What is left when its time is over goes back. */
import type { Demand, LimitState } from '../../limit-store.ts';
import { amountOf } from '../../limits/meter.ts';
import { type Charge, type Counting, SliceCharge } from './charges.ts';
import type { Line } from './line.ts';
import { RedisReservation } from './redis-reservation.ts';
import type { Share } from './share.ts';

export class Slices {
  readonly #counting: Counting;
  readonly #listed: Share[] = [];

  constructor(counting: Counting) {
    this.#counting = counting;
  }

  /** Undefined where not all of it is there. */
  reserve(demands: readonly Demand[], shares: readonly Share[]): RedisReservation | undefined {
    if (!haveAll(demands, shares, performance.now())) return undefined;
    const now = this.#counting.now();
    const charges: Charge[] = [];
    const states: LimitState[] = [];
    for (let index = 0; index < demands.length; index++) {
      const share = shares[index]!;
      const slice = share.slice!;
      slice.left -= amountOf(demands[index]!);
      charges.push(new SliceCharge(share, slice, this.#counting));
      states.push({
        demand: demands[index]!,
        admitted: true,
        remaining: share.heard!.remaining + slice.left,
        resetMs: Math.max(0, share.heard!.resetAt - now),
        retryAfterMs: 0,
      });
    }
    return new RedisReservation({ admitted: true, states }, 'store', charges);
  }

  /** What the store gave ahead, 0 where it gave nothing. The slice before it ends. */
  got(
    share: Share,
    got: { readonly ahead: number; readonly resetMs: number; readonly at: number; readonly askedAt: number },
  ): void {
    this.#end(share);
    share.gotAhead(got.ahead, got);
    if (share.slice === undefined || share.isListed) return;
    share.isListed = true;
    this.#listed.push(share);
  }

  /** What was taken of it for a request that was not admitted. */
  giveBack({ share, slice, ofSlice }: Line): void {
    if (slice === undefined || ofSlice === 0) return;
    if (share.slice === slice) slice.left += ofSlice;
    else this.#counting.adjustments.add({ share, difference: -ofSlice, at: slice.at });
  }

  endOld(): void {
    const now = performance.now();
    for (let index = this.#listed.length - 1; index >= 0; index--) {
      const share = this.#listed[index]!;
      if (share.slice !== undefined && now < share.slice.until) continue;
      this.#end(share);
      share.isListed = false;
      this.#listed[index] = this.#listed.at(-1)!;
      this.#listed.pop();
    }
  }

  endAll(): void {
    for (const share of this.#listed) this.#end(share);
  }

  #end(share: Share): void {
    const slice = share.endSlice();
    if (slice === undefined) return;
    this.#counting.adjustments.add({ share, difference: -slice.left, at: slice.at });
  }
}

function haveAll(demands: readonly Demand[], shares: readonly Share[], now: number): boolean {
  for (let index = 0; index < demands.length; index++) {
    const { slice } = shares[index]!;
    if (slice === undefined || now >= slice.until || slice.left < amountOf(demands[index]!)) return false;
  }
  return demands.length > 0;
}
