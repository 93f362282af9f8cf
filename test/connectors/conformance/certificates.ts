/** An authority, a server and a client certificate, made with openssl for one run. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ServerTls } from './kind.ts';

/** PEM texts. */
export interface Certificates {
  readonly server: ServerTls;
  readonly client: ServerTls;
  /** Signed by an authority that the server does not know. */
  readonly stranger: ServerTls;
}

export async function makeCertificates(): Promise<Certificates> {
  const directory = await mkdtemp(join(tmpdir(), 'hem-tls-'));
  const openssl = (...args: readonly string[]) =>
    promisify(execFile)('openssl', args, { cwd: directory, timeout: 20_000 });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const authority = (name: string) =>
    openssl(
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
    );
  const issue = async (name: string, by: string): Promise<ServerTls> => {
    await openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const args = ['-req', '-in', `${name}.csr`, '-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-days', '2'];
    await openssl('x509', ...args, '-extfile', 'names', '-CAcreateserial', '-out', `${name}.pem`);
    const read = (file: string) => readFile(join(directory, file), 'utf8');
    return {
      ca: await read('authority.pem'),
      certificate: await read(`${name}.pem`),
      key: await read(`${name}.key`),
    };
  };
  try {
    await writeFile(join(directory, 'names'), 'subjectAltName=DNS:things.internal,IP:127.0.0.1\n');
    await Promise.all([authority('authority'), authority('other')]);
    const server = await issue('server', 'authority');
    const client = await issue('client', 'authority');
    return { server, client, stranger: await issue('stranger', 'other') };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
