/** A short-lived token, signed by Hem, that names who calls: backends check it by Hem's public key. */
import { SignJWT } from 'jose';
import type { CallerIdentity } from '../call-context.ts';
import type { IdentityTokenSettings } from '../connectors/identity-settings.ts';
import { type PublicJwk, readSigningKey, type SigningKey } from '../connectors/signing-key.ts';
import { UpstreamError } from '../errors.ts';
import { applicationOf } from './application.ts';
import { waitFor } from './deadline.ts';
import type { HeaderValues, Identity, IdentityContext } from './identity.ts';
import { type Made, PerCaller } from './per-caller.ts';

/** A token goes along until so much of its life is over: calls take time, too. */
const USED = 0.8;

const NOBODY: HeaderValues = Object.freeze({});

export class SignedToken implements Identity {
  readonly #connector: string;
  readonly #settings: IdentityTokenSettings;
  readonly #key: SigningKey;
  readonly #made = new PerCaller<HeaderValues>();

  /** @throws when the key is none, which loading has reported */
  constructor(connector: string, settings: IdentityTokenSettings) {
    this.#connector = connector;
    this.#settings = settings;
    const read = readSigningKey(settings.key, settings.algorithm, settings.keyId);
    if ('expected' in read) throw new Error(`identity of "${connector}": expected ${read.expected}`);
    this.#key = read;
  }

  get publicJwk(): PublicJwk | undefined {
    return this.#key.publicJwk;
  }

  headers(context: IdentityContext): HeaderValues | Promise<HeaderValues> {
    const { principal } = context;
    if (principal === undefined || principal.kind === 'anonymous') return NOBODY;
    const { ttl } = this.#settings;
    const leftMs = principal.expiresAt - Date.now();
    const payload = this.#payloadOf(principal);
    // Who has longer than a token lives gets the same token, whenever that is.
    const end = leftMs < ttl ? principal.expiresAt : '';
    const made = this.#made.get(`${end} ${JSON.stringify(payload)}`, () =>
      this.#sign(payload, Math.min(ttl, leftMs)),
    );
    if (!(made instanceof Promise)) return made;
    const toError = () =>
      new UpstreamError('UPSTREAM_TIMEOUT', this.#connector, { internal: 'waiting for a signature' });
    return waitFor(made, context.deadlineAt - performance.now(), context.cancellation, toError);
  }

  /** Another one would say the same. */
  forget(): void {}

  async [Symbol.asyncDispose](): Promise<void> {}

  #payloadOf(principal: CallerIdentity): Record<string, unknown> {
    const { claims, scopes, key, peer } = principal;
    const user = nameOf(claims.sub);
    // A token without a name for its user is a user's all the same: his rights are not the application's.
    const isUser = claims.iss !== undefined;
    const application = applicationOf(principal);
    const payload: Record<string, unknown> = Object.create(null);
    for (const name of this.#settings.claims) {
      if (Object.hasOwn(claims, name)) payload[name] = claims[name];
    }
    return Object.assign(payload, {
      sub: isUser ? user : application,
      // Users are who they are to their issuer.
      sub_iss: claims.iss,
      // For whom an application calls is one thing, which application it is another (RFC 8693, 4.1).
      act: isUser && application !== undefined ? { sub: application } : undefined,
      scope: scopes.size === 0 ? undefined : [...scopes].sort().join(' '),
      consumer: key?.consumer,
      spiffe_id: peer?.spiffeId,
    });
  }

  async #sign(payload: Record<string, unknown>, lifeMs: number): Promise<Made<HeaderValues>> {
    const { issuer, audience, algorithm, header } = this.#settings;
    const { key, id } = this.#key;
    const now = Math.floor(Date.now() / 1000);
    const lifeS = Math.max(1, Math.floor(lifeMs / 1000));
    const token = await new SignJWT(payload)
      .setProtectedHeader({ alg: algorithm, typ: 'JWT', ...(id === undefined ? {} : { kid: id }) })
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt(now)
      .setExpirationTime(now + lifeS)
      .sign(key);
    const value = header === 'authorization' ? `Bearer ${token}` : token;
    return { value: Object.freeze({ [header]: value }), lifeMs: lifeS * 1000 * USED };
  }
}

/** Some issuers count their users. */
function nameOf(sub: unknown): string | undefined {
  const name = typeof sub === 'number' ? String(sub) : sub;
  return typeof name === 'string' && name !== '' ? name : undefined;
}
