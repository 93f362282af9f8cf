/** What hem.yml says of the way to the public listener: TLS, and whose word counts on who is behind them. */
import { isIP, isIPv6 } from 'node:net';
import { z } from 'zod';

export const tlsSettings = z.strictObject({
  /** PEM texts or `${file:…}`: the certificate with those between it and its root, and its private key. */
  certificate: z.string(),
  key: z.string(),
  /** PEM: whose client certificates are believed. */
  clientCa: z.string().optional(),
  /** Whether callers are asked for a certificate. By default they are where `clientCa` says whose are believed. */
  requestClientCertificate: z.boolean().optional(),
});

export type TlsSettings = z.output<typeof tlsSettings>;

/** What Hem reads of what a proxy says of its caller. */
export const READ_HEADERS = [
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'forwarded',
  'x-forwarded-client-cert',
] as const;

/** What backends may read of it. */
export const PASSED_HEADERS = [
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-server',
  'x-forwarded-scheme',
  'x-forwarded-ssl',
  'x-forwarded-user',
  'x-forwarded-email',
  'x-forwarded-groups',
  'x-forwarded-preferred-username',
  'x-forwarded-access-token',
  'x-original-forwarded-for',
  'x-envoy-external-address',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'x-ssl-client-cert',
  'ssl-client-cert',
  'client-cert',
  'client-cert-chain',
] as const;

export type ReadHeader = (typeof READ_HEADERS)[number];
export type ProxyHeader = ReadHeader | (typeof PASSED_HEADERS)[number];

/** No caller's word counts on them, and none is believed but those that trusted proxies write. */
export const PROXY_HEADERS: readonly ProxyHeader[] = [...READ_HEADERS, ...PASSED_HEADERS];

/** Nearly all proxies write these, and take away what their callers wrote. */
const USUAL: readonly ProxyHeader[] = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'];

const range = z
  .string({ error: 'an address or a range such as "10.0.0.0/8"' })
  .refine(isRange, { error: 'an address or a range such as "10.0.0.0/8" or "fd00::/8", of not everybody' });
const ranges = z.array(range).max(1000);

const proxies = z.strictObject({
  addresses: ranges.min(1),
  /** What they write themselves, whatever came to them. All else does not exist. */
  headers: z
    .array(z.enum(PROXY_HEADERS))
    .min(1)
    .default([...USUAL]),
});

/** A list of addresses, or these with what to read from them. */
export const trustedProxies = z
  .union([ranges, proxies], { error: 'a list of addresses, or { addresses, headers }' })
  .default([])
  .transform(
    (given): TrustedProxies => (Array.isArray(given) ? { addresses: given, headers: USUAL } : given),
  );

export interface TrustedProxies {
  readonly addresses: readonly string[];
  readonly headers: readonly ProxyHeader[];
}

function isRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  if (rest.length > 0 || isIP(address) === 0 || address.includes('%')) return false;
  if (prefix === undefined) return true;
  // A prefix of no bits would be everybody.
  return /^[1-9]\d{0,2}$/.test(prefix) && Number(prefix) <= (isIPv6(address) ? 128 : 32);
}
