/** The whole example for tests: the demo's backends and a gateway on the repository's own configuration. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Demo, startDemo } from '../../demo/start.ts';
import { startGatewayIn, type TestGateway } from '../support/gateway.ts';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

export interface BikeShare extends AsyncDisposable {
  readonly demo: Demo;
  readonly gateway: TestGateway;
}

/** @param live whether things happen by themselves */
export async function startBikeShare(live = false): Promise<BikeShare> {
  await using started = new AsyncDisposableStack();
  const demo = started.use(
    await startDemo({
      ports: { stations: 0, fleet: 0, billing: 0, docks: 0, rides: 0, riders: 0 },
      amqpUrl: false,
      live,
    }),
  );
  const gateway = started.use(await startGatewayIn(REPOSITORY, demo.env));
  const everything = started.move();
  return { demo, gateway, [Symbol.asyncDispose]: () => everything.disposeAsync() };
}

/** The text of one of a client's own operations. */
export function operation(client: string, name: string): Promise<string> {
  return readFile(`${REPOSITORY}/clients/${client}/operations/${name}.graphql`, 'utf8');
}
