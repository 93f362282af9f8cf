/** One key in the table of a process. */
import type { KeyEnd, KnownKey } from './known-key.ts';
import type { Consumer, Key, Subscription } from './ledger.ts';

/** The clock may be set: what waits for a time looks at it anew now and then. */
const LOOK_AGAIN_MS = 60_000;

export class LiveKey {
  readonly digest: Buffer;
  readonly pepper: string;
  readonly isImported: boolean;
  /** Set by `become`. */
  known!: KnownKey;
  refusal: Exclude<KeyEnd, 'expired' | 'rotated'> | undefined;
  /** What it is called once its time is over. */
  atItsEnd: 'expired' | 'rotated' = 'expired';
  /** 0: not since that was last written. */
  usedAt = 0;
  /** Nobody knows it any more. */
  isGone = false;
  readonly #now: () => number;
  readonly #listeners = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ digest, pepper, imported }: Key, now: () => number) {
    this.digest = Buffer.from(digest, 'base64url');
    this.pepper = pepper;
    this.isImported = imported !== undefined;
    this.#now = now;
  }

  /** Takes over what has changed; those who wait for its end learn of it. */
  become(
    id: string,
    key: Key,
    {
      consumer,
      subscription,
    }: { readonly consumer: Consumer | undefined; readonly subscription: Subscription | undefined },
  ): void {
    const before: KnownKey | undefined = this.known;
    this.refusal = refusalOf(key, { consumer, subscription });
    this.atItsEnd = key.replacedBy === undefined ? 'expired' : 'rotated';
    this.known = Object.freeze<KnownKey>({
      id,
      consumer: key.consumer,
      subscription: key.subscription,
      plan: subscription?.plan ?? '',
      planVersion: subscription?.planVersion ?? 0,
      environment: key.environment,
      clients: key.clients,
      origins: key.publishable?.origins,
      expiresAt: key.expiresAt ?? Number.POSITIVE_INFINITY,
    });
    if (this.#listeners.size === 0) return;
    // Who was let in under another plan would keep what that granted for as long as it stays.
    if (this.refusal !== undefined || before === undefined || !this.countsAs(before)) this.end();
    else this.#wait();
  }

  /** Whether it grants what it did when it was known as this. */
  countsAs({ plan, planVersion }: KnownKey): boolean {
    return this.known.plan === plan && this.known.planVersion === planVersion;
  }

  /** @returns what stops listening */
  onEnd(ended: () => void): () => void {
    this.#listeners.add(ended);
    this.#wait();
    return () => {
      this.#listeners.delete(ended);
      if (this.#listeners.size === 0) this.stop();
    };
  }

  /** It has ended. */
  end(): void {
    this.stop();
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const ended of listeners) ended();
  }

  /** No timer is left. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** One timer per key that somebody waits for, however many they are. */
  #wait(): void {
    this.stop();
    const left = this.refusal !== undefined ? 0 : this.known.expiresAt - this.#now();
    if (left === Number.POSITIVE_INFINITY) return;
    this.#timer =
      left <= 0
        ? setTimeout(() => this.end(), 0)
        : setTimeout(() => this.#wait(), Math.min(Math.ceil(left), LOOK_AGAIN_MS));
    this.#timer.unref();
  }
}

/** Why it does not count, whatever time it is; undefined where it does. */
export function refusalOf(
  key: Key,
  {
    consumer,
    subscription,
  }: { readonly consumer: Consumer | undefined; readonly subscription: Subscription | undefined },
): LiveKey['refusal'] {
  if (key.revokedAt !== undefined) return 'revoked';
  if (subscription?.state === 'cancelled') return 'cancelled';
  const counts =
    consumer !== undefined && consumer.suspendedAt === undefined && subscription?.state === 'approved';
  return counts ? undefined : 'suspended';
}
