/** Messages that nobody receives: counted, and mentioned in the log at most every ten seconds per reason. */
import type { Logger } from 'pino';

export type DropReason =
  /** A reply that no call waits for: it came late, twice, or with a foreign correlation id. */
  | 'reply-unexpected'
  /** An event that is not JSON, is too large, or has a content coding. */
  | 'event-unreadable'
  /** An unreadable event that came back from the dead-letter exchange too often. */
  | 'event-returned';

const QUIET_MS = 10_000;

export class Drops {
  readonly #log: Logger;
  readonly #counts = new Map<DropReason, number>();
  readonly #mentionedAt = new Map<DropReason, number>();

  constructor(log: Logger) {
    this.#log = log;
  }

  count(reason: DropReason): void {
    const count = this.of(reason) + 1;
    this.#counts.set(reason, count);
    const now = performance.now();
    if (now - (this.#mentionedAt.get(reason) ?? -Infinity) < QUIET_MS) return;
    this.#mentionedAt.set(reason, now);
    this.#log.warn({ reason, count }, 'dropped a message');
  }

  of(reason: DropReason): number {
    return this.#counts.get(reason) ?? 0;
  }
}
