/** Hem itself, as people start it, with the workload's configuration. */
import { fileURLToPath } from 'node:url';
import { Child } from '../processes/child.ts';
import type { Addresses } from '../workload.ts';

const HEM = fileURLToPath(new URL('../../src/hem.sh', import.meta.url));

export async function openHem(
  workload: string,
  addresses: Addresses,
): Promise<{ readonly url: string; readonly child: Child } & AsyncDisposable> {
  const directory = fileURLToPath(new URL(`../workloads/${workload}/hem`, import.meta.url));
  const child = new Child('hem', {
    entry: HEM,
    args: ['start', '--config', directory, '--port', '0', '--admin-port', '0'],
    env: addresses,
  });
  try {
    const [, url = ''] = await child.printed(/^bench +(http:\S+)$/m);
    // The last line: it serves.
    await child.printed(/^admin +http:/m);
    return { url, child, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}
