/** Lets consumers in by their own token, each so often. */
import type { IncomingMessage } from 'node:http';
import type { Consumers } from '../consumers/consumers.ts';
import { Refusal } from '../doors/refusal.ts';

/** As many at once, then one in so long. */
const BURST = 60;
const INTERVAL_MS = 1000;

export class Portal {
  /** Of each consumer: when all that it asked would have come one by one. */
  readonly #dueAt = new Map<string, number>();

  /** @returns whose token it is. @throws {Refusal} UNAUTHENTICATED, FORBIDDEN, LIMIT_EXCEEDED, STORE_UNAVAILABLE */
  admit({ headers }: IncomingMessage, consumers: Consumers): string {
    const token = /^bearer +(\S{1,100})$/i.exec(headers.authorization ?? '')?.[1];
    const consumer = token === undefined ? undefined : consumers.ofToken(token);
    if (consumer === undefined) {
      if (token !== undefined && consumers.mayBeToken(token))
        throw new Refusal('STORE_UNAVAILABLE', 'This token cannot be checked at the moment.');
      throw new Refusal(
        'UNAUTHENTICATED',
        'This needs a consumer\'s own token: "Authorization: Bearer hem_portal_…". Operators make one with "hem consumers token <name>".',
        { 'www-authenticate': 'Bearer realm="Hem consumers"' },
      );
    }
    if (consumers.show(consumer).suspendedAt !== null)
      throw new Refusal('FORBIDDEN', 'This consumer is suspended.');
    this.#count(consumer);
    return consumer;
  }

  #count(consumer: string): void {
    const now = performance.now();
    const dueAt = Math.max(now, this.#dueAt.get(consumer) ?? 0) + INTERVAL_MS;
    const early = dueAt - BURST * INTERVAL_MS - now;
    if (early > 0) {
      const text = `This is for people and scripts: ${BURST} requests at once, and one a second.`;
      throw new Refusal('LIMIT_EXCEEDED', text, { 'retry-after': String(Math.ceil(early / 1000)) });
    }
    this.#dueAt.set(consumer, dueAt);
  }
}
