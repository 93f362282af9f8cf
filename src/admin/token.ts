/** Whether a request carries the operators' token. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether an Authorization header carries the token: as a bearer, or as anybody's password. Compares in constant time. */
export function isToken(authorization: string | undefined, token: string): boolean {
  const [, scheme, credentials] = /^(bearer|basic) +(\S+)$/i.exec(authorization ?? '') ?? [];
  if (scheme === undefined || credentials === undefined) return false;
  const presented = scheme.toLowerCase() === 'basic' ? passwordOf(credentials) : credentials;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(presented), digest(token));
}

function passwordOf(credentials: string): string {
  const text = Buffer.from(credentials, 'base64').toString('utf8');
  return text.slice(text.indexOf(':') + 1);
}
