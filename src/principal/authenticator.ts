/** Who a caller of one client is: which application by its key or certificate, which user by a token. A request may carry all of them. */
import type { Logger } from 'pino';
import type { KnownPlan } from '../consumers/known-plan.ts';
import type { ClientAuth } from '../load/checks/auth.ts';
import { type CertificateHolders, holdersOf } from './certificate-holders.ts';
import type { Credentials } from './credentials.ts';
import { onEnd } from './expiry.ts';
import { missing, NO_CERTIFICATE, Unauthenticated } from './failures.ts';
import { KeptPairs } from './kept-pairs.ts';
import { KeyHolders, type Keys } from './key-holders.ts';
import type { Keyring } from './keyring.ts';
import { ANONYMOUS, inOne, type Principal, userWith } from './principal.ts';
import { TokenVerifier } from './token-verifier.ts';

export interface AuthenticatorOptions {
  /** The client's name. */
  readonly client: string;
  readonly keyring: Keyring;
  readonly keys: Keys;
  /** Of callers without a key. */
  readonly plan: KnownPlan | undefined;
  /** Whether some connector has to see the callers' tokens. */
  readonly handsTokensOn: boolean;
  readonly log: Logger;
}

export class Authenticator {
  readonly auth: ClientAuth;
  readonly #keys: Keys;
  readonly #keyHolders: KeyHolders | undefined;
  readonly #certificateHolders: CertificateHolders | undefined;
  readonly #tokens: TokenVerifier | undefined;
  readonly #anonymous: Principal;
  readonly #handsOn: boolean;
  readonly #users = new KeptPairs(userWith);
  readonly #applications = new KeptPairs(inOne);

  constructor(auth: ClientAuth, options: AuthenticatorOptions) {
    const { client, keys, plan, handsTokensOn } = options;
    this.auth = auth;
    this.#keys = keys;
    this.#keyHolders =
      auth.keys === undefined ? undefined : new KeyHolders(client, auth.keys.publishable, keys);
    this.#certificateHolders = auth.certificates && holdersOf(auth.certificates, plan);
    this.#tokens = auth.jwt === undefined ? undefined : new TokenVerifier(auth.jwt, plan, options);
    this.#anonymous = plan === undefined ? ANONYMOUS : Object.freeze({ ...ANONYMOUS, plan });
    this.#handsOn = handsTokensOn;
  }

  /**
   * A promise only for a token that was not seen lately, or a key of which this process has not heard.
   * @throws {HemError} UNAUTHENTICATED, AUTH_UNAVAILABLE, FORBIDDEN when the key's plan does not grant the client
   */
  authenticate(credentials: Credentials): Principal | Promise<Principal> {
    try {
      return this.#authenticate(credentials);
    } catch (error) {
      const { key } = credentials;
      const isKeyRefused = error instanceof Unauthenticated && error.error === 'invalid_key';
      const catchingUp = isKeyRefused && key !== undefined ? this.#keys.table.catchUp(key) : undefined;
      if (catchingUp === undefined) throw error;
      return catchingUp.then(() => this.#authenticate(credentials));
    }
  }

  #authenticate(credentials: Credentials): Principal | Promise<Principal> {
    const { auth } = this;
    const { token } = credentials;
    const application = this.#applicationOf(credentials);
    if (token === undefined || this.#tokens === undefined) {
      if (auth.jwt?.required === true) throw missing(auth, credentials);
      if (application !== undefined) return application;
      if (auth.anonymous) return this.#anonymous;
      throw missing(auth, credentials);
    }
    const user = this.#tokens.userOf(token);
    if (application === undefined && !this.#handsOn) return user;
    return user instanceof Promise
      ? user.then((known) => this.#compose(known, application, token))
      : this.#compose(user, application, token);
  }

  /** Calls once the token has expired, or the key has ended. @returns what stops waiting for it */
  onEnd(principal: Principal | undefined, ended: (why: string) => void): () => void {
    return onEnd(principal, this.#keys.table, ended);
  }

  /** Tokens are not kept, so who has one on him is made for each request. */
  #compose(user: Principal, application: Principal | undefined, token: string): Principal {
    const principal = application === undefined ? user : this.#users.get(user, application);
    return this.#handsOn ? Object.freeze({ ...principal, token }) : principal;
  }

  /** Undefined without a key and without a certificate that counts. */
  #applicationOf(credentials: Credentials): Principal | undefined {
    const { key, origin, peer, connection } = credentials;
    const { certificates, keys } = this.auth;
    const byCertificate = peer && this.#certificateHolders?.find(peer);
    if (byCertificate === undefined && certificates?.required === true)
      throw new Unauthenticated(NO_CERTIFICATE);
    const byKey = key === undefined ? undefined : this.#keyHolders?.find(key, { origin, connection });
    if (byKey === undefined && keys?.required === true) throw missing(this.auth, credentials);
    return byKey !== undefined && byCertificate !== undefined
      ? this.#applications.get(byKey, byCertificate)
      : (byKey ?? byCertificate);
  }
}
