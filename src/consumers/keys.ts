/** Keys of consumers. Each is made under an approved subscription, and shown once. */
import type { RecordWrite } from '../store/record-store.ts';
import type { Consumers } from './consumers.ts';
import { looksLikeKey, makeKey, randomId } from './key-format.ts';
import { type KeyView, keyView, stateOf } from './key-view.ts';
import type { ImportAlgorithm, Key, Ledger } from './ledger.ts';
import type { PlanVersions } from './plan-versions.ts';
import { conflict, notFound, unfit } from './refusals.ts';
import { importedText, type Secrets } from './secrets.ts';
import type { Subscriptions } from './subscriptions.ts';

/** That count at the same time, of one consumer. */
const MAX_ACTIVE = 1000;
/** Of one consumer that makes them itself. */
const MAX_OWN_ACTIVE = 50;
/** That ended; beyond it the oldest are forgotten. */
const MAX_ENDED = 500;
const MAX_PREFIXES = 32;

export interface KeyWish {
  readonly consumer: string;
  readonly plan: string;
  readonly environment?: 'live' | 'test' | undefined;
  readonly label?: string | undefined;
  /** All that the plan grants, unless given. */
  readonly clients?: readonly string[] | undefined;
  readonly expiresAt?: number | undefined;
  /** For keys that stand in web pages: of which origins. */
  readonly origins?: readonly string[] | undefined;
}

export interface ImportWish extends Omit<KeyWish, 'origins'> {
  readonly algorithm: ImportAlgorithm;
  /** In hexadecimal. */
  readonly hash: string;
  /** What texts of such keys begin with; of others no hash is computed. */
  readonly prefix?: string | undefined;
}

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

/** Who makes it, and under which subscription. */
interface Maker {
  readonly subscription: string;
  readonly by: 'operator' | 'consumer';
}

const HEX_DIGITS: Readonly<Record<ImportAlgorithm, number>> = { sha256: 64, sha384: 96, sha512: 128 };

export class Keys {
  readonly #ledger: Ledger;
  readonly #secrets: Secrets;
  readonly #consumers: Consumers;
  readonly #plans: PlanVersions;
  readonly #subscriptions: Subscriptions;

  constructor(
    ledger: Ledger,
    parts: {
      readonly secrets: Secrets;
      readonly consumers: Consumers;
      readonly plans: PlanVersions;
      readonly subscriptions: Subscriptions;
    },
  ) {
    this.#ledger = ledger;
    this.#secrets = parts.secrets;
    this.#consumers = parts.consumers;
    this.#plans = parts.plans;
    this.#subscriptions = parts.subscriptions;
  }

  /** @throws {HemError} NOT_FOUND, CONFLICT without an approved subscription, BAD_REQUEST */
  create(wish: KeyWish, by: 'operator' | 'consumer'): Promise<MadeKey> {
    const { environment = 'live', origins } = wish;
    const { id, text } = makeKey(environment);
    return this.#ledger.change(() => {
      const key: Key = {
        ...this.#begin(wish, by),
        environment,
        ...this.#secrets.keep(text),
        ...(origins === undefined ? {} : { publishable: { origins: origins.map(toOrigin), text } }),
      };
      const writes = [
        this.#ledger.keys.put(id, key),
        ...this.#forgotten(wish.consumer),
        ...this.#secrets.vouch(),
      ];
      return { writes, result: { id, key: text, view: this.#view(id, key) } };
    });
  }

  /** A key that another system made, by its hash: who has it presents it as before. @throws {HemError} as `create` */
  import(wish: ImportWish): Promise<KeyView> {
    const { algorithm, prefix = '', environment = 'live' } = wish;
    const hash = wish.hash.toLowerCase();
    if (!/^[0-9a-f]*$/.test(hash) || hash.length !== HEX_DIGITS[algorithm])
      throw unfit(`A hash of ${algorithm} has ${HEX_DIGITS[algorithm]} hexadecimal digits; this has not.`);
    if (looksLikeKey(prefix)) throw unfit('Keys that begin with "hem_" are made here, and not imported.');
    const id = randomId();
    return this.#ledger.change(() => {
      const secret = this.#secrets.keep(importedText(algorithm, hash));
      const imports = this.#ledger.keys.all().filter(([, { imported }]) => imported !== undefined);
      const same = imports.find(
        ([, key]) =>
          key.imported?.algorithm === algorithm && this.#secrets.matches(key, importedText(algorithm, hash)),
      );
      if (same !== undefined) throw conflict(`This hash was imported before, as the key ${same[0]}.`);
      const prefixes = new Set(
        imports.map(([, { imported }]) => `${imported!.algorithm} ${imported!.prefix}`),
      );
      if (!prefixes.has(`${algorithm} ${prefix}`) && prefixes.size >= MAX_PREFIXES)
        throw conflict(
          `Imported keys have ${MAX_PREFIXES} different prefixes already; a shorter one may fit several.`,
        );
      const key: Key = {
        ...this.#begin(wish, 'operator'),
        environment,
        ...secret,
        imported: { algorithm, prefix },
      };
      const writes = [this.#ledger.keys.put(id, key), ...this.#secrets.vouch()];
      return { writes, result: this.#view(id, key) };
    });
  }

  /**
   * Makes a new key in its place, and lets the one before count for a while. A key is rotated once: of two who try, one is told so.
   * @param consumer the only one whose it may be
   */
  rotate(id: string, { overlapMs, expiresAt }: RotateWish, consumer?: string): Promise<MadeKey> {
    const { environment } = this.#get(id, consumer);
    const made = makeKey(environment);
    return this.#ledger.change(() => {
      const before = this.#get(id, consumer);
      const now = this.#ledger.now();
      if (before.replacedBy !== undefined)
        throw conflict(`The key ${id} was rotated before: ${before.replacedBy} is in its place.`);
      const state = this.#state(before);
      if (state !== 'active') throw conflict(`The key ${id} is ${state}: it cannot be rotated.`);
      const { expiresAt: end, publishable, imported: _foreign, ...same } = before;
      const newEnd = expiresAt ?? (end === undefined ? undefined : now + end - before.createdAt);
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
        ...this.#secrets.vouch(),
      ];
      return { writes, result: { id: made.id, key: made.text, view: this.#view(made.id, key) } };
    });
  }

  /** At once, for good. Again does no harm. @param consumer the only one whose it may be */
  revoke(id: string, consumer?: string): Promise<KeyView> {
    return this.#ledger.change(() => {
      const key = this.#get(id, consumer);
      if (key.revokedAt !== undefined) return { writes: [], result: this.#view(id, key) };
      const revoked = { ...key, revokedAt: this.#ledger.now() };
      return { writes: [this.#ledger.keys.put(id, revoked)], result: this.#view(id, revoked) };
    });
  }

  /** With when each was last used, as far as that is known. */
  async list(
    filter: { readonly consumer?: string | undefined; readonly plan?: string | undefined } = {},
  ): Promise<readonly KeyView[]> {
    const used = await this.#ledger.records
      .marks(this.#ledger.keys.name)
      .catch(() => new Map<string, number>());
    return this.#ledger.keys
      .all()
      .map(([id, key]) => this.#view(id, key, used.get(id)))
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

  /** What every new key has. */
  #begin(wish: Omit<KeyWish, 'origins'>, by: Maker['by']) {
    const { consumer, plan, label, clients, expiresAt } = wish;
    const { suspendedAt } = this.#consumers.get(consumer);
    if (suspendedAt !== undefined) throw conflict(`The consumer "${consumer}" is suspended.`);
    this.#plans.known(plan);
    const [subscription, { state, planVersion } = {}] = this.#subscriptions.current(consumer, plan) ?? [];
    if (subscription === undefined || state !== 'approved')
      throw conflict(
        state === 'pending'
          ? `The subscription ${subscription} of "${consumer}" to "${plan}" waits for approval.`
          : `"${consumer}" has no subscription to "${plan}".`,
      );
    const granted = this.#plans.settingsOf(plan, planVersion!)?.clients ?? [];
    for (const client of clients ?? [])
      if (!granted.includes(client)) throw notFound(`client in the plan "${plan}":`, client, granted);
    const now = this.#ledger.now();
    if (expiresAt !== undefined && expiresAt <= now) throw unfit('A key cannot expire before it is made.');
    const active = this.#ledger.keys
      .all()
      .filter(([, key]) => key.consumer === consumer && this.#state(key) === 'active');
    const most = by === 'operator' ? MAX_ACTIVE : MAX_OWN_ACTIVE;
    if (active.length >= most)
      throw conflict(`"${consumer}" has ${active.length} keys that count: revoke one before making another.`);
    return {
      consumer,
      subscription,
      createdAt: now,
      ...(label === undefined ? {} : { label }),
      ...(clients === undefined ? {} : { clients }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
  }

  #forgotten(consumer: string): readonly RecordWrite[] {
    const ended = this.#ledger.keys
      .all()
      .filter(([, key]) => key.consumer === consumer && ['revoked', 'expired'].includes(this.#state(key)))
      .sort(([, a], [, b]) => a.createdAt - b.createdAt);
    return ended
      .slice(0, Math.max(0, ended.length - MAX_ENDED))
      .slice(0, 10)
      .map(([id, key]) => ({ ...this.#ledger.keys.put(id, key), value: undefined }));
  }

  #get(id: string, consumer?: string): Key {
    const key = this.#ledger.keys.get(id);
    if (key === undefined || (consumer ?? key.consumer) !== key.consumer) throw notFound('key', id);
    return key;
  }

  #state(key: Key): KeyView['state'] {
    return stateOf(key, {
      consumer: this.#ledger.consumers.get(key.consumer),
      subscription: this.#ledger.subscriptions.get(key.subscription),
      now: this.#ledger.now(),
    });
  }

  #view(id: string, key: Key, usedAt?: number): KeyView {
    const subscription = this.#ledger.subscriptions.get(key.subscription);
    return keyView(id, key, { subscription, state: this.#state(key), usedAt });
  }
}

/** @throws {HemError} BAD_REQUEST */
function toOrigin(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.origin !== text.toLowerCase())
    throw unfit(`An origin is written as in "https://app.example.com"; "${text.slice(0, 80)}" is not.`);
  return url.origin;
}
