/** Starts a contender in a process of its own. */
import { fileURLToPath } from 'node:url';
import { openHem } from './contenders/hem.ts';
import { openHive } from './contenders/hive.ts';
import { Child } from './processes/child.ts';
import type { Addresses, ContenderName, WorkloadName } from './workload.ts';

const ENTRY = fileURLToPath(new URL('./processes/contender.ts', import.meta.url));

export interface OpenContender extends AsyncDisposable {
  readonly url: string;
  readonly child: Child;
  /** What its callers have to say. */
  readonly headers?: Readonly<Record<string, string>>;
}

export async function openContender(
  contender: ContenderName,
  workload: WorkloadName,
  { addresses, plan }: { readonly addresses: Addresses; readonly plan: string | undefined },
): Promise<OpenContender> {
  if (contender === 'hem') return openHem(`${workload}/hem`, { addresses, plan });
  if (contender === 'hem-plain') return openHem(`${workload}/hem-plain`, { addresses, plan: undefined });
  if (contender === 'hive') return openHive(workload, addresses);
  const child = new Child(contender, {
    entry: ENTRY,
    args: [contender, workload, JSON.stringify(addresses)],
  });
  try {
    const { url } = await child.ready<{ url: string }>();
    return { url, child, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}
