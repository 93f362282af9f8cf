/**
 * What `npm test` runs: formatter and linter, type check, tests; arguments go to vitest. The last line of all output is
 * `N passed, N failed`, whatever happens.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { COUNTS_FILE, type Counts, toClosingLine } from './support/closing-line.ts';

const ROOT = join(import.meta.dirname, '..');
const CHECKS_MS = 120_000;
const TESTS_MS = 1_200_000;

let counts: Counts = { passed: 0, failed: 1, skipped: 0 };
process.once('exit', () => {
  console.log(toClosingLine(counts));
});
process.exitCode = 1;
requireNode();
if (await checked()) {
  counts = await tested(process.argv.slice(2));
  if (counts.failed === 0) process.exitCode = 0;
}

/** The version that the tests are meant for is a dependency; an older one means that its install script did not run. */
function requireNode(): void {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const needed = Number.parseInt(devDependencies.node.replace(/^\D+/, ''), 10);
  if (Number.parseInt(process.versions.node, 10) >= needed) return;
  console.error(
    `The tests need Node ${needed}; this is Node ${process.versions.node} (${process.execPath}).`,
  );
  console.error(
    '`npm ci` installs it, unless install scripts are switched off; `npm rebuild node` repairs that.',
  );
  process.exit();
}

async function checked(): Promise<boolean> {
  const formatted = await run('biome', ['check', '.'], CHECKS_MS);
  if (formatted !== 0) console.error('Formatter or linter failed; `npm run format` repairs most of it.');
  const typed = await run('tsc', [], CHECKS_MS);
  if (typed !== 0) console.error('The type check failed.');
  if (formatted === 0 && typed === 0) return true;
  console.error('No test was run.');
  return false;
}

async function tested(args: readonly string[]): Promise<Counts> {
  const directory = await mkdtemp(join(tmpdir(), 'hem-counts-'));
  const file = join(directory, 'counts.json');
  try {
    const code = await run('vitest', ['run', ...args], TESTS_MS, { [COUNTS_FILE]: file });
    const found = await readFile(file, 'utf8').then(
      (text): Counts => JSON.parse(text),
      () => ({ passed: 0, failed: 0, skipped: 0 }),
    );
    // It failed outside of any test: nothing to run, a service missing, a crash.
    return code !== 0 && found.failed === 0 ? { ...found, failed: 1 } : found;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Its exit code, or undefined when it was ended by a signal. */
async function run(
  program: string,
  args: readonly string[],
  deadlineMs: number,
  env: Readonly<Record<string, string>> = {},
): Promise<number | undefined> {
  const path = [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter);
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { ...process.env, PATH: path, ...env },
    stdio: 'inherit',
  });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  process.on('SIGINT', forward).on('SIGTERM', forward);
  const timer = setTimeout(() => {
    console.error(`${program} did not finish within ${deadlineMs / 1000} s.`);
    child.kill('SIGKILL');
  }, deadlineMs);
  try {
    const [code] = await once(child, 'exit');
    return code ?? undefined;
  } catch (error) {
    console.error(`${program} could not be run: ${error}. Did \`npm ci\` run?`);
    return undefined;
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', forward).off('SIGTERM', forward);
  }
}
