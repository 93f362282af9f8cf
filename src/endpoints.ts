/** The endpoint of each client: its engine, its policies, and who its callers are. */
import { isExchange } from './connectors/identity-settings.ts';
import { NO_KEYS } from './consumers/known-key.ts';
import { type KnownPlan, KnownPlans } from './consumers/known-plan.ts';
import type { Engine } from './execute/engine.ts';
import { referenceEngine } from './execute/reference.ts';
import type { Generation } from './generation.ts';
import type { ComposedGraph } from './graph/compose.ts';
import type { ClientAuth } from './load/checks/auth.ts';
import type { Connections } from './load/model.ts';
import type { LoadedPlans } from './load/plans.ts';
import { limitsOf } from './load/settings/settings.ts';
import { Grants } from './operation/auth/grants.ts';
import { Endpoint } from './operation/endpoint.ts';
import { policiesOf } from './operation/policies.ts';
import { compiledEngine } from './plan/compiled.ts';
import { KeptPlans } from './plan/kept-plans.ts';
import { chosenReference } from './plan/shown.ts';
import { Authenticator } from './principal/authenticator.ts';
import type { Keys } from './principal/key-holders.ts';
import type { Services } from './services.ts';
import type { View } from './views/view.ts';

export function endpointsOf(
  { configuration, graph, views }: Generation,
  services: Services,
): readonly Endpoint[] {
  const { settings } = configuration;
  const { log, requests, registry, metrics, tracing, caches, limits, connections, keyring } = services;
  const keptPlans = new KeptPlans();
  const keys = keysOf(registry);
  const handsTokensOn = graph.connectors.some((connector) => isExchange(connector.settings.identity));
  return views.map((view) => {
    const { name, auth } = view.client;
    const grants = new Grants(view);
    const authenticator =
      auth &&
      new Authenticator(auth, {
        client: name,
        keyring,
        keys,
        handsTokensOn,
        plan: planOfClient(auth, configuration.plans),
        log: log.child({ client: name }),
      });
    const policies = policiesOf(view, {
      ...{ graph, settings, grants, limits, caches, metrics },
      sources: configuration.directory,
      noted: requests !== undefined,
      traced: tracing !== undefined,
    });
    const maxValues = limitsOf(settings, view.client.settings).values;
    const engine = engineOf(view, graph, connections, { plans: keptPlans, maxValues });
    return new Endpoint(view, engine, {
      ...{ settings, log, grants, policies, authenticator },
      metrics: metrics?.of(name),
    });
  });
}

/** What requests know of keys. */
function keysOf(registry: Services['registry']): Keys {
  return {
    table: registry?.table ?? NO_KEYS,
    plans: new KnownPlans((name, version) => registry?.plans.versionOf(name, version)),
  };
}

/** Of callers without a key: what clients/plans.yml says now. */
function planOfClient({ plan }: ClientAuth, loaded: LoadedPlans | undefined): KnownPlan | undefined {
  const settings = plan === undefined ? undefined : loaded?.plans.get(plan.name);
  return plan === undefined || settings === undefined
    ? undefined
    : { name: plan.name, version: undefined, settings, excluded: {} };
}

function engineOf(
  view: View,
  graph: ComposedGraph,
  connections: Connections,
  { plans, maxValues }: { readonly plans: KeptPlans; readonly maxValues: number },
): Engine {
  const reference = referenceEngine(view, graph, connections, { maxValues });
  return view.client.settings.engine === 'reference'
    ? chosenReference(reference, view)
    : compiledEngine(view, graph, connections, { reference, plans, maxValues });
}
