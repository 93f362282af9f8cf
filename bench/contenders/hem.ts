/** Hem itself, as people start it, with the workload's configuration. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OpenContender } from '../open-contender.ts';
import { Child } from '../processes/child.ts';
import type { Addresses } from '../workload.ts';

const HEM = fileURLToPath(new URL('../../src/hem.sh', import.meta.url));

/** @param folder of a workload. @param plan of the key that callers have */
export async function openHem(
  folder: string,
  { addresses, plan }: { readonly addresses: Addresses; readonly plan: string | undefined },
): Promise<OpenContender> {
  await using opened = new AsyncDisposableStack();
  const directory = fileURLToPath(new URL(`../workloads/${folder}`, import.meta.url));
  const stored = await mkdtemp(join(tmpdir(), 'hem-bench-'));
  opened.defer(() => rm(stored, { recursive: true, force: true }));
  const env = { ...addresses, HEM_STORE: join(stored, 'store.sqlite') };
  const run = (name: string, args: readonly string[]) =>
    new Child(name, { entry: HEM, args: [...args, '--config', directory], env });

  const headers: Readonly<Record<string, string>> =
    plan === undefined ? {} : { 'x-api-key': await makeKey(run, plan) };
  const child = opened.use(run('hem', ['start', '--port', '0', '--admin-port', '0']));
  const [, url = ''] = await child.printed(/^bench +(http:\S+)$/m);
  // The last line: it serves.
  await child.printed(/^admin +http:/m);
  const everything = opened.move();
  return { url, child, headers, [Symbol.asyncDispose]: () => everything.disposeAsync() };
}

async function makeKey(run: (name: string, args: readonly string[]) => Child, plan: string): Promise<string> {
  const command = ['keys', 'create', '--consumer', 'bench', '--plan', plan, '--format', 'json'];
  await using child = run('hem keys', command);
  const [, key = ''] = await child.printed(/"key":"([^"]+)"/);
  return key;
}
