/** A certificate authority, made with openssl for one run. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** PEM texts. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

export interface Wanted {
  /** As openssl takes it: `/O=Example/CN=web`. */
  readonly subject: string;
  /** `URI:spiffe://…, DNS:…` */
  readonly names?: string;
  /** Seconds from now; may lie in the past. */
  readonly endsIn?: number;
  readonly isAuthority?: boolean;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const SETTINGS = `
[ca]
default_ca = own
[own]
database = index
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
unique_subject = no
[any]
countryName = optional
organizationName = optional
organizationalUnitName = optional
commonName = optional
`;

export class Authority implements AsyncDisposable {
  readonly #directory: string;
  #certificate = '';
  #issued = 0;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async make(name = 'authority'): Promise<Authority> {
    const authority = await Authority.#begin();
    await authority.#openssl(
      ...['req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2'],
      ...['-subj', `/CN=${name}`],
    );
    authority.#certificate = await authority.#read('ca.pem');
    return authority;
  }

  static async #begin(): Promise<Authority> {
    const authority = new Authority(await mkdtemp(join(tmpdir(), 'hem-ca-')));
    await authority.#write('settings', SETTINGS);
    await authority.#write('index', '');
    await authority.#write('serial', '01\n');
    return authority;
  }

  /** Another one, whose certificate this one signs. */
  async makeUnder(name: string): Promise<Authority> {
    const { certificate, key } = await this.issue({ subject: `/CN=${name}`, isAuthority: true });
    const authority = await Authority.#begin();
    await authority.#write('ca.pem', certificate);
    await authority.#write('ca.key', key);
    authority.#certificate = certificate;
    return authority;
  }

  get certificate(): string {
    return this.#certificate;
  }

  /** One at a time: there is one list of what was issued. */
  async issue({ subject, names, endsIn = 86_400, isAuthority = false }: Wanted): Promise<Pair> {
    const name = `c${this.#issued++}`;
    const end = Date.now() + endsIn * 1000;
    await this.#openssl('req', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
    const extensions = [
      ...(names === undefined ? [] : [`subjectAltName=${names}`]),
      ...(isAuthority ? ['basicConstraints=critical,CA:TRUE'] : []),
    ];
    await this.#write('extensions', extensions.join('\n'));
    await this.#openssl(
      ...['ca', '-batch', '-notext', '-config', 'settings', '-extfile', 'extensions', '-preserveDN'],
      ...['-in', `${name}.csr`, '-out', `${name}.pem`],
      ...['-startdate', toTime(Math.min(end, Date.now()) - 3_600_000), '-enddate', toTime(end)],
    );
    return { certificate: await this.#read(`${name}.pem`), key: await this.#read(`${name}.key`) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  #openssl(...args: readonly string[]): Promise<unknown> {
    return promisify(execFile)('openssl', args, { cwd: this.#directory, timeout: 20_000 });
  }

  #read(file: string): Promise<string> {
    return readFile(join(this.#directory, file), 'utf8');
  }

  #write(file: string, text: string): Promise<void> {
    return writeFile(join(this.#directory, file), text);
  }
}

/** `YYYYMMDDHHMMSSZ` */
function toTime(at: number): string {
  return `${new Date(at).toISOString().replace(/\..*|\D/g, '')}Z`;
}
