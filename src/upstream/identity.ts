/** How a backend is told who calls: one of the ways that `identity` of connector.yml can name. */
import type { CallContext } from '../call-context.ts';
import type { CommonSettings } from '../connectors/settings.ts';
import type { PublicJwk } from '../connectors/signing-key.ts';
import { IdentityHeaders } from './identity-headers.ts';
import { SignedToken } from './signed-token.ts';
import { TokenExchange } from './token-exchange.ts';

export type IdentityContext = Pick<CallContext, 'principal' | 'address' | 'cancellation' | 'deadlineAt'>;
export type HeaderValues = Readonly<Record<string, string>>;

export interface Identity extends AsyncDisposable {
  /**
   * Lower-case names; none for callers of whom there is nothing to say. A promise only while something is being made.
   * @throws {HemError} BAD_ARGUMENT, or what asking for a token failed with
   */
  headers(context: IdentityContext): HeaderValues | Promise<HeaderValues>;
  /** The backend refused what this caller had. */
  forget(context: Pick<CallContext, 'principal'>): void;
  /** What was got for this caller and no settings know: a backend may repeat it. */
  obtained?(context: Pick<CallContext, 'principal'>): readonly string[];
  /** Backends check by it what Hem signs. */
  readonly publicJwk?: PublicJwk | undefined;
}

/** Undefined where backends are told nothing, or read the caller's own token. */
export function openIdentity(connector: string, settings: CommonSettings): Identity | undefined {
  const { identity } = settings;
  if (identity === 'none' || identity === 'forward') return undefined;
  if ('headers' in identity) return new IdentityHeaders(identity.headers);
  if ('token' in identity) return new SignedToken(connector, identity.token);
  return new TokenExchange(connector, identity.exchange, settings);
}
