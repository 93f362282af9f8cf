/** Keys that Hem signs with. */
import { createPrivateKey, createPublicKey, hash, type KeyObject } from 'node:crypto';

/** Which key each takes: its type as Node calls it, with the curve. */
export const SIGNING_ALGORITHMS = {
  RS256: 'rsa',
  RS384: 'rsa',
  RS512: 'rsa',
  PS256: 'rsa',
  PS384: 'rsa',
  PS512: 'rsa',
  ES256: 'ec prime256v1',
  ES384: 'ec secp384r1',
  ES512: 'ec secp521r1',
  EdDSA: 'ed25519',
  HS256: 'secret',
  HS384: 'secret',
  HS512: 'secret',
} as const satisfies Record<string, string>;

export type SigningAlgorithm = keyof typeof SIGNING_ALGORITHMS;

/** As a key set lists it. */
export type PublicJwk = Readonly<Record<string, unknown>>;

export interface SigningKey {
  readonly key: KeyObject | Uint8Array;
  /** Undefined of a secret that was given no name. */
  readonly id: string | undefined;
  /** Undefined of a secret. */
  readonly publicJwk: PublicJwk | undefined;
}

const MIN_SECRET_CHARACTERS = 32;
const MIN_RSA_BITS = 2048;

/** The key, or what would be expected of it. */
export function readSigningKey(
  text: string,
  algorithm: SigningAlgorithm,
  keyId: string | undefined,
): SigningKey | { readonly expected: string } {
  const needed = SIGNING_ALGORITHMS[algorithm];
  const key = readPrivateKey(text);
  if (needed === 'secret') {
    if (key !== undefined || text.length < MIN_SECRET_CHARACTERS)
      return { expected: `a secret of ${MIN_SECRET_CHARACTERS} characters at least` };
    return { key: new TextEncoder().encode(text), id: keyId, publicJwk: undefined };
  }
  const expected = `a private key as PEM without a passphrase, or as JWK, of the type ${needed}`;
  if (key === undefined) return { expected };
  const { namedCurve, modulusLength = MIN_RSA_BITS } = key.asymmetricKeyDetails ?? {};
  const type = [key.asymmetricKeyType, namedCurve].filter((part) => part !== undefined).join(' ');
  if (type !== needed) return { expected };
  if (modulusLength < MIN_RSA_BITS) return { expected: `a key of ${MIN_RSA_BITS} bits at least` };
  const jwk = createPublicKey(key).export({ format: 'jwk' });
  const id = keyId ?? thumbprint(jwk);
  return { key, id, publicJwk: { ...jwk, kid: id, alg: algorithm, use: 'sig' } };
}

function readPrivateKey(text: string): KeyObject | undefined {
  try {
    return text.trimStart().startsWith('{')
      ? createPrivateKey({ key: JSON.parse(text), format: 'jwk' })
      : createPrivateKey(text);
  } catch {
    return undefined;
  }
}

/** Of the members that make the key what it is, in the order of their names (RFC 7638). */
function thumbprint(jwk: JsonWebKey): string {
  const members = ['crv', 'e', 'kty', 'n', 'x', 'y'] as const;
  const given = members.flatMap((name) => (jwk[name] === undefined ? [] : [[name, jwk[name]]]));
  return hash('sha256', JSON.stringify(Object.fromEntries(given)), 'base64url');
}
