/** The configuration directory: the only files that loading reads, and never anything outside of it. */
import { isUtf8 } from 'node:buffer';
import { createHash, hash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { GatheredBytes } from '../gathered-bytes.ts';

const MAX_FILE_BYTES = 16 * 1024 ** 2;

/** Why a file cannot be used. */
export class FileProblem extends Error {}

export class SourceDirectory {
  /** Absolute. */
  readonly root: string;
  /** Of what was read, by path below the root. */
  readonly #digests = new Map<string, string>();

  constructor(root: string) {
    this.root = resolve(root);
  }

  /** Names of the folders directly below `path`, sorted; empty when there is none. */
  async folders(path: string): Promise<readonly string[]> {
    return this.#entries(path, (name, found) => found.isDirectory() && !name.startsWith('.'));
  }

  /** Names of the files directly below `path` that end in `ending`, sorted. */
  async files(path: string, ending: string): Promise<readonly string[]> {
    return this.#entries(path, (name, found) => found.isFile() && name.endsWith(ending));
  }

  /** The file's bytes, or undefined when it does not exist. @throws {FileProblem} */
  async read(path: string, below = ''): Promise<Buffer | undefined> {
    const absolute = await this.#confine(path, below);
    if (absolute === undefined) return undefined;
    const bytes = await readBounded(absolute, path);
    this.#digests.set(relative(this.root, this.locate(path, below)), hash('sha256', bytes, 'base64url'));
    return bytes;
  }

  /** Of all files that were read in a folder, or of one file. Equal when nothing in them has changed. */
  digestOf(path: string): string {
    const read = [...this.#digests].filter(([file]) => file === path || file.startsWith(path + sep)).sort();
    return createHash('sha256').update(JSON.stringify(read)).digest('base64url');
  }

  /** UTF-8 text of a file. @throws {FileProblem} */
  async readText(path: string): Promise<string | undefined> {
    const bytes = await this.read(path);
    return bytes && toText(bytes, path);
  }

  /** The absolute path of `path` below the folder `below`. @throws {FileProblem} when it leads outside */
  locate(path: string, below = ''): string {
    const base = join(this.root, below);
    const absolute = resolve(base, path);
    if (isAbsolute(path) || escapes(base, absolute)) {
      throw new FileProblem(`"${path}" leads out of ${below === '' ? 'the configuration' : below}`);
    }
    return absolute;
  }

  /** Links are followed, as mounted volumes use them; reading judges where they lead. */
  async #entries(path: string, accept: (name: string, found: Stats) => boolean): Promise<readonly string[]> {
    const folder = join(this.root, path);
    const names = (await readdir(folder).catch(() => [])).sort();
    const found = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => undefined)));
    return names.filter((name, index) => found[index] !== undefined && accept(name, found[index]));
  }

  /** Resolves symbolic links before judging where a file is. */
  async #confine(path: string, below: string): Promise<string | undefined> {
    const absolute = this.locate(path, below);
    const real = await realpath(absolute).catch(() => undefined);
    if (real === undefined) return undefined;
    if (escapes(await realpath(this.root), real))
      throw new FileProblem(`"${path}" leads out of the configuration`);
    if (!(await stat(real)).isFile()) throw new FileProblem(`"${path}" is not a file`);
    return real;
  }
}

/** Reads no more than that, however long what is there may be. @throws {FileProblem} */
export async function readBounded(absolute: string, path: string): Promise<Buffer> {
  const bytes = new GatheredBytes();
  const stream = createReadStream(absolute, { end: MAX_FILE_BYTES });
  for await (const piece of stream) bytes.add(piece as Buffer);
  if (bytes.length > MAX_FILE_BYTES) throw new FileProblem(`${path} is larger than ${MAX_FILE_BYTES} bytes`);
  return bytes.take();
}

/** @throws {FileProblem} where it is not UTF-8: replaced characters would change passwords without a word */
export function toText(bytes: Buffer, path: string): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const before = bytes.toString('utf8').split('\uFFFD', 1)[0]!;
  throw new FileProblem(`${path} is not UTF-8: see line ${before.split('\n').length}`);
}

function escapes(base: string, absolute: string): boolean {
  const way = relative(base, absolute);
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
}
