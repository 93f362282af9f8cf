import type { Addresses } from '../../workload.ts';
import { answerByHand } from '../rides.ts';
import { openRides } from './client.ts';

export async function open(addresses: Addresses) {
  return answerByHand(await openRides(addresses));
}
