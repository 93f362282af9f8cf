import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { listen as listenSoap } from 'soap';
import { listen } from '../../contenders/listen.ts';
import type { Addresses } from '../../workload.ts';
import { type Ride, ridesOf } from '../rides.ts';

export const WSDL = fileURLToPath(new URL('./hem/connectors/rides/rides.wsdl', import.meta.url));

export async function startBackends(): Promise<{ addresses: Addresses }> {
  const server = createServer();
  const origin = await listen(server);
  const ListRides = ({ RiderId }: { RiderId: string }) => ({ Ride: ridesOf(RiderId).map(toElement) });
  listenSoap(server, {
    path: '/rides',
    services: { Rides: { RidesSoap: { ListRides } } },
    xml: readFileSync(WSDL, 'utf8'),
    uri: WSDL,
  });
  return { addresses: { RIDES_URL: `${origin}/rides` } };
}

function toElement({ id, bike, distanceMetres, startedAt, state, price }: Ride) {
  return {
    attributes: { id },
    Bike: bike,
    DistanceM: distanceMetres,
    StartedAt: startedAt,
    State: state,
    Price: { attributes: { currency: price.currency }, $value: price.amount },
  };
}
