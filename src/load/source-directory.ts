/** The configuration directory: the only files that loading reads, and never anything outside of it. */
import { createHash, hash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';

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
    const { size } = await stat(absolute);
    if (size > MAX_FILE_BYTES) throw new FileProblem(`${path} is larger than ${MAX_FILE_BYTES} bytes`);
    const bytes = await readFile(absolute);
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
    return (await this.read(path))?.toString('utf8');
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

function escapes(base: string, absolute: string): boolean {
  const way = relative(base, absolute);
  return way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
}
