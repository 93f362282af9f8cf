import { type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js';
import type { Addresses } from '../../workload.ts';
import { type Ride, ridesOf } from '../rides.ts';
import { loadService } from './service.ts';

export async function startBackends(): Promise<{ addresses: Addresses }> {
  const list: handleUnaryCall<{ riderId: string }, unknown> = ({ request }, callback) =>
    callback(null, { rides: ridesOf(request.riderId).map(toMessage) });
  const server = new Server();
  server.addService(loadService(), { List: list });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { addresses: { RIDES_URL: `grpc://127.0.0.1:${port}` } };
}

function toMessage({ distanceMetres, ...ride }: Ride) {
  return { ...ride, distanceM: distanceMetres };
}
