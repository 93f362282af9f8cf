/** How much garbage may pile up. */
import { setFlagsFromString } from 'node:v8';

/**
 * Lets the heap double between two full collections, where V8 lets a small one quadruple. Some libraries' calls survive until then
 * (grpc-js, http2), so that is what a process is resident with; collecting twice as often costs nothing that could be measured.
 */
export function boundHeapGrowth(): void {
  setFlagsFromString('--heap-growing-percent=100');
}
