/** `npm start` as a new user types it: under a Node that can run Hem, under one that cannot, and until it is told to stop. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
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

/** A `node` that comes first in the PATH of {@link run}. */
function writeNode(body: string): void {
  writeFileSync(join(folder, 'node'), `#!/bin/sh\n${body}\n`);
  chmodSync(join(folder, 'node'), 0o755);
}

function run(script: string): ReturnType<typeof runCommand> {
  const env = { ...process.env, PATH: [folder, process.env.PATH].join(delimiter) };
  return runCommand(['sh', script, '--version'], { env, deadlineMs: 10_000 });
}
