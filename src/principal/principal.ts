/** Who a request is, and whether that is enough for a rule. */
import type { KnownKey } from '../consumers/known-key.ts';
import type { Rule } from '../load/auth-rule.ts';
import type { Peer } from './peer.ts';

export interface Principal {
  readonly kind: 'anonymous' | 'known';
  /** Which application, under which plan. */
  readonly key?: KnownKey | undefined;
  /** Which certificate, of those that count at this client. */
  readonly peer?: Peer | undefined;
  /** The verified token, only where some backend gets another one in exchange for it. */
  readonly token?: string | undefined;
  /** Frozen, and without prototypes: they may be called "constructor". */
  readonly claims: Readonly<Record<string, unknown>>;
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

export function isMet({ scopes }: Rule, principal: Principal): boolean {
  return (
    principal.kind !== 'anonymous' &&
    scopes.every((alternatives) =>
      alternatives.some((all) => all.every((scope) => principal.scopes.has(scope))),
    )
  );
}
