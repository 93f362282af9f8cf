/** What the pages name is there: links, and files of the sources. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { KINDS } from '../src/connectors/registry.ts';
import { ROOT } from './support/imports.ts';

const PAGES = ['README.md', ...globSync(['docs/**/*.md', 'src/*/README.md'], { cwd: ROOT })].sort();
const textOf = (page: string) => readFileSync(join(ROOT, page), 'utf8');

describe.each(PAGES)('%s', (page) => {
  test('links to pages that there are', () => {
    const links = [...textOf(page).matchAll(/\]\((?!https?:)([^)#\s]+)[^)]*\)/g)].map(
      ([, target]) => target!,
    );
    expect(links.filter((target) => !existsSync(join(ROOT, dirname(page), target)))).toEqual([]);
  });

  test('names files that there are', () => {
    const named = [...textOf(page).matchAll(/`((?:src|docs|test|demo)\/[\w/.-]+|[\w-]+\.ts)`/g)].map(
      ([, name]) => name!,
    );
    const folder = page.startsWith('src/') ? dirname(page) : undefined;
    const missing = named.filter((name) => {
      if (name === 'mapping.ts') return false;
      if (name.includes('/')) return !existsSync(join(ROOT, name));
      return folder !== undefined && globSync(`**/${name}`, { cwd: join(ROOT, folder) }).length === 0;
    });
    expect(missing).toEqual([]);
  });
});

test('the index has every page', () => {
  const index = textOf('docs/README.md');
  const pages = PAGES.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
  expect(pages.filter((page) => !index.includes(`](${page.slice('docs/'.length)})`))).toEqual([]);
});

test('every connector kind has a page, and every phase of the sources says what it is in a few lines', () => {
  expect(
    KINDS.map(({ kind }) => `docs/connectors/${kind}.md`).filter((page) => !PAGES.includes(page)),
  ).toEqual([]);
  const folders = globSync('src/*/', { cwd: ROOT }).map((folder) => folder.replace(/\/$/, ''));
  for (const folder of folders) {
    expect(PAGES).toContain(`${folder}/README.md`);
    expect(textOf(`${folder}/README.md`).trimEnd().split('\n').length, folder).toBeLessThanOrEqual(7);
  }
});

test('each step of a request’s way names a file', () => {
  const steps = textOf('docs/request-flow.md').match(/^\| \d+ .*$/gm) ?? [];
  expect(steps.length).toBeGreaterThan(15);
  expect(steps.filter((step) => !/`src\/[\w/.-]+\.ts`/.test(step))).toEqual([]);
});
