/** What a gateway has open besides its listeners: the log, the store and what rests on it, what counts, connections to backends. */
import { ResponseCaches } from './cache/response-cache.ts';
import { OpenConnections } from './connections.ts';
import { openRegistry, type Registry } from './consumers/registry.ts';
import type { Generation } from './generation.ts';
import { Limiter } from './limits/limiter.ts';
import type { Connections, Connector } from './load/model.ts';
import { secretsOf } from './load/secrets.ts';
import type { HemSettings } from './load/settings/settings.ts';
import type { BackendMetrics } from './metrics/backend-metrics.ts';
import { type Log, openLog } from './metrics/log.ts';
import { Metrics } from './metrics/metrics.ts';
import { traceCalls } from './metrics/traced-calls.ts';
import type { Tracing } from './metrics/tracing.ts';
import { UsageRecorder } from './metrics/usage-recorder.ts';
import type { LimitingServices } from './operation/limits/limiting.ts';
import { Keyring } from './principal/keyring.ts';
import { scrubberOfLines } from './scrubber.ts';
import { openStore } from './store/open.ts';
import type { Store } from './store/store.ts';
import { isShared } from './upstream/shared-calls.ts';
import type { SharingOptions } from './upstream/sharing-settings.ts';

export interface Services extends AsyncDisposable, Pick<Log, 'log' | 'requests'> {
  readonly store: Store;
  /** Consumers and their keys; undefined where there are no plans. */
  readonly registry: Registry | undefined;
  /** Undefined where nothing is counted. */
  readonly metrics: Metrics | undefined;
  /** Undefined where it is not kept who uses what. */
  readonly usage: UsageRecorder | undefined;
  /** Undefined where nothing is traced. */
  readonly tracing: Tracing | undefined;
  readonly caches: ResponseCaches;
  readonly limits: LimitingServices;
  readonly connections: OpenConnections;
  readonly keyring: Keyring;
}

export interface ServiceOptions {
  /** What no line of the log may show, besides the secrets of the configuration. */
  readonly secrets: readonly string[];
  /** A log that is there already. */
  readonly log: Log['log'] | undefined;
  /** Whether it runs to be looked at. */
  readonly isQuiet?: boolean | undefined;
}

/** Opens all, waiting for no backend. What was opened is closed again when one fails. */
export async function openServices(
  { configuration, graph, views }: Generation,
  options: ServiceOptions,
): Promise<Services> {
  const { settings, directory, plans } = configuration;
  await using opened = new AsyncDisposableStack();

  const clients = views.map(({ client }) => client);
  const scrub = scrubberOfLines([...options.secrets, ...secretsOf({ ...settings, ...graph, clients })]);
  const { log, requests } = opened.use(
    openLog(settings.log, scrub, { given: options.log, isQuiet: options.isQuiet }),
  );

  const store = opened.use(await openStore(settings.store, directory.root, log, true));
  const registry =
    plans === undefined
      ? undefined
      : opened.use(await openRegistry({ store, settings: settings.keys, root: directory.root, log }));
  const keyring = opened.use(new Keyring(log));

  const usage = settings.usage.enabled
    ? new UsageRecorder(() => store.usage(), { settings: settings.usage, log })
    : undefined;
  const isCounting = settings.metrics.enabled || usage !== undefined;
  const metrics = isCounting ? new Metrics(settings.metrics, usage) : undefined;
  // What was counted is handed on when nothing calls any more, and before the store is closed.
  const { traces } = settings.telemetry;
  const tracing =
    traces &&
    opened.use(
      (await import('./metrics/open-telemetry.ts')).openTelemetry(traces, log.child({ to: 'traces' })),
    );
  opened.use(usage);
  opened.defer(() => metrics?.read());

  const caches = new ResponseCaches(store.cache);
  if (metrics !== undefined) {
    caches.onOutcome((client, outcome) => metrics.cached(client, outcome));
    metrics.readSizes(() => caches.sizes());
  }
  const sharing = new Set(graph.connectors.filter(readsForMany).map(({ name }) => name));
  const watch = watching([
    settings.metrics.enabled ? (...call) => metrics!.backends.watch(...call) : undefined,
    tracing && ((...call) => traceCalls(call, sharing.has(call[0]))),
  ]);
  const backends = metrics?.backends;
  const told = backends && {
    onBreaker: (...state: Parameters<BackendMetrics['broke']>) => backends.broke(...state),
    onLookup: (...lookup: Parameters<BackendMetrics['lookedUp']>) => backends.lookedUp(...lookup),
    onKeeping: (...kept: Parameters<BackendMetrics['keeps']>) => backends.keeps(...kept),
  };
  const connections = opened.use(
    new OpenConnections(graph.connectors, log, { clock: caches.clock, watch, ...told }),
  );

  const limits = limitingBy(store, settings, { log, metrics });
  const everything = opened.move();
  return {
    ...{ log, requests, store, registry, metrics, usage, tracing, caches, limits, connections, keyring },
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  };
}

/** One for all clients: a caller's budget is the same in each. Opened when a client first has a limit. */
function limitingBy(
  store: Store,
  settings: HemSettings,
  { log, metrics }: Pick<Services, 'log' | 'metrics'>,
): LimitingServices {
  let limiter: Limiter | undefined;
  return {
    settings,
    openLimiter: () => {
      limiter ??= new Limiter(store.limits(), {
        log,
        onDecision: metrics && ((limit, outcome) => metrics.limited(limit, outcome)),
      });
      return limiter;
    },
  };
}

function readsForMany({ options }: Connector): boolean {
  return isShared(options as Partial<SharingOptions>);
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
