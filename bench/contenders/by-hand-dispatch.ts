/** The same hand-written code on undici's `dispatch`: what is left when the HTTP client is as lean as it can be. */
import type { Addresses } from '../workload.ts';
import { startHandWritten } from './hand-written.ts';
import { dispatchClient } from './json-client.ts';

export function start(workload: string, addresses: Addresses): Promise<string> {
  return startHandWritten(workload, addresses, dispatchClient);
}
