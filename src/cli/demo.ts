/** `hem demo`: the bike-share with its backends in this process, and per client one query to try. */
import { join } from 'node:path';
import { styleText } from 'node:util';
import { print, stripIgnoredCharacters } from 'graphql';
import { type Gateway, startGateway } from '../gateway.ts';
import type { Environment } from '../load/environment.ts';
import { type DemoKey, makeDemoKeys } from './demo-keys.ts';
import { boundHeapGrowth } from './heap-growth.ts';
import { untilSignalled, untilStopped } from './signals.ts';
import { printAddresses } from './start.ts';
import { keepTickShape } from './tick-shape.ts';

const ROOT = join(import.meta.dirname, '../..');

export async function demo(options: {
  readonly environment: Environment;
  readonly port?: number;
  readonly adminPort?: number;
}): Promise<number> {
  const signalled = untilSignalled();
  boundHeapGrowth();
  keepTickShape();
  const { startDemo } = await import('../../demo/start.ts');
  const backends = await startDemo({ live: true });
  let gateway: Gateway;
  try {
    gateway = await startGateway({
      ...options,
      directory: ROOT,
      // What the demo prints is for reading.
      isQuiet: true,
      environment: { ...options.environment, ...backends.env },
    });
  } catch (error) {
    await backends[Symbol.asyncDispose]();
    throw error;
  }
  const keys = gateway.registry === undefined ? [] : await makeDemoKeys(gateway.registry);
  printBackends(backends.env);
  printAddresses(gateway);
  printKeys(keys, backends.env);
  printQueries(gateway, keys);
  return untilStopped(signalled, async () => {
    await using open = new AsyncDisposableStack();
    open.use(backends);
    open.use(gateway);
  });
}

function printBackends(environment: Readonly<Record<string, string>>): void {
  console.log(styleText('bold', 'The bike-share, with its backends in this process'));
  for (const [name, url] of Object.entries(environment))
    console.log(`  ${name.replace(/_URL$/, '').toLowerCase().padEnd(8)}  ${withoutPassword(url)}`);
  console.log('');
}

function printKeys(keys: readonly DemoKey[], { IDENTITY_URL }: Readonly<Record<string, string>>): void {
  console.log(`\n${styleText('bold', 'Keys, good for a day')}`);
  const width = Math.max(...keys.map(({ plan }) => plan.length));
  for (const { plan, clients, description, key } of keys) {
    console.log(`  ${plan.padEnd(width)}  ${key}`);
    console.log(styleText('dim', `  ${' '.repeat(width)}  ${clients.join(', ')}. ${description}`));
  }
  console.log(styleText('dim', '  More of them: npx hem keys create --consumer acme --plan free'));
  console.log(
    styleText('dim', `  A rider's token: curl -s "${IDENTITY_URL}/token?client=mobile&rider=rd-01"`),
  );
}

/** Per client the operation of `operations/showcase.graphql`, as a command that answers when pasted. */
function printQueries({ url, generation }: Gateway, keys: readonly DemoKey[]): void {
  for (const { client } of generation.views) {
    const showcase = client.operations.find(({ file }) => file.endsWith('/showcase.graphql'));
    if (showcase === undefined) continue;
    const query = stripIgnoredCharacters(print(showcase.document));
    const body = JSON.stringify({ query }).replaceAll("'", "'\\''");
    console.log(`\n${styleText('bold', `${client.name}: one query over all backends it uses`)}`);
    // The plan that grants most stands last.
    const key = keys.findLast(({ clients }) => clients.includes(client.name))?.key;
    const header = key === undefined ? '' : ` -H 'x-api-key: ${key}'`;
    console.log(
      `curl -s ${url}/${client.name}/graphql${header} -H 'content-type: application/json' -d '${body}'`,
    );
    if (client.settings.explain)
      console.log(
        styleText('dim', `With -H 'hem-plan: 1' it says what it took, in .extensions.plan.waterfall`),
      );
  }
  console.log('\nStop with Ctrl-C.');
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//');
}
