/** Tokens whose signature was checked a moment ago. By a keyed hash: the tokens themselves are not kept. */
import { hash, randomBytes } from 'node:crypto';
import type { Principal } from './principal.ts';

const MAX_KEPT = 5000;
/** A key that is withdrawn goes on for so long at most. */
const FRESH_MS = 60_000;

interface Kept {
  readonly principal: Principal;
  readonly freshUntil: number;
}

export class VerifiedTokens {
  readonly #secret = randomBytes(32).toString('base64url');
  /** Oldest first. */
  readonly #kept = new Map<string, Kept>();

  find(token: string): Principal | undefined {
    const id = this.#idOf(token);
    const kept = this.#kept.get(id);
    if (kept === undefined) return undefined;
    if (performance.now() < kept.freshUntil && Date.now() < kept.principal.expiresAt) return kept.principal;
    this.#kept.delete(id);
    return undefined;
  }

  keep(token: string, principal: Principal): void {
    const id = this.#idOf(token);
    this.#kept.delete(id);
    if (this.#kept.size >= MAX_KEPT) {
      const [oldest] = this.#kept.keys();
      this.#kept.delete(oldest!);
    }
    this.#kept.set(id, { principal, freshUntil: performance.now() + FRESH_MS });
  }

  #idOf(token: string): string {
    return hash('sha256', this.#secret + token, 'base64url');
  }
}
