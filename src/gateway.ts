/** A running gateway: one generation, its connections and its listeners. */
import { isAbsolute, join } from 'node:path';
import { type Logger, pino } from 'pino';
import { openAdminListener } from './admin/admin-listener.ts';
import { OpenConnections } from './connections.ts';
import { identityHeadersOf, isExchange } from './connectors/identity-settings.ts';
import { NO_KEYS } from './consumers/known-key.ts';
import { type KnownPlan, KnownPlans } from './consumers/known-plan.ts';
import { openRegistry, type Registry } from './consumers/registry.ts';
import { openPublicListener } from './doors/public-listener.ts';
import type { Engine } from './execute/engine.ts';
import { referenceEngine } from './execute/reference.ts';
import { type Generation, loadGeneration } from './generation.ts';
import type { ComposedGraph } from './graph/compose.ts';
import { Limiter } from './limits/limiter.ts';
import type { ClientAuth } from './load/auth.ts';
import type { Configuration } from './load/configuration.ts';
import type { Environment } from './load/environment.ts';
import type { Connections } from './load/model.ts';
import type { LoadedPlans } from './load/plans.ts';
import { type HemSettings, limitsOf } from './load/settings.ts';
import { Endpoint } from './operation/endpoint.ts';
import { Grants } from './operation/grants.ts';
import type { LimitingServices } from './operation/limiting.ts';
import { policiesOf } from './operation/policies.ts';
import { compiledEngine } from './plan/compiled.ts';
import { KeptPlans } from './plan/kept-plans.ts';
import { chosenReference } from './plan/shown.ts';
import { Authenticator } from './principal/authenticator.ts';
import type { Keys } from './principal/key-holders.ts';
import { Keyring } from './principal/keyring.ts';
import { openStore } from './store/open.ts';
import { loadOrMakeSecret } from './store/secret-file.ts';
import type { Store } from './store/store.ts';
import type { View } from './views/view.ts';

export interface GatewayOptions {
  /** The configuration directory. */
  readonly directory: string;
  readonly environment: Environment;
  /** Instead of the ports in hem.yml; 0 takes a free one. */
  readonly port?: number;
  readonly adminPort?: number;
  readonly log?: Logger;
}

export interface Gateway extends AsyncDisposable {
  /** `http://host:port` of the public listener. */
  readonly url: string;
  readonly adminUrl: string;
  readonly adminToken: string;
  readonly generation: Generation;
  /** Consumers and their keys; undefined where there are no plans. */
  readonly registry: Registry | undefined;
  /** Readiness off, stop accepting, finish what is in flight, complete subscriptions. */
  stop(): Promise<void>;
}

/** Loads, opens, listens. @throws {ConfigurationError} before anything is opened; system errors when a port is taken */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const generation = await loadGeneration(options.directory, options.environment);
  const { configuration, graph, views } = generation;
  const { settings } = configuration;
  const log = options.log ?? pino({ level: settings.log.level });
  const { tokenFile } = settings.admin;
  const adminToken = await loadOrMakeSecret(
    isAbsolute(tokenFile) ? tokenFile : join(configuration.directory.root, tokenFile),
  );

  const store = await openStore(settings.store, configuration.directory.root, log);
  const registry = await openRegistryOf(configuration, store, log);
  const connections = new OpenConnections(graph.connectors, log);
  const plans = new KeptPlans();
  const keyring = new Keyring(log);
  const identities = graph.connectors.map(({ settings: { identity } }) => identity);
  const keys = keysOf(registry);
  const limits = limitingBy(store, settings, log);
  const endpoints = views.map((view) => {
    const grants = new Grants(view);
    const { name, auth } = view.client;
    return new Endpoint(view, engineOf(view, graph, connections, plans), {
      settings,
      log,
      grants,
      policies: policiesOf(view, { grants, limits }),
      authenticator:
        auth === undefined
          ? undefined
          : new Authenticator(auth, {
              client: name,
              keyring,
              keys,
              handsTokensOn: identities.some(isExchange),
              plan: planOfClient(auth, configuration.plans),
              log: log.child({ client: name }),
            }),
    });
  });
  let ready = false;
  const publicListener = openPublicListener(endpoints, {
    settings,
    identityHeaders: identities.flatMap(identityHeadersOf),
    log,
  });
  const adminListener = openAdminListener({
    token: adminToken,
    ready: () => ready,
    registry,
    publicKeys: () => connections.publicKeys(),
    openGraph: async () => {
      const { openWholeGraph } = await import('./admin/whole-graph.ts');
      return openWholeGraph(graph, connections, limitsOf(settings));
    },
    log,
  });

  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      ready = false;
      await publicListener.close(settings.shutdown.grace);
      await adminListener.close();
      await connections[Symbol.asyncDispose]();
      await keyring[Symbol.asyncDispose]();
      await registry?.[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    })();
    return stopping;
  };

  try {
    const adminUrl = await adminListener.listen({ ...settings.admin, ...given(options.adminPort) });
    const url = await publicListener.listen({ ...settings.listen, ...given(options.port) });
    ready = true;
    return { url, adminUrl, adminToken, generation, registry, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Undefined where there are no plans that keys could be for: then nothing is opened. */
async function openRegistryOf(
  { settings, directory, plans }: Pick<Configuration, 'settings' | 'directory' | 'plans'>,
  store: Store,
  log: Logger,
): Promise<Registry | undefined> {
  if (plans === undefined) return undefined;
  try {
    return await openRegistry({
      store,
      settings: settings.keys,
      root: directory.root,
      plans: plans.plans,
      log,
    });
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

/** One for all clients: a caller's budget is the same in each. */
function limitingBy(store: Store, settings: HemSettings, log: Logger): LimitingServices {
  let limiter: Limiter | undefined;
  return {
    settings,
    openLimiter: () => {
      limiter ??= new Limiter(store.limits(), { log });
      return limiter;
    },
  };
}

/** What requests know of keys. */
function keysOf(registry: Registry | undefined): Keys {
  return {
    table: registry?.table ?? NO_KEYS,
    plans: new KnownPlans((name, version) => registry?.plans.settingsOf(name, version)),
  };
}

/** Of callers without a key: what clients/plans.yml says now. */
function planOfClient({ plan }: ClientAuth, loaded: LoadedPlans | undefined): KnownPlan | undefined {
  const settings = plan === undefined ? undefined : loaded?.plans.get(plan.name);
  return plan === undefined || settings === undefined
    ? undefined
    : { name: plan.name, version: undefined, settings };
}

function engineOf(view: View, graph: ComposedGraph, connections: Connections, plans: KeptPlans): Engine {
  const reference = referenceEngine(view, graph, connections);
  return view.client.settings.engine === 'reference'
    ? chosenReference(reference, view)
    : compiledEngine(view, graph, connections, { reference, plans });
}

function given(port: number | undefined): { readonly port?: number } {
  return port === undefined ? {} : { port };
}
