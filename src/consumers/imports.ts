/** Keys that another system made. */
import { hash as hashOf } from 'node:crypto';
import { looksLikeKey, randomId } from './key-format.ts';
import type { KeyRules, KeyWish } from './key-rules.ts';
import type { KeyView } from './key-view.ts';
import type { ImportAlgorithm, Key, Ledger } from './ledger.ts';
import { conflict, unfit } from './refusals.ts';
import { importedText, type Secrets } from './secrets.ts';

/** Each is tried with each text that begins with it. */
const MAX_PREFIXES = 32;
const HEX_DIGITS: Readonly<Record<ImportAlgorithm, number>> = { sha256: 64, sha384: 96, sha512: 128 };

export interface ImportWish extends Omit<KeyWish, 'origins'> {
  readonly algorithm: ImportAlgorithm;
  /** In hexadecimal. */
  readonly hash: string;
  /** What texts of such keys begin with; of others no hash is computed. */
  readonly prefix?: string | undefined;
}

export class Imports {
  readonly #ledger: Ledger;
  readonly #secrets: Secrets;
  readonly #rules: KeyRules;

  constructor(ledger: Ledger, { secrets, rules }: { readonly secrets: Secrets; readonly rules: KeyRules }) {
    this.#ledger = ledger;
    this.#secrets = secrets;
    this.#rules = rules;
  }

  /** A key that another system made, by its hash: who has it presents it as before. Again does no harm. @throws {HemError} as for a new key */
  async take(wish: ImportWish): Promise<KeyView> {
    const { algorithm, prefix = '', environment = 'live' } = wish;
    const hash = wish.hash.toLowerCase();
    if (!/^[0-9a-f]*$/.test(hash) || hash.length !== HEX_DIGITS[algorithm])
      throw unfit(`A hash of ${algorithm} has ${HEX_DIGITS[algorithm]} hexadecimal digits; this has not.`);
    if (hash === hashOf(algorithm, ''))
      throw unfit('This is the hash of no text at all: whoever sends nothing would have that key.');
    if (looksLikeKey(prefix)) throw unfit('Keys that begin with "hem_" are made here, and not imported.');
    const id = randomId();
    const secret = this.#secrets.keep(importedText(algorithm, hash));
    const digests = this.#secrets.digestsOf(importedText(algorithm, hash));
    return this.#ledger.change(() => {
      const imports = this.#ledger.keys.all().filter(([, { imported }]) => imported !== undefined);
      const same = imports.find(([, { digest }]) => digests.has(digest));
      if (same !== undefined) {
        const known = this.#rules.viewOf(...same);
        // Long lists break off, and are given again.
        if (known.consumer === wish.consumer && known.state === 'active')
          return { writes: [], result: known };
        throw conflict(`This hash was imported before, as the key ${known.id}, which is ${known.state}.`);
      }
      const prefixes = new Set(
        imports.map(([, { imported }]) => `${imported!.algorithm} ${imported!.prefix}`),
      );
      if (!prefixes.has(`${algorithm} ${prefix}`) && prefixes.size >= MAX_PREFIXES)
        throw conflict(
          `Imported keys have ${MAX_PREFIXES} different prefixes already; a shorter one may fit several.`,
        );
      const key: Key = {
        ...this.#rules.begin(wish, 'operator'),
        environment,
        ...secret,
        imported: { algorithm, prefix },
      };
      const writes = [this.#ledger.keys.put(id, key), ...this.#secrets.vouch()];
      return { writes, result: this.#rules.viewOf(id, key) };
    });
  }
}
