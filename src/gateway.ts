/** A running gateway: one generation, its connections and its listeners. */
import { isAbsolute, join } from 'node:path';
import type { Logger } from 'pino';
import { openAdminListener } from './admin/admin-listener.ts';
import { ResponseCaches } from './cache/response-cache.ts';
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
import { expose } from './metrics/exposition.ts';
import { openLog } from './metrics/log.ts';
import { Metrics } from './metrics/metrics.ts';
import { scrubber, secretsOf } from './metrics/scrubber.ts';
import { traceCalls } from './metrics/traced-calls.ts';
import { UsageRecorder } from './metrics/usage-recorder.ts';
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
  const { tokenFile } = settings.admin;
  const adminToken = await loadOrMakeSecret(
    isAbsolute(tokenFile) ? tokenFile : join(configuration.directory.root, tokenFile),
  );
  const logs = openLog(
    settings.log,
    scrubber([
      adminToken,
      ...secretsOf({ ...settings, ...graph, clients: views.map(({ client }) => client) }),
    ]),
    options.log,
  );
  const { log } = logs;

  const store = await openStore(settings.store, configuration.directory.root, log);
  const usage = settings.usage.enabled
    ? new UsageRecorder(() => store.usage(), { settings: settings.usage, log })
    : undefined;
  const metrics =
    settings.metrics.enabled || usage !== undefined ? new Metrics(settings.metrics, usage) : undefined;
  const { traces } = settings.telemetry;
  const tracing =
    traces &&
    (await import('./metrics/open-telemetry.ts')).openTelemetry(traces, log.child({ to: 'traces' }));
  const watch = watching([
    settings.metrics.enabled ? (...call) => metrics!.backends.watch(...call) : undefined,
    tracing && traceCalls,
  ]);
  const registry = await openRegistryOf(configuration, store, log);
  const caches = new ResponseCaches(store.cache);
  if (metrics !== undefined) caches.onOutcome((client, outcome) => metrics.cached(client, outcome));
  const connections = new OpenConnections(graph.connectors, log, { clock: caches.clock, watch });
  const plans = new KeptPlans();
  const keyring = new Keyring(log);
  const identities = graph.connectors.map(({ settings: { identity } }) => identity);
  const keys = keysOf(registry);
  const limits = limitingBy(store, settings, { log, metrics });
  const endpoints = views.map((view) => {
    const grants = new Grants(view);
    const { name, auth } = view.client;
    return new Endpoint(view, engineOf(view, graph, connections, plans), {
      settings,
      log,
      grants,
      policies: policiesOf(view, {
        graph,
        settings,
        grants,
        limits,
        caches,
        metrics,
        noted: logs.requests !== undefined,
        traced: tracing !== undefined,
      }),
      metrics: metrics?.of(name),
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
    requests: logs.requests,
    metrics,
    tracing,
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
    metrics: settings.metrics.enabled ? (accept) => expose(metrics!.families(), accept) : undefined,
    usage: usage && {
      store: () => store.usage(),
      settings: settings.usage,
      schemas: () => views.map(({ client, schema }) => ({ client: client.name, schema })),
      flush: () => {
        metrics!.read();
        return usage.flush();
      },
    },
    caches,
    log,
  });

  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      ready = false;
      await publicListener.close(settings.shutdown.grace);
      await adminListener.close();
      metrics?.read();
      await usage?.[Symbol.asyncDispose]();
      await tracing?.[Symbol.asyncDispose]();
      await connections[Symbol.asyncDispose]();
      await keyring[Symbol.asyncDispose]();
      await registry?.[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      logs[Symbol.dispose]();
    })();
    return stopping;
  };

  try {
    const adminUrl = await adminListener.listen({ ...settings.admin, ...given(options.adminPort) });
    const url = await publicListener.listen({ ...settings.listen, ...given(options.port) });
    usage?.start(() => metrics!.read());
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
function limitingBy(
  store: Store,
  settings: HemSettings,
  { log, metrics }: { readonly log: Logger; readonly metrics: Metrics | undefined },
): LimitingServices {
  let limiter: Limiter | undefined;
  return {
    settings,
    openLimiter: () => {
      limiter ??= new Limiter(store.limits(), {
        log,
        onDecision: metrics && ((name, outcome) => metrics.limited(name, outcome)),
      });
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

type Watch = NonNullable<Connections['watch']>;

/** All of them, the last one outermost; undefined where there is none. */
function watching(all: ReadonlyArray<Watch | undefined>): Watch | undefined {
  return all
    .filter((watch) => watch !== undefined)
    .reduce<Watch | undefined>(
      (inner, watch) =>
        inner === undefined
          ? watch
          : (connector, coordinate, call) => watch(connector, coordinate, inner(connector, coordinate, call)),
      undefined,
    );
}

function given(port: number | undefined): { readonly port?: number } {
  return port === undefined ? {} : { port };
}
