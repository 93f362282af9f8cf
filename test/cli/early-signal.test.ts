/** A signal that comes while the gateway starts: to the first process of a container it would never come again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FILES } from '../consumers/configuration.ts';
import { writeConfiguration } from '../support/gateway.ts';
import { ROOT } from '../support/imports.ts';

test('stops it once it has started', { timeout: 30_000 }, async () => {
  const directory = await writeConfiguration(FILES);
  const child = spawn(
    `${ROOT}/src/hem.sh`,
    ['start', '--config', directory, '--port', '0', '--admin-port', '0'],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    const ended = once(child, 'exit');
    // Its store is made before it listens.
    const store = join(directory, '.hem/store.sqlite');
    await expect.poll(() => existsSync(store), { timeout: 10_000, interval: 2 }).toBe(true);
    child.kill('SIGTERM');
    expect(await Promise.race([ended, sleep(10_000, 'still there')])).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
});
