/** Starts a contender's process. */
import { fileURLToPath } from 'node:url';
import { Child } from './processes/child.ts';
import type { Addresses, ContenderName, WorkloadName } from './workload.ts';

const ENTRY = fileURLToPath(new URL('./processes/contender.ts', import.meta.url));

export async function openContender(
  contender: ContenderName,
  workload: WorkloadName,
  addresses: Addresses,
): Promise<Child> {
  return new Child(contender, { entry: ENTRY, args: [contender, workload, JSON.stringify(addresses)] });
}
