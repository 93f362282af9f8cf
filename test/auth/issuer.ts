/** An issuer of tokens, with its key set on a real HTTP server where a test wants one. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

export const ISSUER = 'https://id.example/';
export const AUDIENCE = 'hem-tests';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export async function newKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

export interface TokenOptions {
  readonly header?: Readonly<Record<string, unknown>>;
  /** Seconds from now; undefined for none. */
  readonly expiresIn?: number | undefined;
}

/** A good token unless claims say otherwise; a claim that is undefined is left out. */
export function sign(
  key: Pick<SigningKey, 'kid' | 'alg'> & { readonly privateKey: CryptoKey | Uint8Array },
  claims: Readonly<Record<string, unknown>> = {},
  options: TokenOptions = {},
): Promise<string> {
  const { header = {} } = options;
  const expiresIn = 'expiresIn' in options ? options.expiresIn : 600;
  const exp = expiresIn === undefined ? {} : { exp: Math.floor(Date.now() / 1000) + expiresIn };
  return new SignJWT({ iss: ISSUER, aud: AUDIENCE, sub: 'u1', ...exp, ...claims })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
    .sign(key.privateKey);
}

/** A key set that can be changed, made slow, or broken. */
export class KeyServer implements AsyncDisposable {
  keys: readonly JWK[] = [];
  fetches = 0;
  delayMs = 0;
  /** Instead of the keys. */
  broken: { readonly status: number; readonly body: string } | undefined;
  readonly #server = createServer((_request, response) => {
    this.fetches++;
    const { status, body } = this.broken ?? { status: 200, body: JSON.stringify({ keys: this.keys }) };
    setTimeout(
      () => response.writeHead(status, { 'content-type': 'application/json' }).end(body),
      this.delayMs,
    );
  });

  static async start(keys: readonly SigningKey[] = []): Promise<KeyServer> {
    const server = new KeyServer();
    server.publish(...keys);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`;
  }

  publish(...keys: readonly SigningKey[]): void {
    this.keys = keys.map(({ publicJwk }) => publicJwk);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** client.yml of a client that knows the issuer. @param more further lines of `auth` */
export function clientYml(jwks: unknown, { auth = {}, issuer = {}, client = {} } = {}): string {
  return JSON.stringify({
    auth: {
      jwt: { issuers: [{ issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'], jwks, ...issuer }] },
      ...auth,
    },
    ...client,
  });
}
