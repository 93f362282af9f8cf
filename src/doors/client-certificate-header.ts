/** Envoy's `x-forwarded-client-cert`: the certificates of those who called, one element for each hop, the nearest last. */
import { X509Certificate } from 'node:crypto';
import { type Peer, peerOfCertificate, toPeer } from '../principal/peer.ts';
import { parseHops, valuesOf } from './forwarded.ts';

const MAX_KEPT = 500;
const MAX_KEPT_CHARACTERS = 4096;
/** Proxies write the same of every request of a caller. Oldest first. */
const kept = new Map<string, Peer | undefined>();

/** Of the last element: whom the proxy that wrote it has let in. Undefined when it names nobody. */
export function peerOfHeader(text: string): Peer | undefined {
  if (text.length > MAX_KEPT_CHARACTERS) return readPeer(text);
  if (kept.has(text)) return kept.get(text);
  if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value!);
  const peer = readPeer(text);
  kept.set(text, peer);
  return peer;
}

function readPeer(text: string): Peer | undefined {
  const hop = parseHops(text)?.at(-1);
  if (hop === undefined) return undefined;
  const one = (name: string): string | undefined => {
    const values = valuesOf(hop, name);
    return values.length === 1 && values[0] !== '' ? values[0] : undefined;
  };
  const pem = one('cert');
  const certificate = pem === undefined ? undefined : readCertificate(pem);
  if (pem !== undefined && certificate === undefined) return undefined;
  const stated = toPeer({
    uris: valuesOf(hop, 'uri'),
    dnsNames: valuesOf(hop, 'dns'),
    subject: one('subject'),
    fingerprint: one('hash'),
    expiresAt: Number.POSITIVE_INFINITY,
  });
  if (certificate === undefined) {
    const { spiffeId, subject, dnsNames, fingerprint } = stated;
    const isNobody = (spiffeId ?? subject ?? fingerprint ?? dnsNames[0]) === undefined;
    return isNobody ? undefined : stated;
  }
  const whole = peerOfCertificate(certificate);
  // An element that contradicts itself was not written by one hand.
  return stated.fingerprint === undefined || stated.fingerprint === whole.fingerprint ? whole : undefined;
}

/** The header's `Cert` is a PEM text in URL encoding. */
function readCertificate(encoded: string): X509Certificate | undefined {
  try {
    return new X509Certificate(decodeURIComponent(encoded));
  } catch {
    return undefined;
  }
}
