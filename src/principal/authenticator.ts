/** Who a caller of one client is, by the token and the certificate that came along. */
import { jwtVerify } from 'jose';
import type { Logger } from 'pino';
import { HemError } from '../errors.ts';
import type { ClientAuth, Issuer, KeyLocation } from '../load/auth.ts';
import { type CertificateHolders, holdersOf } from './certificate-holders.ts';
import { NO_CERTIFICATE, NO_TOKEN, notValid, Unauthenticated } from './failures.ts';
import { type KeySource, keysAtHand, secretKey } from './key-source.ts';
import type { Peer } from './peer.ts';
import { ANONYMOUS, type Principal } from './principal.ts';
import { RemoteKeys } from './remote-keys.ts';
import { readToken } from './token.ts';
import { VerifiedTokens } from './verified-tokens.ts';

/** Of claims that a token lists; more are none that anybody asks for. */
const MAX_SCOPES = 1000;

/** The keys of all issuers of a gateway: clients with one issuer share what was fetched. */
export class Keyring implements AsyncDisposable {
  readonly #sources = new Map<string, KeySource>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  get(location: KeyLocation): KeySource {
    const id = JSON.stringify(location);
    const known = this.#sources.get(id);
    if (known !== undefined) return known;
    const source = this.#open(location);
    this.#sources.set(id, source);
    return source;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#sources.values()].map((source) => source[Symbol.asyncDispose]()));
  }

  #open(location: KeyLocation): KeySource {
    switch (location.at) {
      case 'address':
        return new RemoteKeys(location, this.#log);
      case 'hand':
        return keysAtHand(location.keys);
      case 'secret':
        return secretKey(location.secret);
    }
  }
}

export class Authenticator {
  readonly auth: ClientAuth;
  readonly #keyring: Keyring;
  readonly #log: Logger;
  readonly #verified = new VerifiedTokens();
  readonly #holders: CertificateHolders | undefined;
  readonly #handsOn: boolean;

  constructor(
    auth: ClientAuth,
    {
      keyring,
      log,
      handsTokensOn = false,
    }: {
      readonly keyring: Keyring;
      readonly log: Logger;
      /** Whether some connector has to see the callers' tokens. */
      readonly handsTokensOn?: boolean;
    },
  ) {
    this.auth = auth;
    this.#keyring = keyring;
    this.#log = log;
    this.#holders = auth.certificates && holdersOf(auth.certificates);
    this.#handsOn = handsTokensOn;
  }

  /**
   * A promise only for a token that was not seen lately.
   * @param token undefined without one
   * @param peer undefined without a certificate that verifies
   * @throws {HemError} UNAUTHENTICATED, AUTH_UNAVAILABLE
   */
  authenticate(token: string | undefined, peer?: Peer): Principal | Promise<Principal> {
    const { jwt, anonymous, certificates } = this.auth;
    const holder = peer && this.#holders?.find(peer);
    if (holder === undefined && certificates?.required === true) throw new Unauthenticated(NO_CERTIFICATE);
    if (token === undefined || jwt === undefined) {
      if (holder !== undefined) return holder;
      if (anonymous) return ANONYMOUS;
      throw new Unauthenticated(jwt === undefined ? NO_CERTIFICATE : NO_TOKEN);
    }
    const known = this.#verified.find(token);
    if (known !== undefined) return this.#compose(known, holder, token);
    return this.#verifyOrSayWhyNot(token, jwt).then((principal) => this.#compose(principal, holder, token));
  }

  /** A user with a token who calls by an application with a certificate: what may be seen is the user's to see. */
  #compose(user: Principal, holder: Principal | undefined, token: string): Principal {
    if (holder === undefined && !this.#handsOn) return user;
    return Object.freeze({
      ...user,
      peer: holder?.peer,
      token: this.#handsOn ? token : undefined,
      expiresAt: Math.min(user.expiresAt, holder?.expiresAt ?? Number.POSITIVE_INFINITY),
    });
  }

  /** Callers are not told which of many reasons it was; whoever runs the gateway has to find out. */
  async #verifyOrSayWhyNot(token: string, jwt: NonNullable<ClientAuth['jwt']>): Promise<Principal> {
    try {
      return await this.#verify(token, jwt);
    } catch (error) {
      this.#log.debug({ reason: (error as Error).message }, 'token refused');
      throw error;
    }
  }

  async #verify(token: string, jwt: NonNullable<ClientAuth['jwt']>): Promise<Principal> {
    const { key, issuer } = readToken(token, jwt.issuers, jwt.maxBytes);
    const verifyingKey = await this.#keyring.get(issuer.keys).keyFor(key);
    const claims = await this.#claimsOf(token, issuer, verifyingKey);
    const principal: Principal = Object.freeze({
      kind: 'known',
      claims: toBare(claims) as Principal['claims'],
      scopes: scopesOf(claims, issuer.scopes),
      expiresAt: Number(claims.exp) * 1000 + issuer.clockToleranceMs,
    });
    this.#verified.keep(token, principal);
    return principal;
  }

  async #claimsOf(
    token: string,
    issuer: Issuer,
    key: Awaited<ReturnType<KeySource['keyFor']>>,
  ): Promise<Readonly<Record<string, unknown>>> {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [...issuer.algorithms],
        issuer: issuer.issuer,
        audience: [...issuer.audience],
        requiredClaims: ['exp'],
        clockTolerance: issuer.clockToleranceMs / 1000,
      });
      return payload;
    } catch (error) {
      throw error instanceof HemError ? error : notValid(String(error));
    }
  }
}

function scopesOf(claims: Readonly<Record<string, unknown>>, names: readonly string[]): ReadonlySet<string> {
  const scopes = names.flatMap((name) => {
    const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
    if (typeof value === 'string') return value.split(' ');
    return Array.isArray(value) ? value.filter((scope) => typeof scope === 'string') : [];
  });
  return new Set(scopes.filter((scope) => scope !== '').slice(0, MAX_SCOPES));
}

/** A frozen copy whose objects have no prototype. Tokens are short, so nothing in them is deep. */
function toBare(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map(toBare));
  if (typeof value !== 'object' || value === null) return value;
  const bare: Record<string, unknown> = Object.create(null);
  for (const [name, inner] of Object.entries(value)) bare[name] = toBare(inner);
  return Object.freeze(bare);
}
