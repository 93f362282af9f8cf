/** Keys as lists show them. */
import type { Consumer, Key, Subscription } from './ledger.ts';
import { refusalOf } from './live-key.ts';

export type KeyState = 'active' | 'revoked' | 'expired' | 'cancelled' | 'suspended';

export interface KeyView {
  readonly id: string;
  readonly consumer: string;
  readonly plan: string;
  readonly planVersion: number;
  readonly subscription: string;
  readonly kind: 'secret' | 'publishable' | 'imported';
  readonly environment: 'live' | 'test';
  readonly label: string | null;
  /** Null: all that the plan grants. */
  readonly clients: readonly string[] | null;
  readonly origins: readonly string[] | null;
  readonly state: KeyState;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly lastUsedAt: string | null;
  readonly replacedBy: string | null;
  readonly replaces: string | null;
  /** The version of the one that it was hashed with. */
  readonly pepper: string;
  /** Of publishable ones, which are no secret. */
  readonly key?: string;
}

interface Surroundings {
  readonly consumer: Consumer | undefined;
  readonly subscription: Subscription | undefined;
  readonly now: number;
}

/** Whether it counts, or why not. */
export function stateOf(key: Key, { consumer, subscription, now }: Surroundings): KeyState {
  const isOver = key.expiresAt !== undefined && key.expiresAt <= now;
  const refusal = refusalOf(key, { consumer, subscription });
  return refusal === 'revoked' || !isOver ? (refusal ?? 'active') : 'expired';
}

export function keyView(
  id: string,
  key: Key,
  facts: {
    readonly subscription: Subscription | undefined;
    readonly state: KeyState;
    readonly usedAt: number | undefined;
  },
): KeyView {
  const { subscription, state, usedAt } = facts;
  const { publishable, imported } = key;
  return {
    id,
    consumer: key.consumer,
    plan: subscription?.plan ?? '',
    planVersion: subscription?.planVersion ?? 0,
    subscription: key.subscription,
    kind: publishable !== undefined ? 'publishable' : imported !== undefined ? 'imported' : 'secret',
    environment: key.environment,
    label: key.label ?? null,
    clients: key.clients ?? null,
    origins: publishable?.origins ?? null,
    state,
    createdAt: new Date(key.createdAt).toISOString(),
    expiresAt: toTime(key.expiresAt),
    revokedAt: toTime(key.revokedAt),
    lastUsedAt: toTime(usedAt),
    replacedBy: key.replacedBy ?? null,
    replaces: key.replaces ?? null,
    pepper: key.pepper,
    ...(publishable === undefined ? {} : { key: publishable.text }),
  };
}

function toTime(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}
