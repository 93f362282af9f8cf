/** The last line of a run is read by machines: it counts everything that went wrong, also outside of tests. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COUNTS_FILE, toClosingLine } from './support/closing-line.ts';
import { runCommand } from './support/command.ts';
import { ROOT } from './support/imports.ts';

const folder = mkdtempSync(join(tmpdir(), 'hem-closing-line-'));

beforeAll(() => {
  mkdirSync(join(folder, 'test'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test.each([
  {
    what: 'a pass, a failure, a skip',
    body: `test('a', () => {}); test('b', () => { throw new Error('b') }); test.skip('c', () => {});`,
    line: '1 passed, 1 failed, 1 skipped',
  },
  { what: 'only passes', body: `test('a', () => {}); test('b', () => {});`, line: '2 passed, 0 failed' },
  {
    what: 'a file that does not load',
    body: `test('a', () => {}); throw new Error('load');`,
    line: '0 passed, 1 failed',
  },
  {
    what: 'a hook that fails',
    body: `describe('s', () => { beforeAll(() => { throw new Error('hook') }); test('a', () => {}); }); test('b', () => {});`,
    line: '1 passed, 1 failed, 1 skipped',
  },
  {
    what: 'a rejection that nobody handles',
    body: `test('a', async () => { Promise.reject(new Error('lost')); await new Promise(setImmediate); });`,
    line: '1 passed, 1 failed',
  },
])('$what: $line', async ({ body, line }) => {
  writeFileSync(
    join(folder, 'test/one.test.ts'),
    `import { beforeAll, describe, test } from 'vitest';\n${body}\n`,
  );
  const { output, code } = await vitest();
  expect(output.trimEnd().split('\n').at(-1), output).toBe(line);
  expect(code === 0).toBe(line.includes(' 0 failed'));
});

test('skips are named only when there are any', () => {
  expect(toClosingLine({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed');
});

function vitest(): ReturnType<typeof runCommand> {
  const { [COUNTS_FILE]: _, ...env } = process.env;
  const reporters = ['--reporter', 'default', '--reporter', join(ROOT, 'test/support/closing-line.ts')];
  const command = [join(ROOT, 'node_modules/.bin/vitest'), 'run', '--root', folder, ...reporters];
  // Through one pipe, as on a terminal: of two, nobody knows which came last.
  return runCommand(['sh', '-c', 'exec "$@" 2>&1', 'sh', ...command], {
    env: { ...env, NO_COLOR: '1' },
    deadlineMs: 15_000,
  });
}
