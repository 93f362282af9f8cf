/** The whole example for tests: the demo's backends and a gateway on the repository's own configuration. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Demo, startDemo } from '../../demo/start.ts';
import { makeDemoKeys } from '../../src/cli/demo-keys.ts';
import { startGatewayIn, type TestGateway } from '../support/gateway.ts';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

export interface BikeShare extends AsyncDisposable {
  readonly demo: Demo;
  /** What the configuration was read with. */
  readonly environment: Readonly<Record<string, string>>;
  /** Called by somebody unknown. */
  readonly unknown: TestGateway;
  /** By plan. */
  readonly keys: ReadonlyMap<string, string>;
  /** Called with a key of the largest plan. */
  readonly gateway: TestGateway;
}

/** @param live whether things happen by themselves */
export async function startBikeShare(live = false): Promise<BikeShare> {
  await using started = new AsyncDisposableStack();
  const demo = started.use(
    await startDemo({
      ports: { stations: 0, fleet: 0, billing: 0, docks: 0, rides: 0, riders: 0, identity: 0 },
      amqpUrl: false,
      live,
    }),
  );
  const folder = await mkdtemp(join(tmpdir(), 'hem-bike-share-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const environment = { ...demo.env, HEM_STORE: join(folder, 'store.sqlite') };
  const unknown = started.use(await startGatewayIn(REPOSITORY, environment));
  const keys = new Map(
    (await makeDemoKeys(unknown.gateway.registry!)).map(({ plan, key }) => [plan, key] as const),
  );
  const gateway = unknown.as({ 'x-api-key': keys.get('partner')! });
  const everything = started.move();
  return {
    demo,
    environment,
    unknown,
    keys,
    gateway,
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  };
}

/** The text of one of a client's own operations. */
export function operation(client: string, name: string): Promise<string> {
  return readFile(`${REPOSITORY}/clients/${client}/operations/${name}.graphql`, 'utf8');
}
