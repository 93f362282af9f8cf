/** A running gateway: one generation, what it has open, and its listeners. */

import { isAbsolute, join } from 'node:path';
import type { Logger } from 'pino';
import { type AdminListener, openAdminListener } from './admin/admin-listener.ts';
import { keysOfTypes } from './admin/invalidate.ts';
import type { OutOfDate } from './cache/tags.ts';
import { identityHeadersOf } from './connectors/identity-settings.ts';
import type { Registry } from './consumers/registry.ts';
import { openPublicListener } from './doors/public-listener.ts';
import { endpointsOf } from './endpoints.ts';
import { type Generation, loadGeneration } from './generation.ts';
import type { Environment } from './load/environment.ts';
import { limitsOf } from './load/settings/settings.ts';
import { expose } from './metrics/exposition.ts';
import { openServices, type Services } from './services.ts';
import { loadOrMakeSecret } from './store/secret-file.ts';
import { ViewMeanings } from './views/plan-meanings.ts';

export interface GatewayOptions {
  /** The configuration directory. */
  readonly directory: string;
  readonly environment: Environment;
  /** Instead of the ports in hem.yml; 0 takes a free one. */
  readonly port?: number;
  readonly adminPort?: number;
  readonly log?: Logger;
  /** Whether it runs to be looked at: of the log, warnings only, unless hem.yml says otherwise. */
  readonly isQuiet?: boolean;
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
  const { settings, directory, plans } = generation.configuration;
  const { tokenFile } = settings.admin;
  const adminToken = await loadOrMakeSecret(
    isAbsolute(tokenFile) ? tokenFile : join(directory.root, tokenFile),
  );
  await using unfinished = new AsyncDisposableStack();
  const services = unfinished.use(
    await openServices(generation, { secrets: [adminToken], log: options.log, isQuiet: options.isQuiet }),
  );
  const { log, requests, metrics, tracing, usage, registry } = services;

  let ready = false;
  const publicListener = openPublicListener(endpointsOf(generation, services), {
    ...{ settings, log, requests, metrics, tracing },
    identityHeaders: generation.graph.connectors.flatMap((connector) =>
      identityHeadersOf(connector.settings.identity),
    ),
  });
  const adminListener = openAdmin(generation, services, { adminToken, ready: () => ready });
  // From here on `stop` closes them.
  unfinished.move();

  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      ready = false;
      // Whichever of them fails, the others are closed: what was counted is written, what was taken of limits is given back.
      await using open = new AsyncDisposableStack();
      open.use(services);
      open.defer(() => adminListener.close());
      open.defer(() => publicListener.close(settings.shutdown.grace));
    })();
    return stopping;
  };

  try {
    const adminUrl = await adminListener.listen({ ...settings.admin, ...given(options.adminPort) });
    const url = await publicListener.listen({ ...settings.listen, ...given(options.port) });
    // Not before it is certain that this process serves them: others may share the store.
    if (plans !== undefined) await registry?.offer(plans.plans, new ViewMeanings(generation.views));
    usage?.start(() => metrics!.read());
    ready = true;
    return { url, adminUrl, adminToken, generation, registry, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function openAdmin(
  { configuration: { settings }, graph, views }: Generation,
  { log, registry, connections, metrics, usage, store, caches }: Services,
  { adminToken, ready }: { readonly adminToken: string; readonly ready: () => boolean },
): AdminListener {
  return openAdminListener({
    ...{ ready, registry, caches, log },
    token: adminToken,
    types: keysOfTypes(graph),
    publicKeys: () => connections.publicKeys(),
    openGraph: async () => {
      const { openWholeGraph } = await import('./admin/whole-graph.ts');
      const invalidate = (what: readonly OutOfDate[]) => caches.invalidate(what);
      return openWholeGraph(graph, connections, { limits: limitsOf(settings), invalidate });
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
  });
}

function given(port: number | undefined): { readonly port?: number } {
  return port === undefined ? {} : { port };
}
