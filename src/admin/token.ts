/** The operators' token, as requests carry it. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../doors/refusal.ts';

/** @throws {Refusal} UNAUTHENTICATED */
export function requireToken({ headers }: IncomingMessage, token: string): void {
  if (isToken(headers.authorization, token)) return;
  throw new Refusal(
    'UNAUTHENTICATED',
    'This needs the operators\' token: "Authorization: Bearer …", or as the password of any user.',
    // Browsers ask for a password, so that the page can be opened.
    { 'www-authenticate': 'Basic realm="Hem operators", charset="UTF-8"' },
  );
}

/** Whether an Authorization header carries the token: as a bearer, or as anybody's password. Compares in constant time. */
function isToken(authorization: string | undefined, token: string): boolean {
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
