/** Loads `.proto` files and what they import, from the connector's own folder only. */
import { readdir, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import protobuf, { type Root } from 'protobufjs';
import type { ConnectorSource } from '../kind.ts';
import { bundledFile, bundledName, ONLY_OPTIONS } from './bundled.ts';
import { useJsonNames } from './names.ts';
import type { GrpcOptions } from './options.ts';
import { unresolvedNames } from './unresolved.ts';

const MAX_FILES = 2000;

/** One per connector and load. */
interface Loading {
  readonly source: ConnectorSource<GrpcOptions>;
  readonly root: Root;
  /** Texts by path below the connector's folder. */
  readonly files: Map<string, string>;
  readonly bundled: Set<string>;
  failed: boolean;
}

export async function readProtoFiles(
  source: ConnectorSource<GrpcOptions>,
  proto: string | readonly string[],
): Promise<Root | undefined> {
  const loading: Loading = {
    source,
    root: new protobuf.Root(),
    files: new Map(),
    bundled: new Set(),
    failed: false,
  };
  const entries = typeof proto === 'string' ? [proto] : proto;
  for (const [index, entry] of entries.entries()) {
    const at = typeof proto === 'string' ? ['proto'] : ['proto', index];
    for (const path of await expand(loading, posix.normalize(entry), at)) await readFile(loading, path, at);
  }
  return loading.failed ? undefined : resolve(loading);
}

/** The files of a folder, or the file itself. */
async function expand(
  loading: Loading,
  entry: string,
  at: readonly (string | number)[],
): Promise<readonly string[]> {
  if (!(await isFolder(loading.source, entry))) return [entry];
  const names = await readdir(loading.source.locate(entry), { recursive: true });
  const paths = names
    .filter((name) => name.endsWith('.proto'))
    .map((name) => posix.join(entry, name.replaceAll('\\', '/')))
    .sort();
  if (paths.length > 0 && paths.length <= MAX_FILES) return paths;
  loading.failed = true;
  loading.source.report(at, {
    rule: 'grpc-spec',
    message:
      paths.length === 0
        ? `The folder "${entry}" holds no .proto file.`
        : `The folder "${entry}" holds too many files.`,
    found: paths.length === 0 ? undefined : `${paths.length} .proto files`,
    expected: paths.length === 0 ? undefined : `at most ${MAX_FILES}`,
  });
  return [];
}

async function readFile(loading: Loading, path: string, at: readonly (string | number)[]): Promise<void> {
  const bundled = bundledName(path);
  if (bundled !== undefined) return addBundled(loading, bundled);
  if (loading.files.has(path)) return;
  const bytes = await loading.source.read(path, at);
  if (bytes === undefined) {
    loading.failed = true;
    return;
  }
  const text = bytes.toString('utf8');
  loading.files.set(path, text);
  const imports = parse(loading, path, text);
  for (const { name, weak } of imports) await readImport(loading, { path, text }, name, weak, at);
}

function parse(loading: Loading, path: string, text: string): Array<{ name: string; weak: boolean }> {
  const parser = protobuf.parse as typeof protobuf.parse & { filename: string | null };
  try {
    parser.filename = path;
    const { imports, weakImports } = protobuf.parse(text, loading.root, { keepCase: true });
    return [
      ...(imports ?? []).map((name) => ({ name, weak: false })),
      ...(weakImports ?? []).map((name) => ({ name, weak: true })),
    ];
  } catch (error) {
    reportSyntax(loading, path, text, error);
    return [];
  } finally {
    parser.filename = null;
  }
}

/** The parser names the line at the end of its messages. */
function reportSyntax(loading: Loading, path: string, text: string, error: unknown): void {
  loading.failed = true;
  const message = error instanceof Error ? error.message : String(error);
  const [, what = message, line = '1'] = /^(.*) \((?:.*, )?line (\d+)\)$/s.exec(message) ?? [];
  const start = text
    .split('\n')
    .slice(0, Number(line) - 1)
    .join('\n').length;
  loading.source.reportIn(path, text, Number(line) > 1 ? start + 1 : 0, {
    rule: 'spec-syntax',
    message: `This is not a .proto file that can be read: ${what}.`,
  });
}

async function readImport(
  loading: Loading,
  from: { readonly path: string; readonly text: string },
  name: string,
  weak: boolean,
  at: readonly (string | number)[],
): Promise<void> {
  const bundled = bundledName(name);
  if (bundled !== undefined) return addBundled(loading, bundled);
  for (const candidate of candidates(from.path, name)) {
    if (!loading.files.has(candidate) && !(await exists(loading.source, candidate))) continue;
    return readFile(loading, candidate, at);
  }
  if (weak || ONLY_OPTIONS.has(name)) return;
  loading.failed = true;
  loading.source.reportIn(from.path, from.text, Math.max(0, from.text.indexOf(`"${name}"`)), {
    rule: 'grpc-import',
    message: "This import is not in the connector's folder.",
    found: JSON.stringify(name),
    expected: candidates(from.path, name).join(' or ') || 'a path below the folder',
    hint: 'copy the file there, or use a descriptor set: protoc --include_imports --descriptor_set_out=…',
  });
}

function addBundled(loading: Loading, name: string): void {
  if (loading.bundled.has(name)) return;
  loading.bundled.add(name);
  const { definitions, imports } = bundledFile(name);
  loading.root.addJSON(definitions);
  for (const inner of imports) addBundled(loading, inner);
}

/** Where an import may be: below the connector's folder, else below each folder on the way to the importing file. */
function candidates(from: string, name: string): string[] {
  if (posix.isAbsolute(name) || posix.normalize(name).startsWith('..')) return [];
  const folders = posix.dirname(from) === '.' ? [] : posix.dirname(from).split('/');
  return ['', ...folders.map((_, depth) => folders.slice(0, depth + 1).join('/'))].map((folder) =>
    posix.join(folder, name),
  );
}

function resolve(loading: Loading): Root | undefined {
  const { root, source, files } = loading;
  const [first = '', text = ''] = [...files][0] ?? [];
  try {
    useJsonNames(root);
    const unresolved = unresolvedNames(root);
    for (const { file, name, owner, hint } of unresolved) {
      const path = file !== null && files.has(file) ? file : first;
      const found = files.get(path) ?? text;
      source.reportIn(
        path,
        found,
        Math.max(0, found.search(new RegExp(`(?<![\\w.])${name.replaceAll('.', '\\.')}(?![\\w.])`))),
        {
          rule: 'grpc-unknown-type',
          message: `${owner} refers to a type that no file defines.`,
          found: name,
          expected: 'a message or enum of these files or their imports',
          hint,
        },
      );
    }
    if (unresolved.length > 0) return undefined;
    root.resolveAll();
    return root;
  } catch (error) {
    source.reportIn(first, text, 0, {
      rule: 'spec-syntax',
      message: `${error instanceof Error ? error.message : String(error)}.`,
    });
    return undefined;
  }
}

async function isFolder(source: ConnectorSource<GrpcOptions>, path: string): Promise<boolean> {
  return (await stat(located(source, path)).catch(() => undefined))?.isDirectory() === true;
}

async function exists(source: ConnectorSource<GrpcOptions>, path: string): Promise<boolean> {
  return (await stat(located(source, path)).catch(() => undefined))?.isFile() === true;
}

/** A path that leads outside counts as absent here; reading it reports the problem. */
function located(source: ConnectorSource<GrpcOptions>, path: string): string {
  try {
    return source.locate(path);
  } catch {
    return '';
  }
}
