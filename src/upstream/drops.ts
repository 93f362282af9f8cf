/** Messages that nobody receives: counted, and mentioned in the log at most every ten seconds per reason. */
import type { Logger } from 'pino';

const QUIET_MS = 10_000;

export class Drops<Reason extends string> {
  readonly #log: Logger;
  readonly #counts = new Map<Reason, number>();
  readonly #mentionedAt = new Map<Reason, number>();

  constructor(log: Logger) {
    this.#log = log;
  }

  count(reason: Reason): void {
    const count = this.of(reason) + 1;
    this.#counts.set(reason, count);
    const now = performance.now();
    if (now - (this.#mentionedAt.get(reason) ?? -Infinity) < QUIET_MS) return;
    this.#mentionedAt.set(reason, now);
    this.#log.warn({ reason, count }, 'dropped a message');
  }

  of(reason: Reason): number {
    return this.#counts.get(reason) ?? 0;
  }
}
