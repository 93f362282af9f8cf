/** Which keys of other systems are there, by digest: long lists are imported without a look at all keys for each. */
import type { Key, Ledger } from './ledger.ts';

export type ImportedKey = Key & Required<Pick<Key, 'imported'>>;

export class ImportIndex {
  readonly #ledger: Ledger;
  /** Ids. */
  readonly #byDigest = new Map<string, string>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    for (const [id, key] of ledger.keys.all()) this.#note(id, key);
    ledger.records.onChange((changes) => {
      for (const { table, id } of changes)
        if (table === ledger.keys.name) this.#note(id, ledger.keys.get(id));
    });
  }

  /** Of any of these digests. */
  find(digests: Iterable<string>): readonly [id: string, key: ImportedKey] | undefined {
    for (const digest of digests) {
      const id = this.#byDigest.get(digest);
      const key = id === undefined ? undefined : this.#ledger.keys.get(id);
      // What ended long ago is forgotten.
      if (id !== undefined && isImported(key)) return [id, key];
    }
    return undefined;
  }

  /** What keys are tried with: `<algorithm> <prefix>`. */
  ways(): ReadonlySet<string> {
    const keys = [...this.#byDigest.values()].map((id) => this.#ledger.keys.get(id)).filter(isImported);
    return new Set(keys.map(({ imported: { algorithm, prefix } }) => `${algorithm} ${prefix}`));
  }

  #note(id: string, key: Key | undefined): void {
    if (isImported(key)) this.#byDigest.set(key.digest, id);
  }
}

function isImported(key: Key | undefined): key is ImportedKey {
  return key?.imported !== undefined;
}
