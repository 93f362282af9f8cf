/**
 * What the Dockerfile says, done by hand: its files and no others, production packages only, its commands. A container engine
 * is not needed, and the base image is the one thing that stays untried.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RunningCommand, runCommand } from './support/command.ts';
import { ROOT } from './support/imports.ts';
import { freePort } from './support/services/daemon.ts';

type Command = [string, ...string[]];

const START_MS = 15_000;
const STOP_MS = 15_000;

const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8').replaceAll('\\\n', '');
const lastStage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
const copies = [...lastStage.matchAll(/^COPY (?!--from)(\S+) (\S+)$/gm)].map(([, from = '', to = '']) => ({
  from,
  to,
}));
const image = mkdtempSync(join(tmpdir(), 'hem-image-'));
const IN_IMAGE = { cwd: image, env: { PATH: process.env.PATH, NODE_ENV: 'production' } };
let healthCheck: Command = ['false'];

beforeAll(async () => {
  copyProductionPackages();
  for (const { from, to } of copies) {
    const target = to.endsWith('/') ? join(image, to, from) : join(image, to);
    cpSync(join(ROOT, from), target, { recursive: true });
  }
  mkdirSync(join(image, 'config/.hem'), { mode: 0o700 });
  // Other ports than the usual ones, which somebody may be using.
  const [port, adminPort] = [await freePort(), await freePort()];
  writeFileSync(
    join(image, 'config/hem.yml'),
    `listen: { host: 127.0.0.1, port: ${port} }\nadmin: { host: 127.0.0.1, port: ${adminPort} }\n`,
  );
  const [program, ...args] = commandOf('HEALTHCHECK .*CMD');
  healthCheck = [program, ...args.map((word) => word.replace('127.0.0.1:4001', `127.0.0.1:${adminPort}`))];
});

afterAll(() => {
  rmSync(image, { recursive: true, force: true });
});

test('nothing that is copied is ignored', () => {
  const ignore = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
  expect(ignore).toContain('*');
  const names = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, from = '']) =>
    from.split(' '),
  );
  expect(names.filter((name) => !ignore.includes(`!${name}`))).toEqual([]);
});

test('runs as somebody who is not root', () => {
  expect(lastStage).toMatch(/^USER node$/m);
});

test('starts, is healthy, and stops at SIGTERM', { timeout: START_MS + STOP_MS + 10_000 }, async () => {
  expect(await isHealthy()).toBe(false);
  using gateway = new RunningCommand([...commandOf('ENTRYPOINT'), ...commandOf('CMD')], IN_IMAGE);
  await gateway.until(isHealthy, START_MS);
  expect(await gateway.end('SIGTERM', STOP_MS)).toBe(0);
});

/** The words of an instruction in its exec form; a shell form is no such thing and fails here. */
function commandOf(instruction: string): Command {
  const match = new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(lastStage);
  if (match?.[1] === undefined) throw new Error(`no ${instruction} in its exec form`);
  return JSON.parse(match[1]);
}

async function isHealthy(): Promise<boolean> {
  return (await runCommand(healthCheck, { ...IN_IMAGE, deadlineMs: 5000 })).code === 0;
}

/** What `npm ci --omit=dev` would install, taken from what is installed here. */
function copyProductionPackages(): void {
  const lock: { packages: Record<string, { dev?: boolean; link?: boolean }> } = JSON.parse(
    readFileSync(join(ROOT, 'package-lock.json'), 'utf8'),
  );
  for (const [path, { dev, link }] of Object.entries(lock.packages)) {
    if (!path.startsWith('node_modules/') || dev || link || !existsSync(join(ROOT, path))) continue;
    cpSync(join(ROOT, path), join(image, path), {
      recursive: true,
      filter: (from) => !from.startsWith(join(ROOT, path, 'node_modules')),
    });
  }
}
