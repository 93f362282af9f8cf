/** Who a request is, and whether that is enough for a rule. */
import type { KnownKey } from '../consumers/known-key.ts';
import type { KnownPlan } from '../consumers/known-plan.ts';
import { isMetBy, type Rule } from '../load/directives/auth-rule.ts';
import type { Peer } from './peer.ts';

export interface Principal {
  /** `known`: a user, or whoever has a secret key or a certificate. A key that stands in a web page says nothing of who reads the page. */
  readonly kind: 'anonymous' | 'known';
  /** Which application. */
  readonly key?: KnownKey | undefined;
  /** The key's, or the client's plan for callers without one; undefined where nothing is held to a plan. */
  readonly plan?: KnownPlan | undefined;
  /** Which certificate, of those that count at this client. */
  readonly peer?: Peer | undefined;
  /** The verified token, only where some backend gets another one in exchange for it. */
  readonly token?: string | undefined;
  /** The user's. Frozen, and without prototypes: they may be called "constructor". */
  readonly claims: Readonly<Record<string, unknown>>;
  /** The user's; without one those of the key's plan, and of the certificate. */
  readonly scopes: ReadonlySet<string>;
  /** `Date.now()` from which on it is nobody. */
  readonly expiresAt: number;
}

export const ANONYMOUS: Principal = Object.freeze({
  kind: 'anonymous',
  claims: Object.freeze(Object.create(null)) as Readonly<Record<string, unknown>>,
  scopes: new Set<string>(),
  expiresAt: Number.POSITIVE_INFINITY,
});

/** A user who comes with an application: the user's rights, under the plan of a key. */
export function userWith(user: Principal, { key, peer, plan, expiresAt }: Principal): Principal {
  return { ...user, key, peer, plan, expiresAt: Math.min(user.expiresAt, expiresAt) };
}

/** An application that is known by a key and by a certificate: the rights of both, under the plan of the key. */
export function inOne(byKey: Principal, byCertificate: Principal): Principal {
  return {
    ...byKey,
    kind: 'known',
    peer: byCertificate.peer,
    scopes: byKey.scopes.union(byCertificate.scopes),
    expiresAt: Math.min(byKey.expiresAt, byCertificate.expiresAt),
  };
}

export function isMet(rule: Rule, principal: Principal): boolean {
  return principal.kind !== 'anonymous' && isMetBy(principal.scopes, rule);
}
