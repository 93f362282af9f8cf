/** One demand on its way to the store. */
import type { Demand } from '../../limit-store.ts';
import { amountOf } from '../../limits/meter.ts';
import type { AskedAmount, Verdict } from './limit-commands.ts';
import type { Share, Slice } from './share.ts';

export interface Line extends AskedAmount {
  readonly demand: Demand;
  /** What a slice had of it. */
  readonly slice: Slice | undefined;
  readonly ofSlice: number;
}

/** Takes what the slice has of it. */
export function toLine(demand: Demand, share: Share, now: number): Line {
  const wanted = amountOf(demand);
  const ofSlice = share.sliceFor(wanted, now);
  const amount = wanted - ofSlice;
  if (ofSlice > 0) share.slice!.left -= ofSlice;
  share.asking += amount;
  return {
    demand,
    share,
    amount,
    isShadow: demand.shadow === true,
    ahead: share.askAhead(amount, now),
    slice: ofSlice > 0 ? share.slice : undefined,
    ofSlice,
  };
}

/** Whether this process has taken ahead meanwhile of what was missing. */
export function hasAhead(lines: readonly Line[], { answers }: Verdict): boolean {
  return lines.some(({ share }, index) => !answers[index]!.enough && (share.slice?.left ?? 0) > 0);
}
