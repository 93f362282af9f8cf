/** Whoever reads standard output and stands still: requests are answered, and a signal ends the process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeConfiguration } from '../support/gateway.ts';
import { ROOT } from '../support/imports.ts';
import { Refusal, startJsonBackend } from '../support/json-backend.ts';
import { freePort } from '../support/services/daemon.ts';

/** Fills what fits between two processes, and then some. */
const REQUESTS = 3000;

describe.each(['SIGTERM', 'SIGHUP'] as const)('until %s', (signal) => {
  let directory: string;
  let backend: Awaited<ReturnType<typeof startJsonBackend>>;
  beforeAll(async () => {
    backend = await startJsonBackend(() => new Refusal(503));
    const connector = {
      ...{ kind: 'rest', endpoint: backend.url },
      resilience: { breaker: { calls: 5, pause: '100ms' } },
    };
    directory = await writeConfiguration({
      'connectors/things/connector.yml': JSON.stringify(connector),
      'connectors/things/schema.graphql': 'type Query { thing: String @rest(get: "/thing") }',
      'clients/web/client.yml': '{}',
      'schemas/web.graphql': 'type Query { thing: String }',
    });
  });
  afterAll(async () => {
    await backend[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  test('everybody is answered, and the process ends in time', { timeout: 60_000 }, async () => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const ports = ['--port', String(port), '--admin-port', String(adminPort)];
    const child = spawn(`${ROOT}/src/hem.sh`, ['start', '--config', directory, ...ports], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      // Nobody reads from here on.
      child.stdout.pause();
      const isLive = async () => {
        try {
          const signal = AbortSignal.timeout(2000);
          return (await fetch(`http://127.0.0.1:${adminPort}/livez`, { signal })).ok;
        } catch {
          return false;
        }
      };
      for (let tries = 0; tries < 200 && !(await isLive()); tries++) await sleep(50);
      const ask = (query: string) =>
        fetch(`http://127.0.0.1:${port}/web/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query }),
          signal: AbortSignal.timeout(5000),
        }).then((response) => response.status);
      for (let count = 0; count < REQUESTS; count += 50)
        expect(new Set(await Promise.all(Array.from({ length: 50 }, () => ask('{ __typename }'))))).toEqual(
          new Set([200]),
        );
      await sleep(400);
      // The breaker opens, which is a warning.
      for (let count = 0; count < 20; count++) expect(await ask('{ thing }')).toBe(200);
      expect(await isLive()).toBe(true);
      const ended = once(child, 'exit');
      child.kill(signal);
      expect(await Promise.race([ended, sleep(8000, 'still there')])).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
