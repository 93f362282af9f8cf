/** What outlives a process, or is shared by several: one interface, whose parts are each implemented by every kind of store. */
import type { UsageStore } from './usage-store.ts';

export interface Store extends AsyncDisposable {
  readonly kind: 'embedded' | 'redis';
  /** Whether it answered when it was last asked. Where it does not, nothing may wait for it. */
  readonly isUp: boolean;
  /** Opened when first asked for; waits for nothing. @throws {Error} when an embedded store cannot be opened */
  usage(): UsageStore;
}
