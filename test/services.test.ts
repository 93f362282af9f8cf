/** The servers that other tests talk to are there, and are told from servers of another kind. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { freePort, startDaemon } from './support/services/daemon.ts';
import { SERVICES } from './support/services/ensure.ts';

const directory = mkdtempSync(join(tmpdir(), 'hem-daemon-'));

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe.each(SERVICES)('$name', ({ name, variable, probe }) => {
  test(`answers at ${variable}`, async () => {
    await probe(urlIn(variable));
  });

  test.each(SERVICES.filter((other) => other.name !== name))('is not mistaken for $name', async (other) => {
    const url = new URL(other.url(1));
    url.host = new URL(urlIn(variable).replace(/^[a-z]+:/, 'http:')).host;
    await expect(other.probe(url.href)).rejects.toThrow();
  });
});

describe('a daemon', () => {
  const never = () => Promise.reject(new Error('not yet'));

  test('that ends before it serves is reported with what it wrote', async () => {
    const started = startDaemon({
      name: 'broken',
      command: ['sh', '-c', 'echo the reason; exit 3'],
      directory,
      probe: never,
      deadlineMs: 10_000,
    });
    await expect(started).rejects.toThrow(/broken did not start: it ended with 3\nthe reason$/);
  });

  test('that is not there is reported', async () => {
    const command = [join(directory, 'nothing')] as const;
    const started = startDaemon({ name: 'nothing', command, directory, probe: never, deadlineMs: 10_000 });
    await expect(started).rejects.toThrow(/nothing did not start/);
  });

  test('that never serves is ended at its deadline', async () => {
    const started = startDaemon({
      name: 'idle',
      command: ['sleep', '60'],
      directory,
      probe: never,
      deadlineMs: 300,
    });
    await expect(started).rejects.toThrow(/not ready after 0.3 s \(not yet\)/);
  });

  test('serves until it is stopped', async () => {
    const redis = SERVICES.find(({ name }) => name === 'Redis')!;
    const port = await freePort();
    const daemon = await redis.start({ directory, port });
    await redis.probe(redis.url(port));
    await daemon.stop();
    await expect(redis.probe(redis.url(port))).rejects.toThrow('ECONNREFUSED');
  });
});

function urlIn(variable: string): string {
  const url = process.env[variable];
  if (url === undefined) throw new Error(`${variable} is not set`);
  return url;
}
