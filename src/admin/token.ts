/** The operators' token: made at the first start, in a file that only its owner can read. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

const OWNER_ONLY = 0o600;
const MIN_CHARACTERS = 32;

/** @param file absolute path @throws system errors when the file can be neither read nor made */
export async function loadOrMakeToken(file: string): Promise<string> {
  const known = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  if (known.trim().length >= MIN_CHARACTERS) {
    // Whoever copied the file may have opened it to others. Where it is mounted read-only, that is its owner's affair.
    await chmod(file, OWNER_ONLY).catch(() => {});
    return known.trim();
  }
  const token = randomBytes(32).toString('base64url');
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  // Complete or not there at all: another process may start at the same time.
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${token}\n`, { mode: OWNER_ONLY });
  await rename(draft, file);
  return token;
}

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
