/** The answers of a gateway that are given again: one memory per client, one clock of what is out of date for all. */
import { hash } from 'node:crypto';
import { BoundedCache, type CacheSize } from '../bounded-cache.ts';
import type { ResponseCacheSettings } from '../load/settings/cache-settings.ts';
import type { CacheStore } from '../store/cache-store.ts';
import { TagClock } from '../tag-clock.ts';
import { type KeptAnswer, keptAnswer } from './kept-answer.ts';
import { type OutOfDate, tagsOf } from './tags.ts';

/** What became of a request, for whoever counts. */
export type CacheOutcome = 'hit' | 'stale' | 'miss' | 'shared' | 'joined' | 'stale-on-error' | 'not-kept';

export type CacheListener = (client: string, outcome: CacheOutcome) => void;

export class ResponseCaches {
  readonly clock = new TagClock();
  readonly store: CacheStore;
  readonly #listeners: CacheListener[] = [];
  /** By client. */
  readonly #opened = new Map<string, ResponseCache>();

  constructor(store: CacheStore) {
    this.store = store;
    store.onInvalidated((tags) => (tags === undefined ? this.clock.markAll() : this.clock.mark(tags)));
  }

  /** From now on nothing that was made before is given: here at once, in other processes within a second. */
  invalidate(what: readonly OutOfDate[]): void {
    const tags = what.flatMap(tagsOf);
    if (tags.length === 0) return;
    this.clock.mark(tags);
    this.store.invalidate(tags);
  }

  open(client: string, settings: ResponseCacheSettings): ResponseCache {
    const opened = new ResponseCache(this, settings, (outcome) => {
      for (const listener of this.#listeners) listener(client, outcome);
    });
    this.#opened.set(client, opened);
    return opened;
  }

  /** How full they are, by client. */
  sizes(): ReadonlyMap<string, CacheSize> {
    return new Map([...this.#opened].map(([client, { size }]) => [client, size]));
  }

  /** Tells what became of each request that could have been answered from a cache. */
  onOutcome(listener: CacheListener): void {
    this.#listeners.push(listener);
  }
}

/** What is noted when something begins to be made: it is out of date by what is marked after that. */
export interface Beginning {
  readonly stamp: number;
  readonly revision: number;
}

/** What an entry takes beside its texts. */
const OVERHEAD_BYTES = 300;
/** Longer keys are hashed. */
const MAX_KEY_CHARACTERS = 300;

export class ResponseCache {
  readonly settings: ResponseCacheSettings;
  readonly tell: (outcome: CacheOutcome) => void;
  readonly #caches: ResponseCaches;
  readonly #kept: BoundedCache<KeptAnswer>;

  constructor(
    caches: ResponseCaches,
    settings: ResponseCacheSettings,
    tell: (outcome: CacheOutcome) => void,
  ) {
    this.settings = settings;
    this.tell = tell;
    this.#caches = caches;
    this.#kept = new BoundedCache(settings.maxBytes);
  }

  get size(): CacheSize {
    return this.#kept.size;
  }

  /** How long after its time an answer may still be of use. */
  get staleMs(): number {
    return Math.max(this.settings.staleWhileRevalidate, this.settings.staleIfError);
  }

  /** Two beginnings between which something was found out of date differ. */
  begin(): Beginning {
    return { stamp: this.#caches.clock.now, revision: this.#caches.store.revision };
  }

  /** In memory, not out of date; perhaps stale. @param keepMs how long it may be used */
  find(key: string, keepMs: number): KeptAnswer | undefined {
    const id = toId(key);
    const kept = this.#kept.get(id);
    if (kept === undefined) return undefined;
    const { clock } = this.#caches;
    if (performance.now() - kept.madeAt < keepMs && clock.isCurrent(kept.tags, kept.stamp)) {
      kept.stamp = clock.now;
      return kept;
    }
    this.#kept.delete(id);
    return undefined;
  }

  isCurrent({ tags, stamp }: KeptAnswer): boolean {
    return this.#caches.clock.isCurrent(tags, stamp);
  }

  /** In the store that processes share; kept in memory then. @param version of what the key means */
  async findShared(key: string, version: string, keepMs: number): Promise<KeptAnswer | undefined> {
    const { store, clock } = this.#caches;
    if (!store.isShared) return undefined;
    const stamp = clock.now;
    const found = await store.get(sharedKey(key, version));
    if (found === undefined) return undefined;
    const { json, tags, ageMs } = found;
    if (ageMs >= keepMs) return undefined;
    const kept = keptAnswer(json, { tags, madeAt: performance.now() - ageMs, stamp });
    return this.#hold(key, kept) ? kept : undefined;
  }

  /** Keeps an answer unless something of it was found out of date meanwhile, or it is too long. */
  keep(
    key: string,
    { json, tags }: Pick<KeptAnswer, 'json' | 'tags'>,
    {
      begun,
      version,
      keepMs,
    }: { readonly begun: Beginning; readonly version: string; readonly keepMs: number },
  ): { readonly kept: KeptAnswer; readonly isHeld: boolean } {
    const { stamp, revision } = begun;
    const kept = keptAnswer(json, { tags, madeAt: performance.now(), stamp });
    const isHeld = kept.bytes <= this.settings.maxEntryBytes && this.#hold(key, kept);
    if (isHeld && this.#caches.store.isShared) {
      this.#caches.store.set(sharedKey(key, version), { json, tags }, { revision, ttlMs: keepMs });
    }
    return { kept, isHeld };
  }

  #hold(key: string, kept: KeptAnswer): boolean {
    if (!this.#caches.clock.isCurrent(kept.tags, kept.stamp)) return false;
    const id = toId(key);
    // Two bytes for each character where there is one beyond Latin-1.
    const size = id.length + 2 * kept.bytes + 50 * kept.tags.length + OVERHEAD_BYTES;
    this.#kept.set(id, kept, size);
    return true;
  }
}

function toId(key: string): string {
  return key.length > MAX_KEY_CHARACTERS ? hash('sha256', key, 'base64url') : key;
}

/** Nothing of a request can be read from it. */
function sharedKey(key: string, version: string): string {
  return hash('sha256', JSON.stringify([version, key]), 'base64url');
}
