/** What package.json promises: `src` runs on `dependencies` alone, nothing is borrowed from other packages, nothing lies about. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { importsOf, ROOT, sourceFiles } from './support/imports.ts';

/** Used otherwise than by an import. */
const TOOLS: Readonly<Record<string, string>> = {
  '@biomejs/biome': 'npm run check',
  '@graphql-codegen/cli': 'codegen.yml',
  '@graphql-codegen/typed-document-node': 'codegen.yml',
  '@graphql-codegen/typescript': 'codegen.yml',
  '@graphql-codegen/typescript-operations': 'codegen.yml',
  '@graphql-typed-document-node/core': 'clients/*/generated',
  '@types/amqplib': 'npm run check',
  '@types/http-cache-semantics': 'npm run check',
  '@types/node': 'npm run check',
  '@types/ws': 'npm run check',
  node: 'the Node that npm scripts run on',
  typescript: 'npm run check',
};

const manifest: {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
} = readJson('package.json');
const dependencies = new Set(Object.keys(manifest.dependencies));
const all = new Set([...dependencies, ...Object.keys(manifest.devDependencies)]);

describe('packages', () => {
  test('what a team configures and src import are dependencies', () => {
    expect(foreign(['src', 'connectors'], dependencies)).toEqual([]);
  });

  test('demo, bench and test import dependencies and devDependencies', () => {
    expect(foreign(['demo', 'bench', 'test'], all)).toEqual([]);
  });

  test('every one is used', () => {
    const files = [...sourceFiles('src', 'connectors', 'demo', 'bench', 'test'), 'vitest.config.ts'];
    const used = new Set(files.flatMap(importsOf).map(({ dependency }) => dependency));
    expect([...all].filter((name) => !used.has(name) && !Object.hasOwn(TOOLS, name))).toEqual([]);
    expect(Object.keys(TOOLS).filter((name) => !all.has(name))).toEqual([]);
  });

  test('there is one copy of graphql in production', () => {
    const lock: { packages: Record<string, { dev?: boolean }> } = readJson('package-lock.json');
    const copies = Object.entries(lock.packages)
      .filter(
        ([path, entry]) =>
          /(^|\/)node_modules\/graphql$/.test(path) && !path.startsWith('test/') && !entry.dev,
      )
      .map(([path]) => path);
    expect(copies).toEqual(['node_modules/graphql']);
  });
});

describe('the lock file', () => {
  const lock: {
    packages: Record<string, { optionalDependencies?: Record<string, string>; link?: boolean }>;
  } = readJson('package-lock.json');

  test('says the same as package.json', () => {
    expect(lock.packages['']).toMatchObject({
      dependencies: manifest.dependencies,
      devDependencies: manifest.devDependencies,
    });
  });

  test('has the optional packages of all platforms, or npm ci refuses it', () => {
    const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => !resolves(path, name, lock.packages)),
    );
    expect(missing).toEqual([]);
  });
});

/** Imports of packages that are not among the allowed ones, as "file:line package". */
function foreign(folders: readonly string[], allowed: ReadonlySet<string>): readonly string[] {
  return sourceFiles(...folders)
    .filter((file) => !isOtherPackage(file))
    .flatMap(importsOf)
    .filter(({ dependency }) => dependency !== undefined && !allowed.has(dependency))
    .map(({ file, line, dependency }) => `${file}:${line} ${dependency}`);
}

/** Files below a folder with a package.json of its own answer to that one. */
function isOtherPackage(file: string): boolean {
  const folders = file.split('/').slice(0, -1);
  return folders.some((_, index) => existsSync(join(ROOT, ...folders.slice(0, index + 1), 'package.json')));
}

/** As Node looks for it: beside the package, then further up. */
function resolves(path: string, name: string, packages: Readonly<Record<string, unknown>>): boolean {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    if (Object.hasOwn(packages, folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`))
      return true;
    if (folder === '') return false;
  }
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
}
