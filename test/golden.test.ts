/**
 * What `hem check` says: every folder in `golden/` is a configuration with mistakes and the report on it.
 * `UPDATE=1` writes the reports anew; read the difference before committing it.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadGeneration } from '../src/generation.ts';
import { ConfigurationError, formatProblems } from '../src/problems.ts';
import { runCommand } from './support/command.ts';
import { ROOT, sourceFiles } from './support/imports.ts';

const FOLDER = join(import.meta.dirname, 'golden');
const CASES = readdirSync(FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();
/** In a process of its own: modules are loaded by Node there, not by vitest, and the command line is tried, too. */
const SPAWNED = /^(mapping-module(-broken)?|a-dozen-mistakes)$/;

describe('a configuration with mistakes is reported as expected', () => {
  test.each(CASES)('%s', { timeout: 60_000 }, async (name) => {
    const report = await (SPAWNED.test(name) ? check : load)(join(FOLDER, name));
    const file = join(FOLDER, name, 'expected.txt');
    if (process.env.UPDATE === '1') writeFileSync(file, report);
    expect(report).toBe(readFileSync(file, 'utf8'));
  });
});

test('every rule has a case here or among other tests', () => {
  const rules = new Set(
    sourceFiles('src').flatMap((file) =>
      [
        ...readFileSync(join(ROOT, file), 'utf8').matchAll(/\brule:[^,\n]*?'([a-z-]+)'(?: : '([a-z-]+)')?,/g),
      ].flatMap(([, one, other]) => [one!, other ?? one!]),
    ),
  );
  const reports = CASES.map((name) => readFileSync(join(FOLDER, name, 'expected.txt'), 'utf8'));
  const tests = sourceFiles('test/connectors', 'test/cli', 'test/load').map((file) =>
    readFileSync(join(ROOT, file), 'utf8'),
  );
  const isTried = (rule: string) =>
    reports.some((text) => text.includes(`  ${rule}\n`)) || tests.some((text) => text.includes(rule));
  expect([...rules].filter((rule) => !isTried(rule)).sort()).toEqual([]);
});

async function load(directory: string): Promise<string> {
  try {
    await loadGeneration(directory, {});
    return 'no problems\n';
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return `${formatProblems(error.problems)}\n`;
  }
}

async function check(directory: string): Promise<string> {
  const { code, output } = await runCommand(
    [process.execPath, 'src/main.ts', 'check', '--config', directory],
    {
      env: { PATH: process.env.PATH },
    },
  );
  expect(code).toBe(2);
  return output;
}
