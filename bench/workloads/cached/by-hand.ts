import type { JsonClient } from '../../contenders/json-client.ts';
import type { Addresses } from '../../workload.ts';
import { stationId } from '../stations.ts';
import { open } from '../two-rest-calls/by-hand.ts';

/** Nothing is asked and nothing is read: the least that an HTTP server in Node can do with a request that has a body. */
export async function constant(addresses: Addresses, http: (url: string) => JsonClient): Promise<string> {
  const answer = await open(addresses, http);
  return JSON.stringify({ data: await answer({ id: stationId(0) }) });
}
