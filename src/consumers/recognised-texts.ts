/** Texts that were recognised as a key before, by a keyed hash that costs a fraction of the one that keys are kept as. */
import { hash, randomBytes } from 'node:crypto';
import type { LiveKey } from './live-key.ts';

const MAX_KEPT = 5000;

export class RecognisedTexts {
  readonly #secret = randomBytes(32).toString('base64url');
  readonly #keys = new Map<string, LiveKey>();

  /** Whether the key still counts is another question. */
  find(text: string): LiveKey | undefined {
    return this.#keys.get(this.#idOf(text));
  }

  keep(text: string, key: LiveKey): void {
    // Who uses more keys than that recognises some of them anew.
    if (this.#keys.size >= MAX_KEPT) this.#keys.clear();
    this.#keys.set(this.#idOf(text), key);
  }

  clear(): void {
    this.#keys.clear();
  }

  #idOf(text: string): string {
    return hash('sha256', this.#secret + text, 'base64url');
  }
}
