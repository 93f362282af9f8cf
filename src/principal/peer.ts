/** Who a client certificate says that a caller is. */
import type { X509Certificate } from 'node:crypto';
import type { Certificates } from '../load/checks/certificates.ts';

export interface Peer {
  /** Of its one SPIFFE URI. */
  readonly spiffeId: string | undefined;
  /** As RFC 2253 writes it, the most specific part first: `CN=web,O=Example`. */
  readonly subject: string | undefined;
  readonly dnsNames: readonly string[];
  /** SHA-256 of the certificate, 64 hexadecimal digits in lower case; undefined where a proxy does not say. */
  readonly fingerprint: string | undefined;
  /** `Date.now()` from which on it is none; Infinity where a proxy does not say. */
  readonly expiresAt: number;
}

/** All that patterns can match. */
function namesOf({ spiffeId, subject, dnsNames, fingerprint }: Peer): readonly string[] {
  return [
    spiffeId,
    subject,
    ...dnsNames.map((name) => `dns:${name}`),
    fingerprint === undefined ? undefined : `sha256:${fingerprint}`,
  ].filter((name) => name !== undefined);
}

/** What a certificate gives its holder at one client; undefined where it does not count there. */
export function scopesOfPeer(peer: Peer, certificates: Certificates): ReadonlySet<string> | undefined {
  const { trustDomains, allow, scopes } = certificates;
  if (trustDomains !== undefined && !trustDomains.has(trustDomainOf(peer.spiffeId))) return undefined;
  const names = namesOf(peer);
  const matches = (pattern: RegExp) => names.some((name) => pattern.test(name));
  if (allow !== undefined && !allow.some(matches)) return undefined;
  return new Set(scopes.filter(({ pattern }) => matches(pattern)).flatMap((given) => given.scopes));
}

function trustDomainOf(spiffeId: string | undefined): string {
  return spiffeId?.split('/', 3)[2] ?? '';
}

const MAX_NAMES = 100;
const MAX_CHARACTERS = 2048;

/** Of a certificate that was verified. */
export function peerOfCertificate(certificate: X509Certificate): Peer {
  const names = alternativeNames(certificate.subjectAltName ?? '');
  return toPeer({
    uris: names.flatMap(([type, value]) => (type === 'URI' ? [value] : [])),
    dnsNames: names.flatMap(([type, value]) => (type === 'DNS' ? [value] : [])),
    // Node has a line for each part, the most general first.
    subject: certificate.subject?.split('\n').reverse().join(','),
    fingerprint: certificate.fingerprint256,
    expiresAt: certificate.validToDate.getTime(),
  });
}

/** What is too long, or not what it should be, is left out. */
export function toPeer(given: {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  readonly subject: string | undefined;
  readonly fingerprint: string | undefined;
  readonly expiresAt: number;
}): Peer {
  const { subject } = given;
  const fingerprint = given.fingerprint?.replaceAll(':', '').toLowerCase() ?? '';
  return Object.freeze({
    spiffeId: spiffeIdAmong(given.uris),
    subject: subject === undefined || subject === '' || subject.length > MAX_CHARACTERS ? undefined : subject,
    dnsNames: given.dnsNames
      .filter((name) => /^[\w*.-]{1,253}$/.test(name))
      .slice(0, MAX_NAMES)
      .map((name) => name.toLowerCase()),
    fingerprint: /^[\da-f]{64}$/.test(fingerprint) ? fingerprint : undefined,
    expiresAt: given.expiresAt,
  });
}

/** A trust domain and a path of plain segments (SPIFFE-ID 2.1 to 2.3). */
const SPIFFE_ID = /^spiffe:\/\/[a-z\d._-]{1,255}(?:\/[\w.-]+)+$/;

/** A certificate has exactly one URI (X509-SVID, 2); of several, nobody knows who is meant. */
function spiffeIdAmong(uris: readonly string[]): string | undefined {
  const [id, ...others] = uris;
  if (id === undefined || others.length > 0 || id.length > MAX_CHARACTERS || !SPIFFE_ID.test(id))
    return undefined;
  return id.split('/').some((segment) => segment === '.' || segment === '..') ? undefined : id;
}

/** `URI:spiffe://a/b, DNS:"a\u002c b"`: Node quotes what could be taken for the next name, as JSON does. */
function alternativeNames(text: string): ReadonlyArray<readonly [type: string, value: string]> {
  return [...text.matchAll(/(?:^|, )([\w ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?=, |$)/g)].map(([, type, value]) => [
    type!,
    value!.startsWith('"') ? unquoted(value!) : value!,
  ]);
}

function unquoted(value: string): string {
  try {
    return String(JSON.parse(value));
  } catch {
    return '';
  }
}
