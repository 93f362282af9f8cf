/** `hem start`: serves a configuration directory until told to stop. */
import { type Gateway, startGateway } from '../gateway.ts';
import type { Environment } from '../load/environment.ts';
import { boundHeapGrowth } from './heap-growth.ts';
import { untilSignalled, untilStopped } from './signals.ts';
import { keepTickShape } from './tick-shape.ts';

export interface StartOptions {
  readonly directory: string;
  readonly environment: Environment;
  readonly port?: number;
  readonly adminPort?: number;
}

export async function start(options: StartOptions): Promise<number> {
  const signalled = untilSignalled();
  boundHeapGrowth();
  keepTickShape();
  const gateway = await startGateway(options);
  printAddresses(gateway);
  return untilStopped(signalled, () => gateway.stop());
}

export function printAddresses(gateway: Gateway): void {
  const names = gateway.generation.views.map(({ client }) => client.name);
  const width = Math.max(5, ...names.map((name) => name.length));
  for (const name of names) console.log(`${name.padEnd(width)}  ${gateway.url}/${name}/graphql`);
  console.log(`${'admin'.padEnd(width)}  ${gateway.adminUrl}`);
}
