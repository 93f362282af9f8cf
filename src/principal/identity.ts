/** Who asks, as a text: the part of every cache's key that keeps what belongs to one caller from all others. */
import { hash } from 'node:crypto';
import type { Principal } from './principal.ts';

/** Claims of a token that say nothing of its owner: a new token is the same caller. */
const OF_THE_TOKEN: ReadonlySet<string> = new Set(['exp', 'iat', 'nbf', 'jti']);

/** What of a caller an answer may depend on. Found out once per operation. */
export interface Dependence {
  /** On who it is: claims, scopes, key, peer. */
  readonly principal: boolean;
  /** On where it is. */
  readonly address: boolean;
  /** On headers that travel on to backends; lower-case names, sorted. */
  readonly headers: readonly string[];
}

interface Caller {
  readonly principal?: Principal | undefined;
  readonly address?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** Equal exactly for callers between whom nothing differs that an answer depends on. */
export function fingerprintOf(caller: Caller, { principal, address, headers }: Dependence): string {
  const who = principal && caller.principal !== undefined ? identityOf(caller.principal) : '';
  if (headers.length === 0 && !address) return who;
  return hash(
    'sha256',
    JSON.stringify([
      who,
      address ? (caller.address ?? null) : null,
      headers.map((name) => caller.headers[name] ?? null),
    ]),
    'base64url',
  );
}

const known = new WeakMap<Principal, string>();

/** Equal for equal principals, whichever token they came with. Covers all that a principal has but its end. */
export function identityOf(principal: Principal): string {
  const earlier = known.get(principal);
  if (earlier !== undefined) return earlier;
  const { expiresAt: _end, claims, plan, ...rest } = principal;
  const lasting = Object.entries(claims).filter(([name]) => !OF_THE_TOKEN.has(name));
  const identity = hash(
    'sha256',
    JSON.stringify([sorted(rest), sorted(lasting), plan?.name, plan?.version]),
    'base64url',
  );
  known.set(principal, identity);
  return identity;
}

/** Whether nothing at all is known of a caller. */
export function isNobody(principal: Principal | undefined): boolean {
  return principal === undefined || (principal.kind === 'anonymous' && principal.key === undefined);
}

/** Plain data in which equal content is in equal order. Objects become lists, so that no name can mean anything. */
function sorted(value: unknown): unknown {
  if (value instanceof Set) return [...value].sort();
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value ?? null;
  return Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([name, inner]) => [name, sorted(inner)])
    .sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1));
}
