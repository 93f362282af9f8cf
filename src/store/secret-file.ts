/** Secrets that are made at the first start, each in a file that only its owner can read. */
import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

const OWNER_ONLY = 0o600;
const MIN_CHARACTERS = 32;

/** @param file absolute path @throws system errors when the file can be neither read nor made */
export async function loadOrMakeSecret(file: string): Promise<string> {
  const known = await read(file);
  if (isLongEnough(known)) {
    // Whoever copied the file may have opened it to others. Where it is mounted read-only, that is its owner's affair.
    await chmod(file, OWNER_ONLY).catch(() => {});
    return known;
  }
  const secret = randomBytes(32).toString('base64url');
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  // Complete or not there at all.
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${secret}\n`, { mode: OWNER_ONLY });
  if (known !== undefined) {
    await rename(draft, file);
    return secret;
  }
  try {
    await link(draft, file);
    return secret;
  } catch (error) {
    // Another process was faster: what it made is what counts.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return (await read(file))!;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Undefined where there is none. @throws system errors when the file cannot be read */
export async function loadSecret(file: string): Promise<string | undefined> {
  const known = await read(file);
  return isLongEnough(known) ? known : undefined;
}

function isLongEnough(secret: string | undefined): secret is string {
  return secret !== undefined && secret.length >= MIN_CHARACTERS;
}

async function read(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
