/**
 * Hive Gateway on a supergraph that Mesh composes from the same backends. Both live in `bench/peers`, a folder with packages of its
 * own: `npm ci --prefix bench/peers`.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask } from '../load.ts';
import { Child } from '../processes/child.ts';
import type { Addresses } from '../workload.ts';
import { listen } from './listen.ts';

const PEERS = fileURLToPath(new URL('../peers/', import.meta.url));
const COMPOSE = join(PEERS, 'node_modules/@graphql-mesh/compose-cli/esm/bin.js');
const GATEWAY = join(PEERS, 'node_modules/@graphql-hive/gateway/dist/bin.js');
const START_DEADLINE_MS = 60_000;

/** Whether its packages are there. */
export function isInstalled(): boolean {
  return existsSync(COMPOSE) && existsSync(GATEWAY);
}

export async function openHive(
  workload: string,
  addresses: Addresses,
): Promise<{ readonly url: string; readonly child: Child } & AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), 'hem-bench-'));
  const supergraph = join(directory, 'supergraph.graphql');
  const compose = new Child('mesh-compose', {
    entry: COMPOSE,
    args: ['-c', `mesh/${workload}.mjs`, '-o', supergraph],
    directory: PEERS,
    env: addresses,
  });
  await compose.ended();
  if (!existsSync(supergraph)) throw new Error(`mesh-compose made no supergraph:\n${compose.output}`);
  const port = await freePort();
  const child = new Child('hive', {
    entry: GATEWAY,
    args: ['supergraph', supergraph, '--host', '127.0.0.1', '--port', String(port), '--fork', '1'],
    directory: PEERS,
  });
  const url = `http://127.0.0.1:${port}/graphql`;
  await untilReady(url, child);
  return {
    url,
    child,
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function untilReady(url: string, child: Child): Promise<void> {
  const endsAt = performance.now() + START_DEADLINE_MS;
  for (;;) {
    const answer = await ask({ url }, JSON.stringify({ query: '{ __typename }' })).catch(() => undefined);
    if (answer?.status === 200) return;
    if (child.hasEnded || performance.now() > endsAt)
      throw new Error(`hive does not answer:\n${child.output}`);
    await sleep(200);
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  const { port } = new URL(await listen(probe));
  await new Promise((resolve) => probe.close(resolve));
  return Number(port);
}
