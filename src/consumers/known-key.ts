/** What every process knows of a key without asking anybody. */
import type { ClientName } from '../load/client.ts';

export interface KnownKey {
  /** The public part of the key. */
  readonly id: string;
  readonly consumer: string;
  /** The subscription under which it was made. */
  readonly subscription: string;
  readonly plan: string;
  readonly planVersion: number;
  readonly environment: 'live' | 'test';
  /** Undefined: all clients that the plan grants. */
  readonly clients: readonly ClientName[] | undefined;
  /** Set for keys that stand in web pages: they are no secret, and count from these origins only. */
  readonly origins: readonly string[] | undefined;
  /** `Date.now()` from which on it is none; Infinity without an end. */
  readonly expiresAt: number;
}

/** Why a key counts no more, or not now. */
export type KeyEnd = 'revoked' | 'expired' | 'rotated' | 'cancelled' | 'suspended';

/**
 * `malformed`: no key at all. `unknown`: not there, or of another secret. `revoked`, `expired`, `rotated` (the same, and another is in
 * its place), `cancelled` (its subscription is), `suspended` (its consumer is): said only of keys that were right. `unavailable`: nobody can say at the moment, so it is no reason for a 401.
 */
export type KeyRefusal = 'malformed' | 'unknown' | KeyEnd | 'unavailable';

/** All keys that count now. */
export interface KeyTable {
  /**
   * Garbage is refused without a look-up. Neither waits nor throws: undefined for whatever is no key that counts now.
   * @param connection on which it came, if more may come on it: the same text is then known without a look at what it says
   */
  find(text: string, connection?: object): KnownKey | undefined;
  /** Why a text that was not found is none. */
  whyNot(text: string): KeyRefusal;
  /** For what was not found: it may have been made elsewhere a moment ago. Undefined for what cannot be a key, and for a key that is known; then nothing is asked. */
  catchUp(text: string): Promise<void> | undefined;
  /** Called once when the key is revoked or expires, or counts under another version of its plan than here; soon, where it has by now, but not before this returns. @returns what stops listening */
  onEnd(key: KnownKey, ended: () => void): () => void;
}

/** Where there is none. */
export const NO_KEYS: KeyTable = {
  find: () => undefined,
  whyNot: () => 'unknown',
  catchUp: () => undefined,
  onEnd: () => () => {},
};
