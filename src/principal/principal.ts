/** Who a request is, and whether that is enough for a rule. */
import type { KnownKey } from '../consumers/known-key.ts';
import type { KnownPlan } from '../consumers/known-plan.ts';
import type { Rule } from '../load/auth-rule.ts';

export interface Principal {
  /** `known`: a user, or whoever has a secret key. A key that stands in a web page says nothing of who reads the page. */
  readonly kind: 'anonymous' | 'known';
  /** Which application. */
  readonly key?: KnownKey | undefined;
  /** The key's, or the client's plan for callers without one; undefined where nothing is held to a plan. */
  readonly plan?: KnownPlan | undefined;
  /** The user's. Frozen, and without prototypes: they may be called "constructor". */
  readonly claims: Readonly<Record<string, unknown>>;
  /** The user's; without one those of the key's plan. */
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

/** A user who comes with an application: the user's rights, under the key's plan. */
export function withKey(user: Principal, holder: Principal): Principal {
  return {
    kind: user.kind,
    key: holder.key,
    plan: holder.plan,
    claims: user.claims,
    scopes: user.scopes,
    expiresAt: Math.min(user.expiresAt, holder.expiresAt),
  };
}

export function isMet({ scopes }: Rule, principal: Principal): boolean {
  return (
    principal.kind !== 'anonymous' &&
    scopes.every((alternatives) =>
      alternatives.some((all) => all.every((scope) => principal.scopes.has(scope))),
    )
  );
}
