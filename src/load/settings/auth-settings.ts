/** The shape of `auth` in client.yml: how callers of a client become known, and what is answered to those who are not. */
import { z } from 'zod';
import { byteSize, duration } from '../../units.ts';

/** By which tokens may be signed; a key of which type each takes. HMAC takes a secret. */
export const ALGORITHMS = {
  RS256: 'RSA',
  RS384: 'RSA',
  RS512: 'RSA',
  PS256: 'RSA',
  PS384: 'RSA',
  PS512: 'RSA',
  ES256: 'EC',
  ES384: 'EC',
  ES512: 'EC',
  EdDSA: 'OKP',
  HS256: 'secret',
  HS384: 'secret',
  HS512: 'secret',
} as const satisfies Record<string, string>;

export type Algorithm = keyof typeof ALGORITHMS;

const algorithm = z.enum(Object.keys(ALGORITHMS) as [Algorithm, ...Algorithm[]]);
const text = z.string().min(1).max(1000);

const issuer = z.strictObject({
  /** What tokens have in `iss`, letter by letter. */
  issuer: text,
  /** One of these has to be in `aud`. */
  audience: z.union([text, z.array(text).min(1).max(20)], { error: 'text, or a list of texts' }),
  /** Only these, whatever a token says of itself. */
  algorithms: z.array(algorithm).min(1).optional(),
  /** Public keys: of an address, of a file (`${file:…}`), or written here. */
  jwks: z
    .union([
      z.strictObject({
        url: text,
        /** Keys are fetched again after so long, in the background. */
        maxAge: duration.default(600_000),
        /** One fetch at most in so long, whatever tokens name. */
        coolDown: duration.default(30_000),
        timeout: duration.default(5000),
      }),
      z.strictObject({
        keys: z
          .array(z.looseObject({ kty: z.string() }))
          .min(1)
          .max(100),
      }),
      z.string(),
    ])
    .optional(),
  /** Instead of keys, for HMAC. */
  secret: z.string().optional(),
  clockTolerance: duration.default(10_000),
  /** Claims that list scopes, as one text with spaces or as a list. */
  scopes: z.array(text).min(1).max(10).default(['scope', 'scp']),
});

const keys = z.strictObject({
  /** The header that may carry a key; `Authorization: Bearer` may, too. */
  header: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,63}$/i, { error: 'the name of a header' })
    .transform((name) => name.toLowerCase())
    .default('x-api-key'),
  /** Whether every caller needs one. */
  required: z.boolean().default(false),
  /** Whether keys count that stand in web pages. */
  publishable: z.boolean().default(false),
});

/** What OAuth calls a scope-token (RFC 6749, 3.3). */
const scope = z
  .string()
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, { error: 'a scope: visible characters without spaces' });

const certificates = z.strictObject({
  /** Nobody comes without one, whatever else they bring. */
  required: z.boolean().default(false),
  /** Only SPIFFE ids of these. */
  trustDomains: z.array(text).min(1).max(100).optional(),
  /** Only these, by SPIFFE id, name or subject. */
  allow: z.array(text).min(1).max(1000).optional(),
  /** Which scopes certificates give, by the same patterns. */
  scopes: z.record(text, z.array(scope).min(1).max(100)).default({}),
});

export type CertificateSettings = z.output<typeof certificates>;

export const authSettings = z.strictObject({
  /** Whether callers may stay unknown; by default they may where neither a key nor a token is required. */
  anonymous: z.boolean().optional(),
  /** The plan of callers without a key. */
  plan: text.optional(),
  /** Keys, which say which application calls and under which plan. */
  keys: keys.optional(),
  /** What becomes of an operation that asks for what its caller may not see: refused as a whole, or answered with null there. */
  denied: z.enum(['reject', 'nullify']).default('reject'),
  /** Client certificates that make callers known. */
  certificates: certificates.optional(),
  jwt: z
    .strictObject({
      issuers: z.array(issuer).min(1).max(20),
      /** Whether every caller needs one, also beside a key. */
      required: z.boolean().default(false),
      /** A cookie that may carry the token where there is no Authorization header. */
      cookie: z
        .string()
        .regex(/^[\w!#$%&'*+.^`|~-]{1,100}$/, { error: 'the name of a cookie' })
        .optional(),
      /** A longer token is none. */
      maxBytes: byteSize.default(8192),
    })
    .optional(),
});

export type AuthSettings = z.output<typeof authSettings>;
export type IssuerSettings = NonNullable<AuthSettings['jwt']>['issuers'][number];
