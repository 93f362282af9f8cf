/** Keys as a gateway's table has them, made and ended by a test. */
import { randomBytes } from 'node:crypto';
import type { KeyRefusal, KeyTable, KnownKey } from '../../src/consumers/known-key.ts';

export interface MadeKey {
  readonly id: string;
  /** What its holder sends. */
  readonly text: string;
}

export class KeyMaker implements KeyTable {
  readonly #keys = new Map<string, KnownKey>();
  readonly #ended = new Map<string, Extract<KeyRefusal, 'revoked' | 'expired'>>();
  readonly #waiting = new Map<string, Set<() => void>>();

  async make(plan: string, more: Partial<KnownKey> = {}): Promise<MadeKey> {
    const id = randomBytes(8).toString('hex');
    const text = `hem_test_${id}_${randomBytes(16).toString('hex')}_0`;
    this.#keys.set(text, {
      id,
      consumer: 'acme',
      subscription: 's1',
      plan,
      planVersion: 1,
      environment: 'test',
      clients: undefined,
      origins: undefined,
      expiresAt: Number.POSITIVE_INFINITY,
      ...more,
    });
    return { id, text };
  }

  async revoke({ id, text }: MadeKey): Promise<void> {
    this.#ended.set(text, 'revoked');
    this.#keys.delete(text);
    for (const ended of this.#waiting.get(id) ?? []) setImmediate(ended);
  }

  /** How many wait for a key to end. */
  waiting({ id }: MadeKey): number {
    return this.#waiting.get(id)?.size ?? 0;
  }

  find(text: string): KnownKey | undefined {
    return this.#keys.get(text);
  }

  whyNot(text: string): KeyRefusal {
    if (!/^hem_(?:live|test)_[\da-f]{16}_[\da-f]{32}_0$/.test(text)) return 'malformed';
    return this.#ended.get(text) ?? 'unknown';
  }

  onEnd(id: string, ended: () => void): () => void {
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting.add(ended));
    return () => waiting.delete(ended);
  }
}
