/** Checks `auth` in client.yml beyond its shape: keys that are public and fit, algorithms that fit the keys, addresses that can be trusted. */

import type { Place, Problem, Problems } from '../../problems.ts';
import {
  ALGORITHMS,
  type Algorithm,
  type AuthSettings,
  type IssuerSettings,
} from '../settings/auth-settings.ts';
import { PROXY_HEADERS } from '../settings/listener-settings.ts';
import type { YamlFile } from '../yaml.ts';
import { type Certificates, readCertificates } from './certificates.ts';
import { isLoopback } from './loopback.ts';

/** A public key as JSON. */
export type PublicKey = Readonly<Record<string, unknown>> & { readonly kty: string };

/** Where the keys of an issuer are. */
export type KeyLocation =
  | {
      readonly at: 'address';
      readonly url: string;
      readonly maxAgeMs: number;
      readonly coolDownMs: number;
      readonly timeoutMs: number;
    }
  | { readonly at: 'hand'; readonly keys: readonly PublicKey[] }
  | { readonly at: 'secret'; readonly secret: string };

export interface Issuer {
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly algorithms: readonly Algorithm[];
  readonly keys: KeyLocation;
  readonly clockToleranceMs: number;
  readonly scopes: readonly string[];
}

/** How the callers of one client become known. */
export interface ClientAuth {
  readonly anonymous: boolean;
  readonly denied: AuthSettings['denied'];
  /** Undefined where keys are not looked at. */
  readonly keys: (NonNullable<AuthSettings['keys']> & { readonly place: Place }) | undefined;
  /** The plan of callers without a key. */
  readonly plan: { readonly name: string; readonly place: Place } | undefined;
  readonly certificates: Certificates | undefined;
  readonly jwt:
    | {
        readonly required: boolean;
        readonly issuers: readonly Issuer[];
        readonly cookie: string | undefined;
        readonly maxBytes: number;
      }
    | undefined;
}

type Path = readonly (string | number)[];

/** What cannot be used is reported. */
export function readAuth(yaml: YamlFile, settings: AuthSettings, problems: Problems): ClientAuth {
  const { denied, certificates, jwt, keys, plan } = settings;
  const required = keys?.required === true ? 'keys' : jwt?.required === true ? 'jwt' : undefined;
  const anonymous = settings.anonymous ?? required === undefined;
  const report = (path: Path, problem: Omit<Problem, 'at'>) =>
    yaml.reportAt(['auth', ...path], problem, problems);
  if (anonymous && required !== undefined) {
    report(['anonymous'], {
      rule: 'auth-anonymous',
      message: 'Callers may stay unknown, and have to send credentials: only one of them can hold.',
      found: `"anonymous: true" and "${required}: { required: true }"`,
      hint: 'remove one of them',
    });
  }
  if (
    keys !== undefined &&
    (NO_KEY_HEADERS.test(keys.header) || PROXY_HEADERS.some((name) => name === keys.header))
  ) {
    report(['keys', 'header'], {
      rule: 'auth-header',
      message: 'This header has a meaning of its own, so it cannot carry a key.',
      found: keys.header,
      expected: 'a header such as x-api-key',
      hint:
        keys.header === 'authorization'
          ? 'keys are taken from there in any case, as "Bearer hem_…"'
          : undefined,
    });
  }
  if (!anonymous && jwt === undefined && keys === undefined && certificates === undefined) {
    report(['anonymous'], {
      rule: 'auth-nobody',
      message:
        'Nobody could call this client: no caller may stay unknown, and there is no way to become known.',
      hint: 'add "keys: {}", "jwt: { issuers: [ … ] }" or "certificates: {}", or remove "anonymous: false"',
    });
  }
  const issuers = (jwt?.issuers ?? []).map((issuer, index) =>
    readIssuer(issuer, (path, problem) => report(['jwt', 'issuers', index, ...path], problem)),
  );
  for (const [index, { issuer }] of issuers.entries()) {
    if (issuers.findIndex((other) => other.issuer === issuer) === index) continue;
    report(['jwt', 'issuers', index, 'issuer'], {
      rule: 'auth-issuer',
      message: 'This issuer is there already: which of its rules should hold for a token?',
      found: issuer,
      hint: 'several audiences and algorithms are lists of one issuer',
    });
  }
  return {
    anonymous,
    denied,
    keys: keys === undefined ? undefined : { ...keys, place: yaml.placeOf(['auth', 'keys'], { key: true }) },
    plan: plan === undefined ? undefined : { name: plan, place: yaml.placeOf(['auth', 'plan']) },
    certificates:
      certificates &&
      readCertificates(certificates, yaml.placeOf(['auth', 'certificates'], { key: true }), (path, problem) =>
        report(['certificates', ...path], problem),
      ),
    jwt:
      jwt === undefined
        ? undefined
        : { issuers, required: jwt.required, cookie: jwt.cookie, maxBytes: jwt.maxBytes },
  };
}

/** Headers that HTTP, browsers, proxies or Hem itself give a meaning. */
const NO_KEY_HEADERS =
  /^(?:authorization|cookie|host|origin|referer|accept|connection|upgrade|te|trailer|forwarded|via|range|expect|date|vary|user-agent|x-request-id|x-real-ip|(?:accept|content|transfer|proxy|sec|if|x-forwarded|access-control|cache|keep)-.*)$/;

type Report = (path: Path, problem: Omit<Problem, 'at'>) => void;

function readIssuer(settings: IssuerSettings, report: Report): Issuer {
  const { issuer, audience, clockTolerance, scopes, secret } = settings;
  const algorithms = settings.algorithms ?? [secret === undefined ? 'RS256' : 'HS256'];
  const keys = locateKeys(settings, report);
  if (keys !== undefined) checkAlgorithms(settings, algorithms, keys, report);
  return {
    issuer,
    audience: [audience].flat(),
    algorithms,
    keys: keys ?? { at: 'hand', keys: [] },
    clockToleranceMs: clockTolerance,
    scopes,
  };
}

function checkAlgorithms(
  settings: IssuerSettings,
  algorithms: readonly Algorithm[],
  keys: KeyLocation,
  report: Report,
): void {
  for (const [index, algorithm] of algorithms.entries()) {
    const isHmac = ALGORITHMS[algorithm] === 'secret';
    if (isHmac === (keys.at === 'secret')) continue;
    report(['algorithms', index], {
      rule: 'auth-algorithm',
      message: isHmac
        ? `${algorithm} takes a secret, and this issuer has public keys: who knows a public key could sign.`
        : `${algorithm} takes public keys, and this issuer has a secret.`,
      found: algorithm,
      expected: Object.entries(ALGORITHMS)
        .flatMap(([name, kind]) => ((kind === 'secret') === isHmac ? [] : [name]))
        .join(', '),
    });
  }
  if (keys.at === 'hand' && keys.keys.length > 0) {
    for (const [index, algorithm] of algorithms.entries()) {
      if (ALGORITHMS[algorithm] === 'secret' || keys.keys.some(({ kty }) => kty === ALGORITHMS[algorithm]))
        continue;
      report(settings.algorithms === undefined ? ['jwks'] : ['algorithms', index], {
        rule: 'auth-algorithm',
        message: `No key of this issuer is one for ${algorithm}.`,
        found: [...new Set(keys.keys.map(({ kty }) => kty))].join(', '),
        expected: `a key with "kty": "${ALGORITHMS[algorithm]}", or "algorithms" that fit the keys`,
      });
    }
  }
}

const MIN_SECRET_CHARACTERS = 32;

/** Undefined where it is not clear. */
function locateKeys({ jwks, secret }: IssuerSettings, report: Report): KeyLocation | undefined {
  if ((jwks === undefined) === (secret === undefined)) {
    report(jwks === undefined ? [] : ['secret'], {
      rule: 'auth-keys',
      message:
        jwks === undefined
          ? 'This issuer has no keys, so none of its tokens could be believed.'
          : 'An issuer has public keys or a secret, not both.',
      expected: '"jwks", or "secret" for HMAC',
    });
    return undefined;
  }
  if (secret !== undefined) {
    if (secret.length < MIN_SECRET_CHARACTERS) {
      report(['secret'], {
        rule: 'auth-keys',
        message: 'Who has a token could find out this secret by trying.',
        found: `${secret.length} characters`,
        expected: `${MIN_SECRET_CHARACTERS} characters at least, such as of "openssl rand -base64 32"`,
      });
    }
    return { at: 'secret', secret };
  }
  if (typeof jwks === 'string') return { at: 'hand', keys: readKeys(parseKeys(jwks), report) };
  if (jwks !== undefined && 'keys' in jwks) return { at: 'hand', keys: readKeys(jwks, report) };
  const { url = '', maxAge = 0, coolDown = 0, timeout = 0 } = jwks ?? {};
  const address = URL.parse(url);
  if (address?.protocol !== 'https:' && !(address?.protocol === 'http:' && isLoopback(address.hostname))) {
    report(['jwks', 'url'], {
      rule: 'auth-keys',
      message: 'Keys that somebody on the way could exchange are not worth anything.',
      found: address === null ? 'not a URL' : `${address.protocol}//…`,
      expected: 'https://host, or http:// to this machine',
    });
  }
  return { at: 'address', url, maxAgeMs: maxAge, coolDownMs: coolDown, timeoutMs: timeout };
}

function parseKeys(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Members that only private keys have. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

function readKeys(set: unknown, report: Report): readonly PublicKey[] {
  const keys = publicKeys(set);
  if (keys === undefined || keys.length === 0) {
    report(['jwks'], {
      rule: 'auth-keys',
      message: 'This is not a set of keys.',
      expected: '{"keys": [{"kty": …}, …]}, as RFC 7517 has it, or { url: https://… } of it',
    });
    return [];
  }
  if (keys.some((key) => PRIVATE.some((member) => Object.hasOwn(key, member)))) {
    report(['jwks'], {
      rule: 'auth-keys',
      message: 'One of these keys is private: whoever reads this file could sign tokens.',
      expected: 'public keys',
      hint: 'make a new pair, keep its private part with the issuer, and write the public one here',
    });
  }
  return keys;
}

/** The keys of a set, without what is none of a kind that is known (RFC 7517, 5); undefined when it is no set. */
export function publicKeys(set: unknown): readonly PublicKey[] | undefined {
  if (typeof set !== 'object' || set === null || !('keys' in set)) return undefined;
  const { keys } = set;
  return Array.isArray(keys) ? keys.filter(isKey) : undefined;
}

function isKey(value: unknown): value is PublicKey {
  return typeof value === 'object' && value !== null && 'kty' in value && typeof value.kty === 'string';
}
