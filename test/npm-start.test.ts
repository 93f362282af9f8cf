/** `npm start` as a new user types it: under a Node that can run Hem, under one that cannot, and until it is told to stop. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { RunningCommand, runCommand } from './support/command.ts';
import { ROOT } from './support/imports.ts';

const folder = mkdtempSync(join(tmpdir(), 'hem-npm-start-'));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('serves, and a signal to npm stops it', { timeout: 60_000 }, async () => {
  using npm = new RunningCommand(['npm', 'start', '--', '--port', '0', '--admin-port', '0']);
  await npm.until((output) => output.includes('Stop with Ctrl-C.'), 30_000);
  const admin = /^admin +(http:\S+)$/m.exec(npm.output)?.[1];
  expect(admin, npm.output).toBeDefined();
  expect((await fetch(`${admin}/readyz`)).status).toBe(200);
  expect(await npm.end('SIGTERM', 15_000)).toBe(0);
  await expect(fetch(`${admin}/readyz`)).rejects.toThrow();
});

describe('with-node.sh', () => {
  const script = join(ROOT, 'src/with-node.sh');

  test('becomes node', async () => {
    expect(await run(script)).toEqual({ code: 0, output: `${process.version}\n` });
  });

  test('says what to do about a Node that is too old', async () => {
    writeNode('echo v20.20.2');
    const { code, output } = await run(script);
    expect(code).toBe(2);
    expect(output).toContain('is v20.20.2');
    expect(output).toContain('npm rebuild node');
  });

  test('says what to do about a Node that lacks a library', async () => {
    writeNode('echo "node: error while loading shared libraries: libatomic.so.1: cannot open" >&2; exit 127');
    const { code, output } = await run(script);
    expect(code).toBe(2);
    expect(output).toContain('apt-get install -y libatomic1');
  });

  test('needs the version that package.json says', () => {
    const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(engines.node).toBe(`>=${/^needed=(\d+)$/m.exec(readFileSync(script, 'utf8'))?.[1]}`);
  });
});

describe('hem.sh', () => {
  const script = join(ROOT, 'src/hem.sh');
  const CACHE = join(ROOT, 'node_modules/.cache/hem');
  const start = async (env: Readonly<Record<string, string>> = {}) => {
    writeNode(`case "$*" in
--version) echo ${process.version} ;;
*--version) [ -z "$KNOWS" ] ;;
*) echo "$NODE_COMPILE_CACHE:$*" ;;
esac`);
    const { output } = await run(script, ['start', '--config', 'a b'], env);
    const [cache = '', words] = output.trim().split(':');
    return { cache: resolve(cache), words };
  };

  const V8 = '--no-allocation-site-pretenuring --invocation-count-for-turbofan=1000';

  test('becomes main.ts with a bounded young generation and a cache that nobody else can write', async () => {
    expect(await start()).toEqual({
      cache: CACHE,
      words: `--max-semi-space-size=16 ${V8} ${join(ROOT, 'src/main.ts')} start --config a b`,
    });
  });

  test('leaves both to those who say otherwise', async () => {
    const env = { NODE_COMPILE_CACHE: '/elsewhere', NODE_OPTIONS: '--max-semi-space-size=64' };
    expect(await start(env)).toEqual({
      cache: '/elsewhere',
      words: `${V8} ${join(ROOT, 'src/main.ts')} start --config a b`,
    });
  });

  test('says nothing to V8 that this Node does not know', async () => {
    const { words } = await start({ KNOWS: 'nothing' });
    expect(words).toBe(`--max-semi-space-size=16 ${join(ROOT, 'src/main.ts')} start --config a b`);
  });

  test('finds itself behind a link, as npx calls it', async () => {
    const link = join(folder, 'hem');
    symlinkSync(script, link);
    expect(await runCommand(['sh', link, 'check'])).toMatchObject({ code: 0 });
  });

  test('runs where nothing can be written', async () => {
    const env = { ...process.env, NODE_COMPILE_CACHE: join(ROOT, 'package.json/cache') };
    const { code, output } = await runCommand(['sh', script, 'check'], { env });
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('no problems') });
  });
});

/** A `node` that comes first in the PATH of {@link run}. */
function writeNode(body: string): void {
  writeFileSync(join(folder, 'node'), `#!/bin/sh\n${body}\n`);
  chmodSync(join(folder, 'node'), 0o755);
}

function run(
  script: string,
  args: readonly string[] = ['--version'],
  env: Readonly<Record<string, string>> = {},
): ReturnType<typeof runCommand> {
  const all = { ...process.env, ...env, PATH: [folder, process.env.PATH].join(delimiter) };
  return runCommand(['sh', script, ...args], { env: all, deadlineMs: 10_000 });
}
