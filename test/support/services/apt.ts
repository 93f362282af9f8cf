/** Installs Debian's packages, without letting them start their servers. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { findProgram } from './daemon.ts';

const DEADLINE_MS = 300_000;
const POLICY_FILE = '/usr/sbin/policy-rc.d';
const POLICY =
  '#!/bin/sh\n# Written by the tests of Hem while they install packages; remove it if you find it.\nexit 101\n';

/** The command line that somebody would have to run by hand. */
export function toAptCommand(packages: readonly string[]): string {
  return `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`;
}

/** Why packages cannot be installed from here, or undefined. */
export function whyNotInstallable(): string | undefined {
  if (findProgram('apt-get') === undefined) return 'this machine has no apt-get';
  if (process.getuid?.() !== 0) return 'installing needs root';
  return undefined;
}

/** @throws {Error} with the end of apt's output */
export async function installPackages(packages: readonly string[]): Promise<void> {
  const ownPolicy = await forbidStarts();
  try {
    // One unreachable source of several makes this fail; what is needed may be there all the same.
    const update = await run(['apt-get', '-o', 'Acquire::Retries=3', 'update']);
    const install = await run([
      ...(['apt-get', '-o', 'Acquire::Retries=3', '-o', 'DPkg::Lock::Timeout=120'] as const),
      ...['install', '-y', '--no-install-recommends', ...packages],
    ]);
    if (install.ok) return;
    const output = update.ok ? install.output : `${update.output}\n${install.output}`;
    throw new Error(`apt-get could not install ${packages.join(', ')}:\n${output}`);
  } finally {
    if (ownPolicy) await rm(POLICY_FILE, { force: true });
  }
}

/**
 * A package that starts its server takes the default port, and RabbitMQ's fails to install where the machine's own name
 * does not resolve. Debian asks this file first.
 */
async function forbidStarts(): Promise<boolean> {
  try {
    await writeFile(POLICY_FILE, POLICY, { mode: 0o755, flag: 'wx' });
    return true;
  } catch {
    // Somebody else's policy stays as it is; ours may be left from a run that was killed.
    return (await readFile(POLICY_FILE, 'utf8').catch(() => '')) === POLICY;
  }
}

async function run(command: readonly [string, ...string[]]): Promise<{ ok: boolean; output: string }> {
  const [program, ...args] = command;
  const child = spawn(program, args, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4000);
    });
  }
  const [code, signal] = await once(child, 'close');
  if (signal !== null) output += `\nended by ${signal} after at most ${DEADLINE_MS / 1000} s`;
  return { ok: code === 0, output: output.trim().split('\n').slice(-15).join('\n') };
}
