/** Opens the store that hem.yml names. Waits for no server. */
import type { Logger } from 'pino';
import type { StoreSettings } from '../load/store-settings.ts';
import type { Store } from './store.ts';

/** @param root the configuration directory. What a kind needs is imported only when it is used. */
export async function openStore(settings: StoreSettings, root: string, log: Logger): Promise<Store> {
  switch (settings.kind) {
    case 'embedded': {
      const { openEmbeddedStore } = await import('./embedded/embedded-store.ts');
      return openEmbeddedStore(settings.file, root, log);
    }
    case 'redis': {
      const { openRedisStore } = await import('./redis/redis-store.ts');
      return openRedisStore(settings, root, log);
    }
  }
}
