/** What secrets are hashed with: a database that leaks without its peppers is of no use to anybody. */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { HemError } from '../errors.ts';
import { type KeySettings, peppersOf } from '../load/pepper-settings.ts';
import { loadOrMakeSecret } from '../store/secret-file.ts';

/** The version of the one that is made here. */
const OWN = 'own';

export class Peppers {
  /** For what is made new. */
  readonly current: string;
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #distrusted = new Set<string>();

  constructor(current: string, secrets: ReadonlyMap<string, string>) {
    this.current = current;
    this.#keys = new Map([...secrets].map(([version, secret]) => [version, createSecretKey(secret, 'utf8')]));
  }

  /** Those of hem.yml; where there are none, one of this machine's, made at the first start. @throws {HemError} that says what to do when it cannot be */
  static async load(settings: KeySettings, root: string): Promise<Peppers> {
    const configured = peppersOf(settings);
    if (configured !== undefined) return new Peppers(configured.current, configured.secrets);
    return new Peppers(OWN, new Map([[OWN, await ownSecret(join(root, '.hem', 'pepper'))]]));
  }

  get versions(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /** Whether secrets of this version can be told right from wrong. */
  has(version: string): boolean {
    return this.#keys.has(version) && !this.#distrusted.has(version);
  }

  /** It is another one than that which the store was written with. */
  distrust(version: string): void {
    this.#distrusted.add(version);
  }

  /** @param version one of `versions` */
  hash(version: string, text: string): Buffer {
    return createHmac('sha256', this.#keys.get(version)!).update(text).digest();
  }

  /** Tells whether two machines have the same pepper, and nothing else about it. */
  fingerprint(version: string): string {
    return this.hash(version, 'is it the same pepper?').toString('base64url').slice(0, 16);
  }
}

async function ownSecret(file: string): Promise<string> {
  try {
    return await loadOrMakeSecret(file);
  } catch (cause) {
    throw new HemError('STORE_UNAVAILABLE', {
      publicText: `the pepper for keys, ${file}, can be neither read nor made (${(cause as Error).message}); "keys: { peppers: … }" in hem.yml gives one`,
      cause,
    });
  }
}
