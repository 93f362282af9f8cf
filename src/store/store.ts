/** What outlives a process, or is shared by several: one interface, whose parts are each implemented by every kind of store. */

import type { CacheStore } from './cache-store.ts';
import type { LimitStore } from './limit-store.ts';
import type { RecordStore } from './record-store.ts';
import type { UsageStore } from './usage-store.ts';

export interface Store extends AsyncDisposable {
  readonly kind: 'embedded' | 'redis';
  /** Whether it answered when it was last asked. Where it does not, nothing may wait for it. */
  readonly isUp: boolean;
  readonly cache: CacheStore;
  /** Opened when first asked for; waits for nothing. @throws {Error} when an embedded store cannot be opened */
  limits(): LimitStore;
  /** Opened when first asked for; waits for the store's first answer, but not for long. @throws {HemError} when an embedded store cannot be opened */
  records(): Promise<RecordStore>;
  /** As for limits. */
  usage(): UsageStore;
}
