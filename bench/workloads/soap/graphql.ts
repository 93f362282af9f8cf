import type { Addresses } from '../../workload.ts';
import { schemaOf, subschemasOf } from '../rides.ts';
import { openRides } from './client.ts';

export async function schema(addresses: Addresses) {
  return schemaOf(await openRides(addresses));
}

export async function subschemas(addresses: Addresses) {
  return subschemasOf(await openRides(addresses));
}
