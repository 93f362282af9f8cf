import type { JsonClient } from '../../contenders/json-client.ts';
import type { Addresses } from '../../workload.ts';
import { answerByHand } from '../rides.ts';
import { ridesBy } from './client.ts';

export async function open(addresses: Addresses, http: (url: string) => JsonClient) {
  return answerByHand(ridesBy(http(addresses.RIDES_URL!)));
}
