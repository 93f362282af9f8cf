/** Checks PEM texts: that they are certificates and keys, all of them, and belong together. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { TlsSettings } from '../../connectors/tls-settings.ts';
import type { Problem } from '../../problems.ts';

/** @param key of the settings of TLS */
export type ReportTls = (key: string, problem: Omit<Problem, 'at' | 'rule'>) => void;

/** Of a connector: whom it believes, and as whom it comes. */
export function checkTls({ ca, certificate, key, serverName }: TlsSettings, report: ReportTls): void {
  if (ca !== undefined) readAuthorities('ca', ca, 'those who sign the certificate of the backend', report);
  if (certificate !== undefined && key !== undefined) checkKeyPair({ certificate, key }, report);
  if (serverName !== undefined && isIP(serverName) !== 0) {
    report('serverName', {
      message: 'A backend is asked for by a name, and this is an address (RFC 6066, 3).',
      found: serverName,
      expected: 'a DNS name of its certificate; without one, what "endpoint" says has to stand in it',
    });
  }
}

/** @param whose for people @returns undefined after a report */
function readAuthorities(
  key: string,
  pem: string,
  whose: string,
  report: ReportTls,
): readonly X509Certificate[] | undefined {
  const read = readCertificates(pem);
  if ('certificates' in read) return read.certificates;
  report(key, {
    message: 'These are not certificates.',
    found: read.found,
    expected: `PEM texts of ${whose}`,
  });
  return undefined;
}

/** Of a listener: Node's servers believe in no authority without those who have signed it, up to one that nobody has. */
export function checkClientAuthorities(pem: string, report: ReportTls): void {
  const given = readAuthorities('clientCa', pem, 'those who sign the certificates of callers', report) ?? [];
  for (const certificate of given) {
    if (given.some((other) => certificate.checkIssued(other)) || isOnlyItself(certificate)) continue;
    report('clientCa', {
      message: 'This is believed only together with the certificate of who has signed it.',
      found: nameOf(certificate.subject),
      expected: `the certificate of ${nameOf(certificate.issuer)} as well`,
    });
  }
}

/** Signed by itself, and no authority over others: whoever shows this very certificate is believed. */
function isOnlyItself(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey);
}

/** On one line. */
function nameOf(subject: string): string {
  return subject.split('\n').join(', ').slice(0, 200);
}

/** A certificate, with the rest of its chain where it has one, and its key. */
export function checkKeyPair(
  { certificate, key }: { readonly certificate: string; readonly key: string },
  report: ReportTls,
): void {
  const read = readCertificates(certificate);
  if ('found' in read) {
    report('certificate', {
      message: 'This is not a certificate.',
      found: read.found,
      expected: 'PEM text: "-----BEGIN CERTIFICATE-----" and so on, mostly from a file',
    });
  }
  const privateKey = readKey(key);
  if (privateKey === undefined) {
    report('key', {
      message: 'This is not a private key.',
      expected: 'PEM text: "-----BEGIN PRIVATE KEY-----" and so on, without a passphrase',
    });
  }
  if ('found' in read || privateKey === undefined) return;
  if (!read.certificates[0]!.checkPrivateKey(privateKey)) {
    report('key', {
      message: 'This key is not the one of the certificate.',
      hint: 'of several certificates in "certificate" the first has to be the key\'s own',
    });
    return;
  }
  try {
    // What the TLS library takes for too weak.
    createSecureContext({ cert: certificate, key });
  } catch (error) {
    report('certificate', {
      message: 'This cannot be used for TLS.',
      found: String((error as Error).message).slice(0, 200),
    });
  }
}

const BEGIN = '-----BEGIN CERTIFICATE-----';
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** TLS libraries stop without a word at the first one that they cannot read. */
function readCertificates(
  pem: string,
): { readonly certificates: readonly X509Certificate[] } | { readonly found: string | undefined } {
  const begun = pem.split(BEGIN).length - 1;
  const read: X509Certificate[] = [];
  for (const block of pem.match(CERTIFICATE) ?? []) {
    try {
      read.push(new X509Certificate(block));
    } catch {
      break;
    }
  }
  if (begun > 0 && read.length === begun) return { certificates: read };
  return { found: begun > 1 ? `number ${read.length + 1} of ${begun} cannot be read` : undefined };
}

function readKey(pem: string): ReturnType<typeof createPrivateKey> | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
