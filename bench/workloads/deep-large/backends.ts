import type { Addresses } from '../../workload.ts';
import { startHttpBackend, toAnswer } from '../http-backend.ts';
import { network, SEASONS } from './network.ts';

export async function startBackends(): Promise<{ addresses: Addresses }> {
  const answers = new Map<string, Buffer>();
  for (let season = 1; season <= SEASONS; season++)
    answers.set(`/network?season=${season}`, toAnswer(network(season)));
  return { addresses: { NETWORK_URL: await startHttpBackend((target) => answers.get(target)) } };
}
