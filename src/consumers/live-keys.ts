/** The table of all keys in this process: what requests are looked up in. It follows the store, and stays as it is while that is gone. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { Logger } from 'pino';
import type { RecordChange } from '../store/record-store.ts';
import { looksLikeKey, parseKey } from './key-format.ts';
import type { KeyRefusal, KeyTable, KnownKey } from './known-key.ts';
import type { ImportAlgorithm, Key, Ledger } from './ledger.ts';
import { LiveKey } from './live-key.ts';
import type { Peppers } from './peppers.ts';
import { RecognisedTexts } from './recognised-texts.ts';
import { importedText } from './secrets.ts';

/** A longer text is no key of another system. */
const MAX_IMPORTED_CHARACTERS = 512;
/** When each key was last used is written so often at most. */
const WRITE_USE_MS = 10_000;

/** Imported keys that are hashed in the same way. */
interface ImportedGroup {
  readonly algorithm: ImportAlgorithm;
  readonly prefix: string;
  readonly pepper: string;
  /** By digest. */
  readonly keys: Map<string, LiveKey>;
}

export class LiveKeys implements KeyTable, AsyncDisposable {
  readonly #ledger: Ledger;
  readonly #peppers: Peppers;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #keys = new Map<string, LiveKey>();
  readonly #imported = new Map<string, ImportedGroup>();
  readonly #recognised = new RecognisedTexts();
  /** What each connection sent last. */
  readonly #last = new WeakMap<object, { readonly bytes: Buffer; readonly key: LiveKey }>();
  readonly #stopFollowing: () => void;
  readonly #timer: NodeJS.Timeout;
  /** Used since that was last written. */
  #used: LiveKey[] = [];

  constructor(ledger: Ledger, { peppers, log }: { readonly peppers: Peppers; readonly log: Logger }) {
    this.#ledger = ledger;
    this.#peppers = peppers;
    this.#log = log;
    this.#now = ledger.now;
    for (const [id] of ledger.keys.all()) this.#update(id);
    this.#stopFollowing = ledger.records.onChange((changes) => this.#follow(changes));
    this.#timer = setInterval(() => void this.#writeUse(), WRITE_USE_MS).unref();
  }

  find(text: string, connection?: object): KnownKey | undefined {
    const key = this.#recogniseAgain(text, connection);
    if (key?.refusal !== undefined) return undefined;
    const now = this.#now();
    if (key === undefined || now >= key.known.expiresAt) return undefined;
    if (key.usedAt === 0) this.#used.push(key);
    key.usedAt = now;
    return key.known;
  }

  whyNot(text: string): KeyRefusal {
    const key = this.#recognise(text);
    if (key !== undefined)
      return key.refusal ?? (this.#now() >= key.known.expiresAt ? key.atItsEnd : 'unknown');
    const parsed = parseKey(text);
    if (parsed === undefined && looksLikeKey(text)) return 'malformed';
    if (!this.#ledger.records.isComplete) return 'unavailable';
    // It may be right: without its pepper nobody can say.
    if (parsed === undefined) {
      const groups = [...this.#imported.values()].filter(({ prefix }) => text.startsWith(prefix));
      if (groups.some(({ pepper }) => !this.#peppers.has(pepper))) return 'unavailable';
      return this.#imported.size > 0 ? 'unknown' : 'malformed';
    }
    const named = this.#keys.get(parsed.id);
    return named !== undefined && !this.#peppers.has(named.pepper) ? 'unavailable' : 'unknown';
  }

  catchUp(text: string): Promise<void> | undefined {
    // Also where the name is known and the secret is wrong: how long it takes must not tell one from the other.
    const mayBeNew = parseKey(text) !== undefined && this.#recognise(text) === undefined;
    return mayBeNew ? this.#ledger.records.catchUp() : undefined;
  }

  onEnd(known: KnownKey, ended: () => void): () => void {
    const key = this.#keys.get(known.id);
    // Letting somebody in takes time, in which the key may be gone, or count under another version of its plan.
    if (key?.countsAs(known)) return key.onEnd(ended);
    const timer = setTimeout(ended, 0);
    return () => clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopFollowing();
    clearInterval(this.#timer);
    for (const key of this.#keys.values()) key.stop();
    await this.#writeUse();
  }

  #recogniseAgain(text: string, connection: object | undefined): LiveKey | undefined {
    if (connection === undefined) return this.#recognise(text);
    const last = this.#last.get(connection);
    const bytes = Buffer.from(text);
    // A proxy may send keys of many on one connection.
    if (last?.bytes.length === bytes.length && timingSafeEqual(last.bytes, bytes) && !last.key.isGone)
      return last.key;
    const key = this.#recognise(text);
    if (key !== undefined) this.#last.set(connection, { bytes, key });
    return key;
  }

  /** The key that a text is, whether it counts or not. What is none by its form is looked up nowhere. */
  #recognise(text: string): LiveKey | undefined {
    const parsed = parseKey(text);
    if (parsed === undefined && !this.#mayBeImported(text)) return undefined;
    const known = this.#recognised.find(text);
    if (known !== undefined) return known;
    const key = parsed === undefined ? this.#recogniseImported(text) : this.#recogniseOwn(text, parsed.id);
    if (key !== undefined) this.#recognised.keep(text, key);
    return key;
  }

  #recogniseOwn(text: string, id: string): LiveKey | undefined {
    const key = this.#keys.get(id);
    if (key === undefined || key.isImported || !this.#peppers.has(key.pepper)) return undefined;
    return timingSafeEqual(this.#peppers.hash(key.pepper, text), key.digest) ? key : undefined;
  }

  #mayBeImported(text: string): boolean {
    return this.#imported.size > 0 && text.length <= MAX_IMPORTED_CHARACTERS && !looksLikeKey(text);
  }

  #recogniseImported(text: string): LiveKey | undefined {
    for (const { algorithm, prefix, pepper, keys } of this.#imported.values()) {
      if (!text.startsWith(prefix) || !this.#peppers.has(pepper)) continue;
      // What is looked up is a keyed hash: how long that takes says nothing about the text.
      const digest = this.#peppers.hash(pepper, importedText(algorithm, hash(algorithm, text)));
      const key = keys.get(digest.toString('base64url'));
      if (key !== undefined) return key;
    }
    return undefined;
  }

  #follow(changes: readonly RecordChange[]): void {
    const { keys, consumers, subscriptions } = this.#ledger;
    const changed = (name: string) =>
      new Set(changes.filter(({ table }) => table === name).map(({ id }) => id));
    const ids = changed(keys.name);
    const [owners, contracts] = [changed(consumers.name), changed(subscriptions.name)];
    if (owners.size + contracts.size > 0)
      for (const [id, { consumer, subscription }] of keys.all())
        if (owners.has(consumer) || contracts.has(subscription)) ids.add(id);
    for (const id of ids) this.#update(id);
  }

  #update(id: string): void {
    const kept = this.#ledger.keys.get(id);
    let key = this.#keys.get(id);
    if (kept === undefined) {
      if (key !== undefined) this.#remove(id, key);
      return;
    }
    if (key === undefined) {
      key = new LiveKey(kept, this.#now);
      this.#keys.set(id, key);
      if (kept.imported !== undefined) this.#groupOf(kept, kept.imported).keys.set(kept.digest, key);
    }
    const subscription = this.#ledger.subscriptions.get(kept.subscription);
    const consumer = this.#ledger.consumers.get(kept.consumer);
    key.become(id, kept, { consumer, subscription });
  }

  #remove(id: string, key: LiveKey): void {
    this.#keys.delete(id);
    key.isGone = true;
    this.#recognised.clear();
    for (const [name, { keys }] of this.#imported) {
      for (const [digest, other] of keys) if (other === key) keys.delete(digest);
      if (keys.size === 0) this.#imported.delete(name);
    }
    key.end();
  }

  #groupOf({ pepper }: Key, { algorithm, prefix }: NonNullable<Key['imported']>): ImportedGroup {
    const name = `${algorithm} ${pepper} ${prefix}`;
    let group = this.#imported.get(name);
    if (group === undefined) {
      group = { algorithm, prefix, pepper, keys: new Map() };
      this.#imported.set(name, group);
    }
    return group;
  }

  async #writeUse(): Promise<void> {
    if (this.#used.length === 0) return;
    const used = this.#used;
    this.#used = [];
    const times = new Map(used.map((key) => [key.known.id, key.usedAt]));
    for (const key of used) key.usedAt = 0;
    try {
      await this.#ledger.records.mark(this.#ledger.keys.name, times);
    } catch (error) {
      this.#log.debug({ reason: (error as Error).message }, 'when keys were last used was not written');
      for (const key of used) {
        // Used again meanwhile, it is in the list already.
        if (key.usedAt !== 0) continue;
        key.usedAt = times.get(key.known.id)!;
        this.#used.push(key);
      }
    }
  }
}
