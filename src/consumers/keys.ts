/** Keys of consumers. Each is made under an approved subscription, and shown once. */
import type { HemError } from '../errors.ts';
import { looksLikeKey, makeKey, parseKey } from './key-format.ts';
import type { KeyRules, KeyWish } from './key-rules.ts';
import type { KeyView } from './key-view.ts';
import type { Key, Ledger } from './ledger.ts';
import { conflict, notFound, unfit } from './refusals.ts';
import type { Secrets } from './secrets.ts';

/** Enough to change a key wherever it stands, where nobody says how long that takes. */
export const DEFAULT_OVERLAP_MS = 10 * 60_000;

export interface RotateWish {
  /** For how long the key before still counts. */
  readonly overlapMs: number;
  /** Unless given, the new one lives as long as the one before was to. */
  readonly expiresAt?: number | undefined;
}

export interface MadeKey {
  readonly id: string;
  /** The key itself. It is kept nowhere. */
  readonly key: string;
  readonly view: KeyView;
}

export class Keys {
  readonly #ledger: Ledger;
  readonly #secrets: Secrets;
  readonly #rules: KeyRules;

  constructor(ledger: Ledger, { secrets, rules }: { readonly secrets: Secrets; readonly rules: KeyRules }) {
    this.#ledger = ledger;
    this.#secrets = secrets;
    this.#rules = rules;
  }

  /** @throws {HemError} NOT_FOUND, CONFLICT without an approved subscription, BAD_REQUEST */
  create(wish: KeyWish, by: 'operator' | 'consumer'): Promise<MadeKey> {
    const { environment = 'live', origins } = wish;
    const { id, text } = makeKey(environment);
    return this.#ledger.change(() => {
      const key: Key = {
        ...this.#rules.begin(wish, by),
        environment,
        ...this.#secrets.keep(text),
        ...(origins === undefined ? {} : { publishable: { origins: origins.map(toOrigin), text } }),
      };
      const writes = [
        this.#ledger.keys.put(id, key),
        ...this.#rules.forgotten(wish.consumer),
        ...this.#secrets.vouch(),
      ];
      return { writes, result: { id, key: text, view: this.#rules.viewOf(id, key) } };
    });
  }

  /**
   * Makes a new key in its place, and lets the one before count for a while. A key is rotated once: of two who try, one is told so.
   * @param consumer the only one whose it may be
   */
  async rotate(id: string, { overlapMs, expiresAt }: RotateWish, consumer?: string): Promise<MadeKey> {
    const { environment } = this.#get(id, consumer);
    const made = makeKey(environment);
    return this.#ledger.change(() => {
      const before = this.#get(id, consumer);
      const now = this.#ledger.now();
      // What was put in its place, and then revoked, is in nobody's place.
      const other = before.replacedBy === undefined ? undefined : this.#ledger.keys.get(before.replacedBy);
      if (other !== undefined && other.revokedAt === undefined)
        throw conflict(`The key ${id} was rotated before: ${before.replacedBy} is in its place.`);
      const state = this.#rules.stateOf(before);
      if (state !== 'active') throw conflict(`The key ${id} is ${state}: it cannot be rotated.`);
      this.#rules.checkRoomToRotate(before.consumer, consumer === undefined ? 'operator' : 'consumer');
      const { expiresAt: end, publishable, imported: _foreign, replacedBy: _revoked, ...same } = before;
      // Since it was rotated it only has until the cut-off: how long it was to live, the one that was in its place knows.
      const lived = other ?? before;
      const newEnd =
        expiresAt ?? (lived.expiresAt === undefined ? undefined : now + lived.expiresAt - lived.createdAt);
      const key: Key = {
        ...same,
        createdAt: now,
        replaces: id,
        ...this.#secrets.keep(made.text),
        ...(newEnd === undefined ? {} : { expiresAt: newEnd }),
        ...(publishable === undefined ? {} : { publishable: { ...publishable, text: made.text } }),
      };
      const ended = { ...before, replacedBy: made.id, expiresAt: Math.min(end ?? Infinity, now + overlapMs) };
      const writes = [
        this.#ledger.keys.put(id, ended),
        this.#ledger.keys.put(made.id, key),
        ...this.#rules.forgotten(before.consumer),
        ...this.#secrets.vouch(),
      ];
      return { writes, result: { id: made.id, key: made.text, view: this.#rules.viewOf(made.id, key) } };
    });
  }

  /** At once, for good. Again does no harm. @param consumer the only one whose it may be */
  revoke(id: string, consumer?: string): Promise<KeyView> {
    return this.#ledger.change(() => {
      const key = this.#get(id, consumer);
      if (key.revokedAt !== undefined) return { writes: [], result: this.#rules.viewOf(id, key) };
      const revoked = { ...key, revokedAt: this.#ledger.now() };
      return { writes: [this.#ledger.keys.put(id, revoked)], result: this.#rules.viewOf(id, revoked) };
    });
  }

  /** With when each was last used, as far as that is known. @throws {HemError} NOT_FOUND for a consumer or plan that is not there */
  async list(
    filter: { readonly consumer?: string | undefined; readonly plan?: string | undefined } = {},
  ): Promise<readonly KeyView[]> {
    this.#rules.checkNames(filter);
    const used = await this.#ledger.records
      .marks(this.#ledger.keys.name)
      .catch(() => new Map<string, number>());
    return this.#ledger.keys
      .all()
      .map(([id, key]) => this.#rules.viewOf(id, key, used.get(id)))
      .filter(
        ({ consumer, plan }) => (filter.consumer ?? consumer) === consumer && (filter.plan ?? plan) === plan,
      )
      .sort((a, b) =>
        a.createdAt === b.createdAt ? (a.id < b.id ? -1 : 1) : a.createdAt < b.createdAt ? -1 : 1,
      );
  }

  /** @param consumer the only one whose it may be. @throws {HemError} NOT_FOUND */
  async show(id: string, consumer?: string): Promise<KeyView> {
    const owner = this.#get(id, consumer).consumer;
    return (await this.list({ consumer: owner })).find((view) => view.id === id)!;
  }

  #get(id: string, consumer?: string): Key {
    const key = this.#ledger.keys.get(id);
    if (looksLikeKey(id)) throw wholeKey(id);
    if (key === undefined || (consumer ?? key.consumer) !== key.consumer) throw notFound('key', id);
    return key;
  }
}

const ORIGIN = /^https?:\/\/(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d+)?$/;

/** Where a name was wanted. It is not repeated: answers and terminals are kept. */
function wholeKey(text: string): HemError {
  const id = parseKey(text)?.id;
  const name = id === undefined ? 'what stands between its second and third "_"' : `"${id}"`;
  return unfit(
    `A key is called by its public part, ${name}; the whole of it belongs into no command and no address.`,
  );
}

/** @throws {HemError} BAD_REQUEST */
function toOrigin(text: string): string {
  const url = URL.parse(text);
  if (url === null || !ORIGIN.test(url.origin) || url.origin !== text.toLowerCase())
    throw unfit(`An origin is written as in "https://app.example.com"; "${text.slice(0, 80)}" is not.`);
  return url.origin;
}
