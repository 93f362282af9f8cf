/** What a token says of itself, before anything of it is believed: enough to refuse most that cannot be good, at no cost. */
import { isObject } from '../json-object.ts';
import type { Issuer } from '../load/checks/auth.ts';
import { EXPIRED, notValid, Unauthenticated } from './failures.ts';

/** What a key is found by. Whatever else a header brings along (jwk, jku, x5c, x5u) is nobody's business. */
export interface KeyName {
  readonly alg: string;
  readonly kid: string | undefined;
}

export interface ReadToken {
  readonly key: KeyName;
  readonly issuer: Issuer;
}

const PARTS = /^([\w-]{2,})\.([\w-]{2,})\.([\w-]+)$/;
const MAX_KID_CHARACTERS = 256;

/** @throws {Unauthenticated} when no key could make it good */
export function readToken(token: string, issuers: readonly Issuer[], maxBytes: number): ReadToken {
  // All characters of a token have one byte.
  if (token.length > maxBytes) throw notValid('long');
  const [, head = '', body = ''] = PARTS.exec(token) ?? [];
  const header = decode(head);
  const payload = decode(body);
  if (header === undefined || payload === undefined) throw notValid('malformed');
  const { alg, kid, crit } = header;
  const { iss, aud, exp, nbf } = payload;
  const issuer = issuers.find((candidate) => candidate.issuer === iss);
  if (issuer === undefined) throw notValid('issuer');
  if (typeof alg !== 'string' || !issuer.algorithms.some((known) => known === alg))
    throw notValid('algorithm');
  if (crit !== undefined) throw notValid('critical');
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_CHARACTERS))
    throw notValid('malformed', 'a kid that is none');
  if (![aud].flat().some((one) => typeof one === 'string' && issuer.audience.includes(one)))
    throw notValid('audience');
  if (typeof exp !== 'number' || !Number.isFinite(exp)) throw notValid('without end');
  const now = Date.now();
  if (exp * 1000 + issuer.clockToleranceMs <= now) throw new Unauthenticated(EXPIRED, 'invalid_token');
  if (nbf !== undefined && (typeof nbf !== 'number' || nbf * 1000 - issuer.clockToleranceMs > now))
    throw notValid('not yet');
  return { key: { alg, kid }, issuer };
}

function decode(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
