/** Hem itself, from the same entry that `hem start` uses, with the workload's configuration. */
import { fileURLToPath } from 'node:url';
import { startGateway } from '../../src/gateway.ts';
import type { Addresses } from '../workload.ts';

export async function start(workload: string, addresses: Addresses): Promise<string> {
  const directory = fileURLToPath(new URL(`../workloads/${workload}/hem`, import.meta.url));
  const gateway = await startGateway({ directory, environment: addresses, port: 0, adminPort: 0 });
  return `${gateway.url}/bench/graphql`;
}
