/** What runs in this process. Redis is told again and again that it still does; otherwise it ends there by itself. */
import { type Charge, type Counting, LeaseCharge } from './charges.ts';
import type { LimitCommands } from './limit-commands.ts';
import type { Share } from './share.ts';

/** Of a lease's length, when it is renewed. */
const RENEWED_AT = 1 / 3;

export class Leases {
  readonly #commands: LimitCommands;
  readonly #counting: Counting;
  readonly #failed: (error: unknown, share: Share) => void;
  readonly #listed: Share[] = [];

  constructor(commands: LimitCommands, counting: Counting, failed: (error: unknown, share: Share) => void) {
    this.#commands = commands;
    this.#counting = counting;
    this.#failed = failed;
  }

  /** What begins to run; it is counted already in `share.running`. */
  begin(share: Share): Charge {
    if (!share.isListed) {
      share.isListed = true;
      share.renewAt = performance.now() + share.leaseMs * RENEWED_AT;
      this.#listed.push(share);
    }
    return new LeaseCharge(share, this.#counting);
  }

  renewDue(): void {
    const now = performance.now();
    const due: Share[] = [];
    for (let index = this.#listed.length - 1; index >= 0; index--) {
      const share = this.#listed[index]!;
      if (share.running[0] === 0) {
        share.isListed = false;
        this.#listed[index] = this.#listed.at(-1)!;
        this.#listed.pop();
      } else if (now >= share.renewAt) due.push(share);
    }
    if (due.length === 0) return;
    // What has ended is told first: a renewal says how much there is.
    void this.#counting.adjustments.flush();
    for (const share of due) this.#renew(share);
  }

  /** Also of those that have ended: what is counted for them is corrected. */
  renewAll(): void {
    for (const share of this.#listed) this.#renew(share);
  }

  endAll(): void {
    const at = this.#counting.now();
    for (const share of this.#listed) {
      this.#counting.adjustments.add({ share, difference: -share.running[0]!, at });
    }
  }

  #renew(share: Share): void {
    share.renewAt = performance.now() + share.leaseMs * RENEWED_AT;
    const least = share.running[0]!;
    this.#commands
      .renew([{ share, least, most: least + share.asking }])
      .catch((error) => this.#failed(error, share));
  }
}
