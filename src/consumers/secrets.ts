/** How secrets are kept, and recognised. */
import { timingSafeEqual } from 'node:crypto';
import { HemError } from '../errors.ts';
import type { RecordWrite } from '../store/record-store.ts';
import type { ImportAlgorithm, KeptSecret, Ledger } from './ledger.ts';
import type { Peppers } from './peppers.ts';

export class Secrets {
  readonly #ledger: Ledger;
  readonly #peppers: Peppers;

  constructor(ledger: Ledger, peppers: Peppers) {
    this.#ledger = ledger;
    this.#peppers = peppers;
  }

  keep(text: string): Omit<KeptSecret, 'id'> {
    const { current } = this.#peppers;
    return { pepper: current, digest: this.#peppers.hash(current, text).toString('base64url') };
  }

  /** What `keep` gives, and gave with the other peppers. */
  digestsOf(text: string): ReadonlySet<string> {
    return new Set(
      this.#peppers.versions.map((version) => this.#peppers.hash(version, text).toString('base64url')),
    );
  }

  /** Whether it can be told right from wrong. */
  canTell({ pepper }: Pick<KeptSecret, 'pepper'>): boolean {
    return this.#peppers.has(pepper);
  }

  /** Takes the same time for whatever is wrong. */
  matches({ pepper, digest }: Pick<KeptSecret, 'pepper' | 'digest'>, text: string): boolean {
    if (!this.canTell({ pepper })) return false;
    return timingSafeEqual(this.#peppers.hash(pepper, text), Buffer.from(digest, 'base64url'));
  }

  /**
   * What is written with the first secret of a pepper, so that another machine can see whether it has the same.
   * @throws {HemError} when it has not
   */
  vouch(): readonly RecordWrite[] {
    const { current } = this.#peppers;
    const fingerprint = this.#peppers.fingerprint(current);
    const known = this.#ledger.peppers.get(current);
    if (known === undefined) return [this.#ledger.peppers.put(current, { fingerprint })];
    if (known.fingerprint === fingerprint) return [];
    throw new HemError('STORE_UNAVAILABLE', {
      publicText: `The keys in the store were made with another pepper "${current}" than this machine has.`,
    });
  }

  /** Versions whose pepper is another one than that which secrets in the store were hashed with. */
  strangers(): readonly string[] {
    return this.#peppers.versions.filter((version) => {
      const known = this.#ledger.peppers.get(version);
      return known !== undefined && known.fingerprint !== this.#peppers.fingerprint(version);
    });
  }

  /** Versions that are not there, and that consumers' tokens, or keys which have not ended, were hashed with. */
  missing(): readonly string[] {
    const now = this.#ledger.now();
    const keys = this.#ledger.keys
      .all()
      .filter(([, { revokedAt, expiresAt = Infinity }]) => revokedAt === undefined && expiresAt > now);
    const tokens = this.#ledger.consumers.all().flatMap(([, { portal }]) => portal ?? []);
    const used = [...keys.map(([, key]) => key), ...tokens].map(({ pepper }) => pepper);
    return [...new Set(used)].filter((version) => !this.#peppers.has(version));
  }
}

/** What is hashed with the pepper of a key that another system made. */
export function importedText(algorithm: ImportAlgorithm, hash: string): string {
  return `${algorithm}:${hash}`;
}
