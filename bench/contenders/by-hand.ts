/** node:http and `undici.request`, or the client library that the backend's protocol has. */
import type { Addresses } from '../workload.ts';
import { startHandWritten } from './hand-written.ts';
import { requestClient } from './json-client.ts';

export function start(workload: string, addresses: Addresses): Promise<string> {
  return startHandWritten(workload, addresses, requestClient);
}
