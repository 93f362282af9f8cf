/** Opens the store that hem.yml names. Waits for no server. */
import type { Logger } from 'pino';
import type { StoreSettings } from '../load/settings/store-settings.ts';
import type { Store } from './store.ts';

/** @param root the configuration directory. @param isForGateway whether no other gateway may use it, where it is of one process only. What a kind needs is imported only when it is used. */
export async function openStore(
  settings: StoreSettings,
  root: string,
  log: Logger,
  isForGateway = false,
): Promise<Store> {
  switch (settings.kind) {
    case 'embedded': {
      const { openEmbeddedStore } = await import('./embedded/embedded-store.ts');
      return openEmbeddedStore(settings.file, root, { log, isForGateway });
    }
    case 'redis': {
      const { openRedisStore } = await import('./redis/redis-store.ts');
      return openRedisStore(settings, root, { log, isForGateway });
    }
  }
}
