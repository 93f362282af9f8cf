/** Who a caller of one client is: which application by its key, which user by a token. A request may carry both. */
import type { Logger } from 'pino';
import type { KnownPlan } from '../consumers/known-plan.ts';
import type { ClientAuth } from '../load/auth.ts';
import type { Credentials } from './credentials.ts';
import { onEnd } from './expiry.ts';
import { missing } from './failures.ts';
import { KeyHolders, type Keys } from './key-holders.ts';
import type { Keyring } from './keyring.ts';
import { ANONYMOUS, type Principal, withKey } from './principal.ts';
import { TokenVerifier } from './token-verifier.ts';

export interface AuthenticatorOptions {
  /** The client's name. */
  readonly client: string;
  readonly keyring: Keyring;
  readonly keys: Keys;
  /** Of callers without a key. */
  readonly plan: KnownPlan | undefined;
  readonly log: Logger;
}

export class Authenticator {
  readonly auth: ClientAuth;
  readonly #keys: Keys;
  readonly #holders: KeyHolders | undefined;
  readonly #tokens: TokenVerifier | undefined;
  readonly #anonymous: Principal;

  constructor(auth: ClientAuth, options: AuthenticatorOptions) {
    const { client, keys, plan } = options;
    this.auth = auth;
    this.#keys = keys;
    this.#holders = auth.keys === undefined ? undefined : new KeyHolders(client, auth.keys.publishable, keys);
    this.#tokens = auth.jwt === undefined ? undefined : new TokenVerifier(auth.jwt, plan, options);
    this.#anonymous = plan === undefined ? ANONYMOUS : Object.freeze({ ...ANONYMOUS, plan });
  }

  /**
   * A promise only for a token that was not seen lately.
   * @throws {HemError} UNAUTHENTICATED, AUTH_UNAVAILABLE, FORBIDDEN when the key's plan does not grant the client
   */
  authenticate({ token, key, origin }: Credentials): Principal | Promise<Principal> {
    const { auth } = this;
    const holder = key === undefined ? undefined : this.#holders?.find(key, origin);
    if (holder === undefined && auth.keys?.required === true) throw missing(auth);
    if (token === undefined || this.#tokens === undefined) {
      if (auth.jwt?.required === true) throw missing(auth);
      if (holder !== undefined) return holder;
      if (auth.anonymous) return this.#anonymous;
      throw missing(auth);
    }
    const user = this.#tokens.userOf(token);
    if (holder === undefined) return user;
    return user instanceof Promise ? user.then((known) => withKey(known, holder)) : withKey(user, holder);
  }

  /** Calls once the token has expired, or the key has ended. @returns what stops waiting for it */
  onEnd(principal: Principal | undefined, ended: (why: string) => void): () => void {
    return onEnd(principal, this.#keys.table, ended);
  }
}
