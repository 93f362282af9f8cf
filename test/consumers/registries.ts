/** Registries as several processes would open them, on one store, with a clock that can be set. */
import { pino } from 'pino';
import { openRegistry, type Registry } from '../../src/consumers/registry.ts';
import type { KeySettings } from '../../src/load/settings/pepper-settings.ts';
import { type PlanSettings, plansSettings } from '../../src/load/settings/plan-settings.ts';
import type { Store } from '../../src/store/store.ts';
import { STORE_KINDS, type TestStores } from '../store/stores.ts';

export const PLANS = plansOf({
  partner: { title: 'Partners', clients: ['web', 'iot'] },
  free: { clients: ['web'], approval: 'automatic' },
});

export function plansOf(plans: Readonly<Record<string, unknown>>): ReadonlyMap<string, PlanSettings> {
  return new Map(Object.entries(plansSettings.parse({ plans }).plans));
}

export const PEPPER: KeySettings = { peppers: { one: 'p'.repeat(32) }, current: 'one' };

export interface TestRegistries extends AsyncDisposable {
  readonly stores: TestStores;
  /** Milliseconds that all clocks are ahead. */
  ahead: number;
  /** As another process. */
  open(options?: {
    readonly plans?: ReadonlyMap<string, PlanSettings>;
    readonly keys?: KeySettings;
  }): Promise<Registry>;
}

export async function openRegistries(kind: Store['kind'] = 'embedded'): Promise<TestRegistries> {
  const stores = await STORE_KINDS[kind]();
  const opened: Registry[] = [];
  const registries: TestRegistries = {
    stores,
    ahead: 0,
    async open({ plans = PLANS, keys = PEPPER } = {}) {
      const registry = await openRegistry({
        store: await stores.open(),
        settings: keys,
        root: stores.root,
        log: pino({ level: process.env.HEM_TEST_LOG ?? 'silent' }),
        now: () => Date.now() + registries.ahead,
      });
      opened.push(registry);
      await registry.offer(plans);
      return registry;
    },
    async [Symbol.asyncDispose]() {
      for (const registry of opened) await registry[Symbol.asyncDispose]();
      await stores[Symbol.asyncDispose]();
    },
  };
  return registries;
}

/** A consumer with an approved subscription to "partner", and one key. */
export async function makeAcme(registry: Registry) {
  const { token } = await registry.consumers.create('acme');
  const subscription = await registry.subscriptions.ask('acme', 'partner', 'operator');
  const made = await registry.keys.create({ consumer: 'acme', plan: 'partner' }, 'operator');
  return { token, subscription, ...made };
}
