/** Keys that another system made. */
import { hash as hashOf } from 'node:crypto';
import type { HemError } from '../errors.ts';
import { ImportIndex } from './import-index.ts';
import { looksLikeKey, randomId } from './key-format.ts';
import type { KeyRules, KeyWish } from './key-rules.ts';
import type { KeyView } from './key-view.ts';
import type { ImportAlgorithm, Key, Ledger } from './ledger.ts';
import { conflict, unfit } from './refusals.ts';
import { importedText, type Secrets } from './secrets.ts';

/** Each is tried with each text that begins with it. */
const MAX_PREFIXES = 32;
/** That are written at once. */
const BATCH = 250;
const HEX_DIGITS: Readonly<Record<ImportAlgorithm, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/** What is said of all that are imported together. */
export interface ImportWish extends Omit<KeyWish, 'origins'> {
  readonly algorithm: ImportAlgorithm;
  /** What texts of such keys begin with; of others no hash is computed. */
  readonly prefix?: string | undefined;
}

/** A hash that cannot be taken. */
export interface RefusedHash {
  /** In the list. */
  readonly index: number;
  readonly error: HemError;
}

export class Imports {
  readonly #ledger: Ledger;
  readonly #secrets: Secrets;
  readonly #rules: KeyRules;
  readonly #index: ImportIndex;

  constructor(ledger: Ledger, { secrets, rules }: { readonly secrets: Secrets; readonly rules: KeyRules }) {
    this.#ledger = ledger;
    this.#secrets = secrets;
    this.#rules = rules;
    this.#index = new ImportIndex(ledger);
  }

  /**
   * A key that another system made, by its hash: who has it presents it as before. Again does no harm.
   * @param wish `hash` in hexadecimal. @throws {HemError} as for a new key
   */
  async take({ hash, ...wish }: ImportWish & { readonly hash: string }): Promise<KeyView> {
    const [view] = await this.takeAll(wish, [hash]);
    return view!;
  }

  /** The same of many, some hundreds at once. Where that breaks off, it can be done again. @param onTaken told how many there are by then */
  async takeAll(
    wish: ImportWish,
    hashes: readonly string[],
    onTaken?: (count: number) => void,
  ): Promise<readonly KeyView[]> {
    const [refused] = this.refused(wish, hashes);
    if (refused !== undefined) throw refused.error;
    const views: KeyView[] = [];
    for (let at = 0; at < hashes.length; at += BATCH) {
      views.push(...(await this.#takeBatch(wish, hashes.slice(at, at + BATCH))));
      onTaken?.(views.length);
    }
    return views;
  }

  /** Which of them could not be taken. @throws {HemError} when none could */
  refused(wish: ImportWish, hashes: readonly string[]): readonly RefusedHash[] {
    const { algorithm, prefix = '' } = wish;
    if (looksLikeKey(prefix)) throw unfit('Keys that begin with "hem_" are made here, and not imported.');
    const ways = this.#index.ways();
    if (!ways.has(`${algorithm} ${prefix}`) && ways.size >= MAX_PREFIXES)
      throw conflict(
        `Imported keys have ${MAX_PREFIXES} different prefixes already; a shorter one may fit several.`,
      );
    const nothing = hashOf(algorithm, '');
    return hashes.flatMap((hash, index) => {
      const error = refusalOfForm(hash.toLowerCase(), algorithm, nothing) ?? this.#refusalOfOther(wish, hash);
      return error === undefined ? [] : [{ index, error }];
    });
  }

  #refusalOfOther(wish: ImportWish, hash: string): HemError | undefined {
    const same = this.#known(wish, hash);
    if (same === undefined) return undefined;
    const { id, consumer, state } = this.#rules.viewOf(...same);
    return consumer === wish.consumer && state === 'active'
      ? undefined
      : conflict(`This hash was imported before, as the key ${id}, which is ${state}.`);
  }

  #known({ algorithm }: ImportWish, hash: string) {
    return this.#index.find(this.#secrets.digestsOf(importedText(algorithm, hash.toLowerCase())));
  }

  #takeBatch(wish: ImportWish, hashes: readonly string[]): Promise<readonly KeyView[]> {
    const { algorithm, prefix = '', environment = 'live' } = wish;
    const unique = [...new Set(hashes.map((hash) => hash.toLowerCase()))].map((hash) => ({
      ...{ hash, id: randomId() },
      secret: this.#secrets.keep(importedText(algorithm, hash)),
    }));
    return this.#ledger.change(() => {
      const fresh = unique.filter(({ hash }) => {
        // Another process may have taken it meanwhile, for somebody else.
        const refusal = this.#refusalOfOther(wish, hash);
        if (refusal !== undefined) throw refusal;
        return this.#known(wish, hash) === undefined;
      });
      const begun = fresh.length === 0 ? undefined : this.#rules.begin(wish, 'operator', fresh.length);
      const made = new Map(
        fresh.map(({ hash, id, secret }) => {
          const key: Key = { ...begun!, environment, ...secret, imported: { algorithm, prefix } };
          return [hash, [id, key] as const];
        }),
      );
      const puts = [...made.values()].map(([id, key]) => this.#ledger.keys.put(id, key));
      return {
        writes: puts.length === 0 ? [] : [...puts, ...this.#secrets.vouch()],
        result: hashes.map((hash) =>
          this.#rules.viewOf(...(made.get(hash.toLowerCase()) ?? this.#known(wish, hash)!)),
        ),
      };
    });
  }
}

function refusalOfForm(hash: string, algorithm: ImportAlgorithm, nothing: string): HemError | undefined {
  const digits = HEX_DIGITS[algorithm];
  if (!/^[0-9a-f]*$/.test(hash) || hash.length !== digits)
    return unfit(`A hash of ${algorithm} has ${digits} hexadecimal digits; this has not.`);
  return hash === nothing
    ? unfit('This is the hash of no text at all: whoever sends nothing would have that key.')
    : undefined;
}
