/** What the store is still to be told of what was taken. Sent together; each is sent once, unless it was certainly not counted. */
import { type Adjustment, isUncounted, type LimitCommands } from './limit-commands.ts';
import type { Share } from './share.ts';

/** In one command. */
const MAX_SENT = 64;
/** While the store cannot be reached. What is given back is let go first: rather too much counts as used than too little. */
const MAX_KEPT = 50_000;

export class Adjustments {
  readonly #commands: LimitCommands;
  readonly #failed: (error: unknown, share: Share) => void;
  #waiting: Adjustment[] = [];
  #isScheduled = false;
  /** While false, nothing is sent but by `flush`. */
  isOpen = false;

  constructor(commands: LimitCommands, failed: (error: unknown, share: Share) => void) {
    this.#commands = commands;
    this.#failed = failed;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  add(adjustment: Adjustment): void {
    if (adjustment.difference === 0) return;
    if (this.#waiting.length >= MAX_KEPT) {
      if (adjustment.difference < 0) return;
      this.#waiting.splice(0, MAX_KEPT / 10);
    }
    this.#waiting.push(adjustment);
    if (!this.isOpen || this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#flushScheduled);
  }

  /** Sends all at once, ahead of whatever is sent after. @returns whether all of it arrived */
  async flush(): Promise<boolean> {
    const sent = this.#waiting;
    this.#waiting = [];
    return (await Promise.all(this.#batches(sent).map((batch) => this.#send(batch)))).every(Boolean);
  }

  readonly #flushScheduled = (): void => {
    this.#isScheduled = false;
    if (this.isOpen) void this.flush();
  };

  async #send(batch: readonly Adjustment[]): Promise<boolean> {
    try {
      await this.#commands.adjust(batch);
      return true;
    } catch (error) {
      if (isUncounted(error)) this.#waiting.push(...batch);
      this.#failed(error, batch[0]!.share);
      return false;
    }
  }

  #batches(adjustments: readonly Adjustment[]): ReadonlyArray<readonly Adjustment[]> {
    const groups = this.#commands.hasSlots
      ? [...Map.groupBy(adjustments, ({ share }) => share.tag).values()]
      : [adjustments];
    return groups.flatMap((group) =>
      Array.from({ length: Math.ceil(group.length / MAX_SENT) }, (_, index) =>
        group.slice(index * MAX_SENT, (index + 1) * MAX_SENT),
      ),
    );
  }
}
