/** The shape of `identity` in connector.yml: what a backend is told of who calls. */
import { z } from 'zod';
import { duration } from '../units.ts';
import { headerName } from './header-settings.ts';
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from './signing-key.ts';
import { tls } from './tls-settings.ts';

const text = z.string().min(1).max(1000);

const token = z.strictObject({
  /** `iss`: who Hem is to the backend. */
  issuer: text,
  /** `aud`: who the backend is. */
  audience: z.union([text, z.array(text).min(1).max(20)], { error: 'text, or a list of texts' }),
  ttl: duration
    .refine((ms) => ms >= 5000 && ms <= 3_600_000, { error: 'a duration from "5s" to "1h"' })
    .default(60_000),
  /** A private key as PEM or JWK, or a secret for HMAC; mostly `${file:…}`. */
  key: z.string(),
  /** By default the key's thumbprint (RFC 7638). */
  keyId: z.string().min(1).max(200).optional(),
  algorithm: z.enum(Object.keys(SIGNING_ALGORITHMS) as SigningAlgorithm[]),
  /** Claims of the caller that go along. */
  claims: z.array(text).max(50).default([]),
  header: headerName.default('authorization'),
});

/** OAuth 2.0 token exchange (RFC 8693). */
const exchange = z.strictObject({
  tokenUrl: z.url({ protocol: /^https?$/, error: 'an http or https URL' }),
  clientId: z.string(),
  clientSecret: z.string(),
  audience: z.string().optional(),
  scope: z.string().optional(),
  subjectTokenType: text.default('urn:ietf:params:oauth:token-type:access_token'),
  clientAuthentication: z.enum(['basic', 'body']).default('basic'),
  /** Without it that of the backend, but for the name. */
  tls,
});

export const identity = z.union(
  [
    z.literal(['none', 'forward']),
    /** Templates of `claims.…`, `consumer`, `key`, `plan`, `spiffe`, `subject` and `address`. */
    z.strictObject({ headers: z.record(headerName, text) }),
    z.strictObject({ token }),
    z.strictObject({ exchange }),
  ],
  { error: 'none, forward, or exactly one of headers, token, exchange with its keys' },
);

export type IdentitySettings = z.output<typeof identity>;
export type IdentityTokenSettings = z.output<typeof token>;
export type ExchangeSettings = z.output<typeof exchange>;

/** The headers that say who calls, in lower case. */
export function identityHeadersOf(settings: IdentitySettings): readonly string[] {
  if (settings === 'none') return [];
  if (settings === 'forward' || 'exchange' in settings) return ['authorization'];
  return 'token' in settings ? [settings.token.header] : Object.keys(settings.headers);
}

/** Whether callers' tokens are needed to make others of them. */
export function isExchange(settings: IdentitySettings): boolean {
  return typeof settings === 'object' && 'exchange' in settings;
}
