/** Keys for trying the demo: new ones at every start, since keys are shown once. Those of the start before are revoked. */
import type { Registry } from '../consumers/registry.ts';

const CONSUMER = 'demo';
const LIFE_MS = 24 * 3_600_000;

export interface DemoKey {
  readonly plan: string;
  readonly clients: readonly string[];
  readonly description: string;
  readonly key: string;
}

/** One of each plan. */
export async function makeDemoKeys(registry: Registry): Promise<readonly DemoKey[]> {
  const { consumers, keys, plans } = registry;
  await consumers.ensure(CONSUMER);
  for (const { id, state } of await keys.list({ consumer: CONSUMER }))
    if (state === 'active') await keys.revoke(id);
  const made: DemoKey[] = [];
  for (const { name, newest, clients } of plans.list()) {
    await subscribe(registry, name, newest);
    const expiresAt = Date.now() + LIFE_MS;
    const wish = { consumer: CONSUMER, plan: name, environment: 'test', expiresAt } as const;
    const { key } = await keys.create(wish, 'operator');
    const { description = '' } = plans.settingsOf(name, newest)!;
    made.push({ plan: name, clients, description, key });
  }
  return made;
}

/** To the newest version, whatever the demo was subscribed to before. */
async function subscribe({ subscriptions }: Registry, plan: string, newest: number): Promise<void> {
  const [id, { state, planVersion } = {}] = subscriptions.current(CONSUMER, plan) ?? [];
  if (id === undefined || state !== 'approved') await subscriptions.ask(CONSUMER, plan, 'operator');
  else if (planVersion !== newest) await subscriptions.move(id);
}
