/** Checks the certificates of hem.yml: that they are what they should be, and belong together. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Problem, Problems } from '../../problems.ts';
import type { HemSettings } from '../settings/settings.ts';
import type { YamlFile } from '../yaml.ts';

type Report = (key: string, problem: Omit<Problem, 'at' | 'rule'>) => void;

export function checkListener(yaml: YamlFile, { listen: { tls } }: HemSettings, problems: Problems): void {
  if (tls === undefined) return;
  const report: Report = (key, problem) => {
    const path = ['listen', 'tls', ...(key === '' ? [] : [key])];
    if (!yaml.isUnresolved(path)) problems.report({ rule: 'listen-tls', at: yaml.placeOf(path), ...problem });
  };
  const certificate = readCertificate(tls.certificate);
  if (certificate === undefined) {
    report('certificate', {
      message: 'This is not a certificate.',
      expected: 'PEM text: "-----BEGIN CERTIFICATE-----" and so on, mostly from a file',
    });
  }
  const key = readKey(tls.key);
  if (key === undefined) {
    report('key', {
      message: 'This is not a private key.',
      expected: 'PEM text: "-----BEGIN PRIVATE KEY-----" and so on, without a passphrase',
    });
  }
  if (certificate !== undefined && key !== undefined) {
    if (!certificate.checkPrivateKey(key)) {
      report('key', {
        message: 'This key is not the one of the certificate.',
        hint: 'of several certificates in "certificate" the first has to be the listener\'s own',
      });
    } else checkTogether(tls, report);
  }
  if (tls.clientCa !== undefined && readCertificate(tls.clientCa) === undefined) {
    report('clientCa', {
      message: 'These are not certificates.',
      expected: 'PEM texts of those who sign the certificates of callers',
    });
  }
  if (tls.requestClientCertificate === true && tls.clientCa === undefined) {
    report('requestClientCertificate', {
      message: 'Callers would be asked for certificates, and none could be believed.',
      expected: '"clientCa": the certificates of those who sign them',
    });
  }
}

/** The rest of a chain, and what the TLS library takes for too weak. */
function checkTogether({ certificate, key }: { certificate: string; key: string }, report: Report): void {
  try {
    createSecureContext({ cert: certificate, key });
  } catch (error) {
    report('certificate', {
      message: 'This cannot be served with.',
      found: String((error as Error).message).slice(0, 200),
    });
  }
}

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return pem.includes('-----BEGIN') ? new X509Certificate(pem) : undefined;
  } catch {
    return undefined;
  }
}

function readKey(pem: string): ReturnType<typeof createPrivateKey> | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
