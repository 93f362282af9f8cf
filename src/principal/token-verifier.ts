/** Which user a token says, once its signature is checked. */
import { errors, jwtVerify } from 'jose';
import type { Logger } from 'pino';
import type { ClientAuth, Issuer } from '../load/checks/auth.ts';
import { notValid } from './failures.ts';
import type { KeySource } from './key-source.ts';
import type { Keyring } from './keyring.ts';
import type { Principal } from './principal.ts';
import { readToken } from './token.ts';
import { VerifiedTokens } from './verified-tokens.ts';

/** Of claims that a token lists; more are none that anybody asks for. */
const MAX_SCOPES = 1000;

type Jwt = NonNullable<ClientAuth['jwt']>;

export class TokenVerifier {
  readonly #jwt: Jwt;
  readonly #plan: Principal['plan'];
  readonly #keyring: Keyring;
  readonly #log: Logger;
  readonly #verified = new VerifiedTokens();

  /** @param plan of callers without a key */
  constructor(
    jwt: Jwt,
    plan: Principal['plan'],
    { keyring, log }: { readonly keyring: Keyring; readonly log: Logger },
  ) {
    this.#jwt = jwt;
    this.#plan = plan;
    this.#keyring = keyring;
    this.#log = log;
  }

  /** A promise only for a token that was not seen lately. It rejects with UNAUTHENTICATED or AUTH_UNAVAILABLE. */
  userOf(token: string): Principal | Promise<Principal> {
    return this.#verified.find(token) ?? this.#verifyOrSayWhyNot(token);
  }

  async #verifyOrSayWhyNot(token: string): Promise<Principal> {
    try {
      return await this.#verify(token);
    } catch (error) {
      this.#log.debug({ reason: (error as Error).message }, 'token refused');
      throw error;
    }
  }

  async #verify(token: string): Promise<Principal> {
    const { key, issuer } = readToken(token, this.#jwt.issuers, this.#jwt.maxBytes);
    const verifyingKey = await this.#keyring.get(issuer.keys).keyFor(key);
    const claims = await this.#claimsOf(token, issuer, verifyingKey);
    const principal: Principal = Object.freeze({
      kind: 'known',
      plan: this.#plan,
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
      const isOfClaim = error instanceof errors.JWTClaimValidationFailed;
      throw notValid(isOfClaim ? 'claim' : 'signature', String(error));
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
