/** Starts the whole bike-share: six backends, who its riders log in with, and a broker when there is none. */
import { connect } from 'amqplib';
import { DemoBackend } from './backend.ts';
import { startBilling } from './billing.ts';
import { startBroker } from './broker/broker.ts';
import { startDocks } from './docks.ts';
import { startFleet } from './fleet.ts';
import { startIdentity } from './identity.ts';
import { startRiders } from './riders.ts';
import { startRides } from './rides.ts';
import type { DemoServer } from './server.ts';
import { startStations } from './stations.ts';

export type BackendName = 'stations' | 'fleet' | 'billing' | 'docks' | 'rides' | 'riders' | 'identity';

/** `rides` is the broker's port: the rides backend has none of its own. */
export const DEFAULT_PORTS: Readonly<Record<BackendName, number>> = {
  stations: 4101,
  fleet: 4102,
  billing: 4103,
  docks: 4104,
  rides: 4105,
  riders: 4106,
  identity: 4107,
};

const LIVE_MS = 2000;

export interface DemoOptions {
  /** Preferred ones; a free one is taken instead of a port in use. 0 for any. */
  readonly ports?: Partial<Record<BackendName, number>>;
  /** A broker to use if it answers; false for the one in this process. By default the environment variable AMQP_URL. */
  readonly amqpUrl?: string | false;
  /** Whether something happens by itself now and then, for subscriptions to show. */
  readonly live?: boolean;
}

export interface Demo extends AsyncDisposable {
  /** For `${env:…}` in the connector.yml files. */
  readonly env: Readonly<Record<string, string>>;
  readonly backends: Readonly<Record<BackendName, DemoBackend>>;
  /** The broker in this process; undefined when a real one is used. */
  readonly broker: DemoBackend | undefined;
}

export async function startDemo({
  ports = {},
  amqpUrl = process.env.AMQP_URL,
  live = false,
}: DemoOptions = {}): Promise<Demo> {
  await using started = new AsyncDisposableStack();
  const liveEveryMs = live ? LIVE_MS : undefined;
  const start = async (name: BackendName | 'broker', open: (port: number) => Promise<DemoServer>) => {
    const key = name === 'broker' ? 'rides' : name;
    return started.use(await DemoBackend.start(name, ports[key] ?? DEFAULT_PORTS[key], open));
  };

  const stations = await start('stations', (port) => startStations({ port }));
  const fleet = await start('fleet', (port) => startFleet({ port }));
  const billing = await start('billing', (port) => startBilling({ port }));
  const docks = await start('docks', (port) => startDocks({ port, liveEveryMs }));
  const riders = await start('riders', (port) => startRiders({ port }));
  const identity = await start('identity', (port) => startIdentity({ port }));
  const given = amqpUrl && (await answers(amqpUrl)) ? amqpUrl : undefined;
  const broker = given === undefined ? await start('broker', (port) => startBroker({ port })) : undefined;
  const brokerUrl = given ?? broker?.url ?? '';
  const rides = await start('rides', () => startRides({ amqpUrl: brokerUrl, liveEveryMs }));

  const everything = started.move();
  return {
    env: {
      STATIONS_URL: stations.url,
      FLEET_URL: fleet.url,
      BILLING_URL: billing.url,
      DOCKS_URL: docks.url,
      RIDES_URL: brokerUrl,
      RIDERS_URL: riders.url,
      IDENTITY_URL: identity.url,
    },
    backends: { stations, fleet, billing, docks, rides, riders, identity },
    broker,
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  };
}

async function answers(amqpUrl: string): Promise<boolean> {
  try {
    const connection = await connect(amqpUrl, { timeout: 2000 });
    await connection.close();
    return true;
  } catch {
    return false;
  }
}
