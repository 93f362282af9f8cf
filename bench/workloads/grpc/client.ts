import { credentials, makeClientConstructor } from '@grpc/grpc-js';
import type { Addresses } from '../../workload.ts';
import type { Ride, Rides } from '../rides.ts';
import { loadService } from './service.ts';

interface Message extends Omit<Ride, 'distanceMetres'> {
  readonly distanceM: number;
}

type List = (
  request: { riderId: string },
  options: { deadline: number },
  callback: (error: Error | null, answer: { rides: Message[] }) => void,
) => void;

/** grpc-js with a deadline. */
export async function openRides(addresses: Addresses): Promise<Rides> {
  const Client = makeClientConstructor(loadService(), 'Rides');
  const client = new Client(new URL(addresses.RIDES_URL!).host, credentials.createInsecure());
  const list = (client.List as List).bind(client);
  return (riderId) =>
    new Promise((resolve, reject) => {
      list({ riderId }, { deadline: Date.now() + 5000 }, (error, answer) => {
        if (error === null) resolve(answer.rides.map(toRide));
        else reject(error);
      });
    });
}

function toRide({ id, bike, distanceM, startedAt, state, price }: Message): Ride {
  return {
    id,
    bike,
    distanceMetres: distanceM,
    startedAt,
    state,
    price: { amount: price.amount, currency: price.currency },
  };
}
