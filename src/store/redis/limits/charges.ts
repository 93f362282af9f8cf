/** Where the amount of one demand was taken from, and so where it is settled. */
import type { Usage } from '../../limits/algorithm.ts';
import type { Alone } from '../../limits/alone.ts';
import type { Adjustments } from './adjustments.ts';
import type { Share, Slice } from './share.ts';

export interface Charge {
  /** @param difference what was used, less what was taken */
  settle(difference: number): void;
}

/** What settling needs to know of its store. */
export interface Counting {
  readonly adjustments: Adjustments;
  /** The clock of Redis, as far as this process knows it. */
  now(): number;
}

/** Redis counted it. */
export class StoreCharge implements Charge {
  readonly #share: Share;
  readonly #at: number;
  readonly #counting: Counting;

  constructor(share: Share, at: number, counting: Counting) {
    this.#share = share;
    this.#at = at;
    this.#counting = counting;
  }

  settle(difference: number): void {
    this.#counting.adjustments.add({ share: this.#share, difference, at: this.#at });
  }
}

/** It came out of a slice, and goes back into it as long as that is there. */
export class SliceCharge implements Charge {
  readonly #share: Share;
  readonly #slice: Slice;
  readonly #counting: Counting;

  constructor(share: Share, slice: Slice, counting: Counting) {
    this.#share = share;
    this.#slice = slice;
    this.#counting = counting;
  }

  settle(difference: number): void {
    const slice = this.#slice;
    if (this.#share.slice === slice && difference <= slice.left) slice.left -= difference;
    else this.#counting.adjustments.add({ share: this.#share, difference, at: slice.at });
  }
}

/** Runs, and is no more when it is settled. Renewals tell Redis what runs, so it need not know who counted it first. */
export class LeaseCharge implements Charge {
  readonly #share: Share;
  readonly #counting: Counting;

  constructor(share: Share, counting: Counting) {
    this.#share = share;
    this.#counting = counting;
  }

  settle(difference: number): void {
    const { running } = this.#share;
    running[0] = Math.max(0, running[0]! + difference);
    const { adjustments } = this.#counting;
    // Where the store is lost, it is told what runs when it is back.
    if (adjustments.isOpen) adjustments.add({ share: this.#share, difference, at: this.#counting.now() });
  }
}

/** This process decided it alone, and tells the store when it is back. */
export class AloneCharge implements Charge {
  readonly #share: Share;
  readonly #alone: Alone;
  readonly #counting: Counting;
  readonly #amount: number;
  readonly #at: number;
  /** `open`: the store was asked, too, and has not answered. `unknown`: it never will; told once more, it might count twice. */
  #counted: 'open' | 'alone' | 'store' | 'unknown';
  #storeAt: number;
  /** Where this process counted it, until the store is told. */
  #untold: Usage | undefined;
  #difference = 0;

  constructor(share: Share, amount: number, { alone, counting, isAsked }: AloneChargeOptions) {
    this.#share = share;
    this.#alone = alone;
    this.#counting = counting;
    this.#amount = amount;
    this.#at = counting.now();
    this.#storeAt = this.#at;
    this.#counted = isAsked ? 'open' : 'alone';
    if (!isAsked) this.#count(amount);
  }

  settle(difference: number): void {
    const now = this.#counting.now();
    if (this.#share.alone === this.#alone) this.#alone.adjust(difference, this.#at, now);
    if (this.#counted === 'open') this.#difference += difference;
    else if (this.#counted === 'store') this.#adjustStore(difference, this.#storeAt);
    else if (this.#counted === 'alone') {
      const isUntold = this.#share.alone === this.#alone && this.#untold === this.#alone.untold;
      if (isUntold) this.#alone.adjustUntold(difference, this.#at, now);
      else this.#adjustStore(difference, this.#at);
    }
  }

  /** The store answered after all: it counted it. */
  countedByStore(at: number): void {
    this.#counted = 'store';
    this.#storeAt = at;
    this.#adjustStore(this.#difference, at);
  }

  notCountedByStore(): void {
    this.#counted = 'alone';
    this.#count(this.#amount + this.#difference);
  }

  perhapsCountedByStore(): void {
    this.#counted = 'unknown';
  }

  #count(amount: number): void {
    if (this.#share.alone === this.#alone) this.#untold = this.#alone.count(amount, this.#counting.now());
    else this.#adjustStore(amount, this.#at);
  }

  #adjustStore(difference: number, at: number): void {
    this.#counting.adjustments.add({ share: this.#share, difference, at });
  }
}

export interface AloneChargeOptions {
  readonly alone: Alone;
  readonly counting: Counting;
  /** Whether the store was asked, too. */
  readonly isAsked: boolean;
}
