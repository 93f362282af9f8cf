import { fileURLToPath } from 'node:url';
import { createClientAsync } from 'soap';
import type { Addresses } from '../../workload.ts';
import type { Ride, Rides } from '../rides.ts';

const WSDL = fileURLToPath(new URL('./hem/connectors/rides/rides.wsdl', import.meta.url));

interface Element {
  readonly attributes: { readonly id: string };
  readonly Bike: string;
  readonly DistanceM: number;
  readonly StartedAt: string;
  readonly State: Ride['state'];
  readonly Price: { readonly attributes: { readonly currency: string }; readonly $value: string };
}

/** The `soap` package; connections are kept alive by Node's own agent. Decimals stay texts, or cents would be lost. */
export async function openRides(addresses: Addresses): Promise<Rides> {
  const client = await createClientAsync(
    WSDL,
    { customDeserializer: { decimal: (text: string) => text } },
    addresses.RIDES_URL!,
  );
  const list = client.ListRidesAsync as (
    request: { RiderId: string },
    options: { timeout: number },
  ) => Promise<[{ Ride?: Element[] }]>;
  return async (riderId) => {
    const [answer] = await list({ RiderId: riderId }, { timeout: 5000 });
    return (answer.Ride ?? []).map(toRide);
  };
}

function toRide({ attributes, Bike, DistanceM, StartedAt, State, Price }: Element): Ride {
  return {
    id: attributes.id,
    bike: Bike,
    distanceMetres: DistanceM,
    startedAt: StartedAt,
    state: State,
    price: { amount: Price.$value, currency: Price.attributes.currency },
  };
}
