/** Installs what stands in `bench/peers` from its own lock file, once. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isInstalled } from './contenders/hive.ts';

const INSTALL_DEADLINE_MS = 600_000;

/** @returns whether the peers can be used */
export async function installPeers(): Promise<boolean> {
  if (isInstalled()) return true;
  console.error('Installing Hive Gateway and Mesh into bench/peers (once, some 500 MB) …');
  const directory = fileURLToPath(new URL('./peers', import.meta.url));
  const npm = spawn('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: INSTALL_DEADLINE_MS,
  });
  await new Promise<void>((resolve) => {
    npm.once('close', () => resolve());
    npm.once('error', () => resolve());
  });
  return isInstalled();
}
