/** Checks `auth.certificates` of client.yml: patterns, trust domains, scopes, and whether any certificate can arrive at all. */
import type { Place, Problem, Problems } from '../../problems.ts';
import type { Client } from '../client.ts';
import type { CertificateSettings } from '../settings/auth-settings.ts';
import type { HemSettings } from '../settings/settings.ts';
import { PATTERN_FORMS, toPattern } from './certificate-pattern.ts';

/** Which certificates make a caller known, and what its holder may. */
export interface Certificates {
  /** Nobody comes without one. */
  readonly required: boolean;
  /** SPIFFE ids of others do not count, nor do certificates without one. Undefined: all. */
  readonly trustDomains: ReadonlySet<string> | undefined;
  /** Undefined: every one that verifies. */
  readonly allow: readonly RegExp[] | undefined;
  readonly scopes: ReadonlyArray<{ readonly pattern: RegExp; readonly scopes: readonly string[] }>;
  readonly place: Place;
}

type Report = (path: readonly (string | number)[], problem: Omit<Problem, 'at'>) => void;

export function readCertificates(settings: CertificateSettings, place: Place, report: Report): Certificates {
  const { required, trustDomains, allow, scopes } = settings;
  for (const [index, domain] of (trustDomains ?? []).entries()) {
    if (/^[a-z\d._-]{1,255}$/.test(domain)) continue;
    report(['trustDomains', index], {
      rule: 'auth-certificates',
      message: 'This is not a trust domain.',
      found: domain.slice(0, 64),
      expected: 'the name alone: lower-case letters, digits, ".", "-" and "_"',
      hint: domain.startsWith('spiffe://') ? `"${domain.slice(9).split('/')[0]}"` : undefined,
    });
  }
  const read = (text: string, path: readonly (string | number)[]): readonly RegExp[] => {
    const pattern = toPattern(text);
    if (pattern !== undefined) return [pattern];
    report(path, {
      rule: 'auth-certificates',
      message: 'No certificate could be called so.',
      found: text.slice(0, 64),
      expected: PATTERN_FORMS,
    });
    return [];
  };
  return {
    required,
    trustDomains: trustDomains === undefined ? undefined : new Set(trustDomains),
    allow: allow?.flatMap((text, index) => read(text, ['allow', index])),
    scopes: Object.entries(scopes).flatMap(([text, given]) =>
      read(text, ['scopes', text]).map((pattern) => ({ pattern, scopes: given })),
    ),
    place,
  };
}

/** A certificate comes with TLS, or a trusted proxy tells of it. */
export function checkArrival(settings: HemSettings, clients: readonly Client[], problems: Problems): void {
  const { tls } = settings.listen;
  const asks = tls?.clientCa !== undefined && tls.requestClientCertificate !== false;
  const { addresses, headers } = settings.trustedProxies;
  if (asks || (addresses.length > 0 && headers.includes('x-forwarded-client-cert'))) return;
  for (const { auth } of clients) {
    if (auth?.certificates === undefined) continue;
    problems.report({
      rule: 'auth-certificates',
      at: auth.certificates.place,
      message:
        'No certificate can arrive: callers are not asked for one, and no trusted proxy tells of theirs.',
      expected:
        'in hem.yml "listen: { tls: { …, clientCa } }", or "trustedProxies: { addresses: […], headers: [x-forwarded-client-cert] }"',
      hint:
        addresses.length > 0
          ? 'of trusted proxies x-forwarded-client-cert is read only where "headers" says so: a proxy that does not write it itself would pass on what its callers wrote'
          : undefined,
    });
  }
}
