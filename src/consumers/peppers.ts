/** What secrets are hashed with: a database that leaks without its peppers is of no use to anybody. */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { HemError } from '../errors.ts';
import { type KeySettings, peppersOf } from '../load/settings/pepper-settings.ts';
import { loadOrMakeSecret, loadSecret } from '../store/secret-file.ts';

/** The version of the one that is made here. */
const OWN = 'own';

export class Peppers {
  /** For what is made new. */
  readonly current: string;
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #distrusted = new Set<string>();
  readonly #left = new Set<string>();

  constructor(current: string, secrets: ReadonlyMap<string, string>) {
    this.current = current;
    this.#keys = new Map([...secrets].map(([version, secret]) => [version, createSecretKey(secret, 'utf8')]));
  }

  /** Those of hem.yml, and this machine's own as long as it is there; where there are none, its own is made at the first start. @throws {HemError} that says what to do when it cannot be */
  static async load(settings: KeySettings, root: string): Promise<Peppers> {
    const configured = peppersOf(settings);
    const file = join(root, '.hem', 'pepper');
    if (configured === undefined)
      return new Peppers(OWN, new Map([[OWN, await ownSecret(file, loadOrMakeSecret)]]));
    const { current, secrets } = configured;
    if (secrets.has(OWN)) return new Peppers(current, secrets);
    const left = await ownSecret(file, loadSecret);
    if (left === undefined) return new Peppers(current, secrets);
    const peppers = new Peppers(current, new Map([...secrets, [OWN, left]]));
    peppers.#left.add(OWN);
    return peppers;
  }

  /** Whether it is only there since keys were made before any was configured, perhaps those of another store. */
  isLeft(version: string): boolean {
    return this.#left.has(version);
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

async function ownSecret<Secret>(file: string, load: (file: string) => Promise<Secret>): Promise<Secret> {
  try {
    return await load(file);
  } catch (cause) {
    throw new HemError('STORE_UNAVAILABLE', {
      publicText: `the pepper for keys, ${file}, can be neither read nor made (${(cause as Error).message}); "keys: { peppers: … }" in hem.yml gives one`,
      cause,
    });
  }
}
